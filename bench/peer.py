# SPDX-License-Identifier: Apache-2.0
"""Encodes the rows of a Parquet file with another project's writer, on one thread.

    peer.py WRITER MODE CODEC LEVEL INPUT OUT REPEAT

WRITER: pyarrow (Arrow C++), parquet-rs (arro3), polars, duckdb. MODE: default, or tuned (dictionary
limit 64 MiB, row groups of 1 Mi rows). The rows stand in memory as plain Arrow strings; only encoding
and writing is timed. Prints one JSON line: CPU seconds (user + system) as the median of the repeats,
file bytes, peak memory.
"""

import json
import os
import statistics
import sys
import time

os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

TUNED_ROWS = 1 << 20
TUNED_DICTIONARY = 64 << 20


def write_pyarrow(table, tuned, codec, level, out):
    import pyarrow.parquet as pq

    options = {"compression": codec, "use_dictionary": True}
    if codec not in ("none", "snappy"):
        options["compression_level"] = level
    if tuned:
        options |= {"dictionary_pagesize_limit": TUNED_DICTIONARY, "row_group_size": TUNED_ROWS}
    return lambda: pq.write_table(table, out, **options)


def write_parquet_rs(table, tuned, codec, level, out):
    from arro3.core import Table
    from arro3.io import write_parquet

    rows = Table.from_arrow(table)
    compression = {"none": "uncompressed", "gzip": f"gzip({level})", "zstd": f"zstd({level})",
                   "brotli": f"brotli({level})", "lz4": "lz4_raw"}.get(codec, codec)
    options = {"compression": compression}
    if tuned:
        options |= {"dictionary_page_size_limit": TUNED_DICTIONARY,
                    "max_row_group_size": TUNED_ROWS}
    return lambda: write_parquet(rows, out, **options)


def write_polars(table, tuned, codec, level, out):
    import polars

    frame = polars.from_arrow(table)
    options = {"compression": {"none": "uncompressed"}.get(codec, codec)}
    if codec in ("gzip", "zstd", "brotli"):
        options["compression_level"] = level
    if tuned:
        options["row_group_size"] = TUNED_ROWS
    return lambda: frame.write_parquet(out, **options)


def write_duckdb(table, tuned, codec, level, out):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
    connection.register("rows", table)
    options = ["FORMAT parquet", f"COMPRESSION {({'none': 'uncompressed', 'lz4': 'lz4_raw'}).get(codec, codec)}"]
    if codec == "zstd":
        options.append(f"COMPRESSION_LEVEL {level}")
    if tuned:
        options.append(f"ROW_GROUP_SIZE {TUNED_ROWS}")
    sql = f"COPY (SELECT * FROM rows) TO '{out}' ({', '.join(options)})"
    return lambda: connection.execute(sql)


WRITERS = {"pyarrow": write_pyarrow, "parquet-rs": write_parquet_rs, "polars": write_polars,
           "duckdb": write_duckdb}


def peak_rss_bytes():
    """Not getrusage's, which goes on from that of the process that started this one."""
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024


def main():
    writer, mode, codec, level, source, out, repeat = sys.argv[1:]
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    table = pq.read_table(source, use_threads=False).combine_chunks()
    write = WRITERS[writer](table, mode == "tuned", codec, int(level), out)
    write()
    cpu = []
    for _ in range(int(repeat)):
        started = time.process_time()
        write()
        cpu.append(time.process_time() - started)
    print(json.dumps({
        "rows": table.num_rows,
        "arrow_bytes": table.nbytes,
        "cpu_seconds": statistics.median(cpu),
        "file_bytes": os.path.getsize(out),
        "peak_rss_bytes": peak_rss_bytes(),
    }))


if __name__ == "__main__":
    main()
