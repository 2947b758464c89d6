# SPDX-License-Identifier: Apache-2.0
"""Readers in processes of their own: programs that take a question a line and print rows.
tools/interop builds them below build/interop (TTP_INTEROP_DIR)."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess

from harness import process, truth
from interop import compare
from interop.readers import UINT32, Reader

HERE = pathlib.Path(__file__).resolve().parent
BUILT = pathlib.Path(os.environ.get("TTP_INTEROP_DIR", process.ROOT / "build" / "interop"))


class Program(Reader):
    """A reader whose `command` speaks the protocol; `needs` must be there."""
    folder = None

    def __init__(self):
        self._process = None

    def missing(self):
        for path in self.needs():
            if not pathlib.Path(path).exists():
                return f"{path} is not there (make interop)"
        return None

    def start(self):
        if self._process is None:
            self._process = subprocess.Popen(
                list(map(str, self.command())), cwd=BUILT / self.folder, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True, encoding="utf-8",
                env=process.environment(TZ="America/New_York"))
            self._version = json.loads(self._process.stdout.readline())["version"]

    def version(self):
        self.start()
        return self._version

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(60)

    def read(self, path, version, question=None):
        self.start()
        bounds = [None if question is None or question.is_null else str(value)
                  for value in ((None, None) if question is None else
                                (question.low, question.high))]
        json.dump({"Path": str(path), "Column": question and question.column, "Low": bounds[0],
                   "High": bounds[1]}, self._process.stdin)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        rows = []
        for line in self._process.stdout:
            row = json.loads(line)
            if isinstance(row, dict):
                assert "error" not in row, f"{self.name}: {question or path}: {row['error'][:2000]}"
                assert row["rows"] == len(rows)
                return self.table(rows, version)
            rows.append(row)
        raise AssertionError(f"{self.name} ended at: {question or path}")

    def table(self, rows, version):
        return compare.table_of_rows(rows, version)


class Duckdb2(Program):
    name = "DuckDB 2"
    folder = "duckdb2"

    def needs(self):
        return [BUILT / "duckdb2" / "bin" / "python"]

    def command(self):
        return [BUILT / "duckdb2" / "bin" / "python", HERE / "duckdb_program.py"]


class ArrowGo(Program):
    name = "arrow-go"
    folder = "arrow-go"

    def needs(self):
        return [BUILT / "arrow-go" / "arrow-go"]

    def command(self):
        return self.needs()


class ParquetJava(Program):
    name = "parquet-java"
    folder = "parquet-java"

    def refuses(self, profile, codec):
        return "no brotli codec comes with it" if codec == "brotli" else None

    def missing(self):
        return super().missing() or (None if shutil.which("java") else "no java")

    def needs(self):
        return [BUILT / "parquet-java" / "classes" / "Read.class"]

    def command(self):
        return ["java", "-Xmx2g", "-Duser.timezone=America/New_York", "-cp", "classes:lib/*",
                "Read"]


class Hyparquet(Program):
    """Its decimals are Numbers, rounded, and are compared as such; its texts are ordered by UTF-16,
    unlike Parquet's, so that ranges of texts are not asked."""
    name = "hyparquet"
    folder = "hyparquet"

    def missing(self):
        return super().missing() or (None if shutil.which("node") else "no node")

    def needs(self):
        return [BUILT / "hyparquet" / "node_modules" / "hyparquet-compressors"]

    def command(self):
        return ["node", HERE / "hyparquet" / "read.mjs"]

    def asks(self, question):
        if question.column == "amount_decimal":
            return question.is_null
        is_number = question.column == "timestamp" or question.column in UINT32
        return question.is_null or question.is_equality or is_number

    def table(self, rows, version):
        names = truth.COLUMNS[version]
        if "amount_decimal" in names:
            amount_at, at = names.index("amount"), names.index("amount_decimal")
            for row in rows:
                exact = truth.amount_decimal(row[amount_at])
                assert (exact is None) == (row[at] is None), row
                assert exact is None or abs(row[at] - exact) <= abs(exact) * 1e-15, row
                row[at] = exact
        return compare.table_of_rows(rows, version)


class Spark(Reader):
    name = "Spark"
    package = "pyspark"
    ordered = False

    def __init__(self):
        self._session = None

    def missing(self):
        if importlib.util.find_spec("pyspark") is None:
            return "no pyspark (make interop)"
        return None if shutil.which("java") else "no java"

    def refuses(self, profile, codec):
        return "no brotli codec comes with it" if codec == "brotli" else None

    def start(self):
        from pyspark.sql import SparkSession

        if self._session is None:
            self._session = (SparkSession.builder.master("local[2]").appName("ttp-interop")
                             .config("spark.ui.enabled", "false")
                             .config("spark.driver.bindAddress", "127.0.0.1")
                             .config("spark.driver.host", "127.0.0.1")
                             .config("spark.driver.memory", "3g")
                             .config("spark.sql.session.timeZone", "America/New_York")
                             .config("spark.sql.execution.arrow.pyspark.enabled", "true")
                             .getOrCreate())
            self._session.sparkContext.setLogLevel("ERROR")
        return self._session

    def read(self, path, version, question=None):
        from pyspark.sql import functions

        frame = self.start().read.parquet(str(path))
        if question is not None:
            column = functions.col(question.column)
            if question.is_null:
                frame = frame.where(column.isNull())
            else:
                low, high = (self.literal(question, value)
                             for value in (question.low, question.high))
                frame = frame.where(column == low if question.is_equality else
                                    column.between(low, high))
        frame = frame.withColumn("timestamp", functions.unix_micros("timestamp"))
        return frame.toArrow()

    @staticmethod
    def literal(question, value):
        from pyspark.sql import functions

        if question.column == "timestamp":
            return functions.timestamp_micros(functions.lit(value).cast("bigint"))
        if question.column == "transaction_hash":
            return functions.lit(bytes.fromhex(value))
        if question.column == "amount_decimal":
            return functions.lit(str(value)).cast("decimal(38,0)")
        return functions.lit(value)

    def close(self):
        if self._session is not None:
            self._session.stop()


ALL = (Duckdb2, ArrowGo, ParquetJava, Hyparquet, Spark)
