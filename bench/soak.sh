#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run that follows a live source for a while: memory, descriptors and CPU, sampled every 5 s.
#
#   bench/soak.sh [MINUTES] [FOLDER]     default 15, a new folder
#
# Some 5,000 synthetic events a second from `generate --listen`, a commit a minute. Ends with the
# run's last words and `verify --deep`; fails where an error was logged or verify finds a problem.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-15}
folder=${2:-$(mktemp -d)}
binary=$PWD/bin/parquet-consumer
mkdir -p "$folder"
cd "$folder"

"$binary" generate --seed 7 --first-ledger 61000000 --ledgers $((minutes * 60 * 10)) \
    --start-time 2026-01-05T00:00:00Z --listen 127.0.0.1:0 --pace 127ms >listening 2>generate.log &
source=$!
trap 'kill "$source" "${run:-$source}" 2>/dev/null || true' EXIT
until grep -q listening listening; do sleep 0.1; done
"$binary" run --ttp-processor-endpoint "$(sed 's/listening on //' listening)" --output-path lake \
    --schema-version 1.1.0 --max-file-age 1m --health-port 0 --metrics-port 0 \
    --start-ledger 61000000 >summary 2>run.log &
run=$!

echo "seconds resident_kib peak_kib descriptors threads cpu_seconds"
for ((second = 5; second <= minutes * 60; second += 5)); do
    sleep 5
    awk -v second=$second -v descriptors="$(ls "/proc/$run/fd" | wc -l)" \
        -v threads="$(ls "/proc/$run/task" | wc -l)" \
        -v cpu="$(awk '{ print ($14 + $15) / 100 }' "/proc/$run/stat")" \
        '/^VmRSS/ { resident = $2 } /^VmHWM/ { peak = $2 }
         END { print second, resident, peak, descriptors, threads, cpu }' "/proc/$run/status"
done | tee samples
kill -TERM "$run"
wait "$run"
run=$source
cat summary
"$binary" verify --deep --output-path lake
if grep -q '"level":"error"' run.log; then
    echo "soak: errors were logged: $folder/run.log" >&2
    exit 1
fi
