#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the commands that look at a lake's files read, and what CPU they take:
#
#     bench/verify-io.sh [BINARY [LAKE]]
#
# Without LAKE it makes one first, under build/, where a later call finds it again: 500,000 events
# in some 40 files. "read" is what all read calls of the process return (rchar), those of the catalog
# included; "files opened" is how often it opens a data file (needs strace).
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-bin/parquet-consumer}
lake=${2:-build/verify-io-lake}
first=60000000
ledgers=780

make_lake() {
    local endpoint pid
    coproc SOURCE { exec bin/parquet-consumer generate --seed 1 --first-ledger $first \
        --ledgers $ledgers --start-time 2026-01-05T00:00:00Z --listen 127.0.0.1:0; }
    pid=$SOURCE_PID
    read -r endpoint <&"${SOURCE[0]}"
    bin/parquet-consumer run --ttp-processor-endpoint "${endpoint##* }" --output-path "$1" \
        --schema-version 1.1.0 --max-file-size 800KiB --health-port 0 --metrics-port 0 \
        --log-level warn $first $((first + ledgers - 1)) >/dev/null
    kill "$pid"
}

# A shell's /proc/self/io takes in the children that it waited for.
bytes_read() {
    bash -c 'read_bytes() { awk "/^rchar/ { print \$2 }" /proc/$$/io; }
             before=$(read_bytes); between=$(read_bytes); "$@" >/dev/null
             echo $(($(read_bytes) - between - (between - before)))' - "$@"
}

cpu_seconds() {
    local TIMEFORMAT='%U %S'
    { time "$@" >/dev/null; } 2>&1 | awk '{ printf "%.2f", $1 + $2 }'
}

data_file_opens() {
    if ! command -v strace >/dev/null; then
        echo '-'
        return
    fi
    local trace
    trace=$(mktemp -d)
    strace -ff -qq -e trace=openat -o "$trace/thread" "$@" >/dev/null
    cat "$trace"/thread.* | grep -c '\.parquet", O_RDONLY.* = [0-9]'
    rm -rf "$trace"
}

if [ ! -d "$lake" ]; then
    rm -rf "$lake.unfinished"
    make_lake "$lake.unfinished"
    mv "$lake.unfinished" "$lake"
fi
files=$(find "$lake" -name '*.parquet' -not -path '*/_lake/*')
size=$(xargs stat -c %s <<<"$files" | awk '{ sum += $1 } END { print sum }')
echo "$(wc -l <<<"$files") files, $((size / 1000)) kB"
echo '| command | read | times the files | files opened | CPU |'
echo '|---|---|---|---|---|'
for command in 'verify' 'verify --deep' 'repair --dry-run' 'repair --dry-run --deep' \
    'rebuild --dry-run'; do
    # shellcheck disable=SC2086  # words
    set -- "$binary" $command --output-path "$lake"
    "$@" >/dev/null # the cache is warm
    read_bytes=$(bytes_read "$@")
    printf '| `%s` | %d kB | %s | %s | %s s |\n' "$command" $((read_bytes / 1000)) \
        "$(awk "BEGIN { printf \"%.2f\", $read_bytes / $size }")" "$(data_file_opens "$@")" \
        "$(cpu_seconds "$@")"
done
