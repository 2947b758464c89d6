#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How much faster several streams are than one, from a server that paces each of them: so that it is
# the server that limits, and not the processor.
#
#   bench/streams.sh [LEDGERS] [PACE] [FOLDER]   default 2400, 50ms a ledger, a new folder
#
# The same ledgers are fetched into a new lake by 1, 2, 4 and 8 streams, in pieces of a sixteenth.
# The gain is the time of one stream over that of N; its share of N should be 0.95 and more.
set -euo pipefail
cd "$(dirname "$0")/.."
ledgers=${1:-2400}
pace=${2:-50ms}
folder=${3:-$(mktemp -d)}
binary=${TTP_BINARY:-$PWD/bin/parquet-consumer}
piece=$((ledgers / 16))
first=$((61000000 / piece * piece))
last=$((first + ledgers - 1))
mkdir -p "$folder"
cd "$folder"

# One more than is asked for: a later ledger ends the last one.
"$binary" generate --seed 7 --first-ledger $first --ledgers $((ledgers + 1)) \
    --start-time 2026-01-05T00:00:00Z --out made.events >/dev/null
"$binary" replay made.events --listen 127.0.0.1:0 --pace "$pace" >listening 2>replay.log &
source=$!
trap 'kill "$source" 2>/dev/null || true' EXIT
until grep -q listening listening; do sleep 0.1; done
endpoint=$(sed 's/.*listening on //' listening | tail -1)

echo "streams  seconds  gain  share  rows/s  CPU us/row  memory"
for streams in 1 2 4 8; do
    rm -rf lake
    "$binary" run --ttp-processor-endpoint "$endpoint" --output-path lake --schema-version 1.1.0 \
        --streams $streams --lease-ledgers $piece --health-port 0 --metrics-port 0 \
        --report report.json $first $last >run.log 2>&1
    python3 - $streams <<'PY'
import json, pathlib, sys
report = json.load(open("report.json"))
streams, seconds = int(sys.argv[1]), report["elapsed_seconds"]
kept = pathlib.Path("one.seconds")
if streams == 1:
    kept.write_text(str(seconds))
gain = float(kept.read_text()) / seconds
print(f"{streams:7}  {seconds:7.1f}  {gain:4.2f}  {gain / streams:5.3f}  {report['rows'] / seconds:6,.0f}"
      f"  {report['cpu_us'] / report['rows']:10.2f}"
      f"  {report['peak_resident_bytes'] / 2**20:4.0f} MiB")
PY
done
