#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a compaction costs beside encoding the same rows once: CPU seconds of both, in turn.
#
#   bench/compact.sh [EVENTS] [TIMES] [FILE_SIZE] [FOLDER]   default 300000, 5, 256KiB, a new folder
#
# A lake of files of that size is made of synthetic events. A copy of it is compacted, as a process
# of its own, and bench-encode encodes the same rows, in memory that it keeps and in fresh memory as
# a process of its own has it; all on one thread, without read-back.
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-300000}
times=${2:-5}
size=${3:-256KiB}
folder=${4:-$(mktemp -d)}
binary=$PWD/bin/parquet-consumer
encode=$PWD/bin/bench-encode
first=61000000
mkdir -p "$folder"
cd "$folder"

last=$("$binary" generate --seed 7 --first-ledger $first --events "$events" \
    --start-time 2026-01-05T00:00:00Z --out made.events | sed 's/.* to //')
"$binary" replay made.events --listen 127.0.0.1:0 >listening 2>replay.log &
source=$!
trap 'kill "$source" 2>/dev/null || true' EXIT
until grep -q listening listening; do sleep 0.1; done
"$binary" run --ttp-processor-endpoint "$(sed 's/.*listening on //' listening | tail -1)" \
    --output-path lake --schema-version 1.1.0 --partitioning-scheme date --max-file-size "$size" \
    --batch-size 1000 --health-port 0 --metrics-port 0 $first "$last" >run.log 2>&1

encode_cpu() {
    "$encode" made.events --input dictionary --threads 1 --out encoded.parquet "$@" |
        sed 's/.*"cpu_seconds": \([0-9.]*\).*/\1/'
}

echo "files $(find lake -name '*.parquet' | wc -l), rows $events"
TIMEFORMAT='%U %S'
for ((i = 0; i < times; i++)); do
    rm -rf copy && cp -r lake copy
    compacted=$({ time "$binary" compact --output-path copy --partition "" --max-file-size 1GiB \
        --verify-files off --encode-threads 1 >compact.log 2>&1; } 2>&1)
    encoded=$(encode_cpu --repeat 3)
    fresh=$(encode_cpu --fresh true)
    echo "$compacted $encoded $fresh" | awk '{ printf "compact %.3f s; encode %.3f s, ratio %.2f; " \
        "in fresh memory %.3f s, ratio %.2f\n", $1 + $2, $3, ($1 + $2) / $3, $4, ($1 + $2) / $4 }'
done
