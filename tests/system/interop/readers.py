# SPDX-License-Identifier: Apache-2.0
"""Readers that run inside Python. Each opens a file of ours, gives all rows or those that answer a
question, and pushes the question's filter down to the file where it can.

A reader has a name, `ordered` (rows come in the file's order), `filters` (False: it offers only
full scans), `refuses(profile, codec)` (a known limit of the reader, or None) and `read`, which gives a
table that compare.normal understands."""

import decimal
import importlib.metadata
import importlib.util

import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet

from harness import truth
from interop import compare


UINT32 = ("ledger_sequence", "transaction_index", "operation_index", "event_index")


class Reader:
    package = None
    ordered = True
    filters = True

    def missing(self):
        """Why it can't be asked here; None where it can."""
        if importlib.util.find_spec(self.package) is None:
            return f"no {self.package} (make interop)"
        return None

    def version(self):
        return importlib.metadata.version(self.package)

    def refuses(self, profile, codec):
        return None

    def asks(self, question):
        """Whether the reader can answer such a question as Parquet means it."""
        return True

    def close(self):
        pass


def scalar(question, value):
    """A value of a question as an Arrow scalar of its column's type in our files."""
    if question.column == "timestamp":
        return pa.scalar(value, pa.timestamp("us", "UTC"))
    if question.column == "transaction_hash":
        return pa.scalar(bytes.fromhex(value), pa.binary(32))
    if question.column == "amount_decimal":
        return pa.scalar(decimal.Decimal(value), pa.decimal128(38, 0))
    return pa.scalar(value, compare.TYPES[question.column])


def expression(question):
    """A question as an expression of pyarrow."""
    field = pyarrow.compute.field(question.column)
    if question.is_null:
        return field.is_null()
    low, high = scalar(question, question.low), scalar(question, question.high)
    return field == low if question.is_equality else (field >= low) & (field <= high)


class Pyarrow(Reader):
    name = "pyarrow"
    package = "pyarrow"

    def read(self, path, version, question=None):
        return pyarrow.parquet.read_table(
            path, filters=None if question is None else expression(question),
            page_checksum_verification=True)


class PyarrowDataset(Reader):
    name = "pyarrow dataset"
    package = "pyarrow"

    def read(self, path, version, question=None):
        options = pyarrow.dataset.ParquetFragmentScanOptions(page_checksum_verification=True)
        form = pyarrow.dataset.ParquetFileFormat(default_fragment_scan_options=options)
        dataset = pyarrow.dataset.dataset(str(path), format=form)
        return dataset.to_table(filter=None if question is None else expression(question))


class Duckdb(Reader):
    name = "DuckDB"
    package = "duckdb"

    def __init__(self):
        self._connection = None

    def read(self, path, version, question=None):
        if self._connection is None:
            import duckdb

            self._connection = duckdb.connect()
            # The session's zone is New York's; values must not depend on it.
            self._connection.execute("SET TimeZone = 'America/New_York'; SET threads = 2")
        sql, parameters = self.select(path, question)
        return self._connection.execute(sql, parameters).to_arrow_table()

    @staticmethod
    def select(path, question):
        sql = f"SELECT * FROM read_parquet('{path}')"
        if question is None:
            return sql, []
        mark = {"timestamp": "make_timestamptz(?::BIGINT)",
                "amount_decimal": "?::DECIMAL(38, 0)",
                # Else the column is cast, and its statistics are not looked at.
                **dict.fromkeys(UINT32, "?::UINTEGER")}.get(question.column, "?")
        if question.is_null:
            return f"{sql} WHERE {question.column} IS NULL", []
        values = [question.low, question.high]
        if question.column == "transaction_hash":
            values = [bytes.fromhex(value) for value in values]
        elif question.column == "amount_decimal":
            values = [str(value) for value in values]
        if question.is_equality:
            return f"{sql} WHERE {question.column} = {mark}", values[:1]
        return f"{sql} WHERE {question.column} BETWEEN {mark} AND {mark}", values

    def close(self):
        if self._connection is not None:
            self._connection.close()


class Polars(Reader):
    name = "polars"
    package = "polars"

    def read(self, path, version, question=None):
        import polars

        frame = polars.scan_parquet(path)
        if question is not None:
            column = polars.col(question.column)
            if question.is_null:
                frame = frame.filter(column.is_null())
            else:
                low, high = (self.literal(question, value)
                             for value in (question.low, question.high))
                frame = frame.filter(column == low if question.is_equality else
                                     (column >= low) & (column <= high))
        return frame.collect().to_arrow()

    @staticmethod
    def literal(question, value):
        import polars

        kinds = {"timestamp": polars.Datetime("us", "UTC"), "amount_decimal": polars.Decimal(38, 0),
                 "transaction_hash": polars.Binary}
        if question.column == "transaction_hash":
            value = bytes.fromhex(value)
        elif question.column == "amount_decimal":
            value = decimal.Decimal(value)
        elif question.column == "timestamp":
            return polars.lit(value, polars.Int64).cast(kinds["timestamp"])
        elif not isinstance(value, str):
            return polars.lit(value, polars.UInt32)
        return polars.lit(value, kinds.get(question.column))


class ParquetRs(Reader):
    """arrow-rs by way of arro3, which offers full scans."""
    name = "parquet-rs"
    package = "arro3.io"
    filters = False

    def missing(self):
        return None if importlib.util.find_spec("arro3") else "no arro3-io (make interop)"

    def version(self):
        return f"arro3-io {importlib.metadata.version('arro3-io')}"

    def read(self, path, version, question=None):
        import arro3.io

        return pa.table(arro3.io.read_parquet(path).read_all())


class Datafusion(Reader):
    """arrow-rs with statistics, page index, Bloom filters and filters inside of the scan."""
    name = "DataFusion"
    package = "datafusion"
    ordered = False

    def __init__(self):
        self._context = None

    def read(self, path, version, question=None):
        import datafusion

        if self._context is None:
            settings = datafusion.SessionConfig().with_target_partitions(2)
            for name in ("pushdown_filters", "reorder_filters", "enable_page_index", "pruning",
                         "bloom_filter_on_read"):
                settings = settings.set(f"datafusion.execution.parquet.{name}", "true")
            self._context = datafusion.SessionContext(settings)
        frame = self._context.read_parquet(str(path), skip_metadata=False)
        if question is not None:
            column = datafusion.col(question.column)
            if question.is_null:
                frame = frame.filter(column.is_null())
            else:
                low, high = (datafusion.lit(scalar(question, value))
                             for value in (question.low, question.high))
                frame = frame.filter(column == low if question.is_equality else
                                     (column >= low) & (column <= high))
        return pa.Table.from_batches(frame.collect(), frame.schema())


class Clickhouse(Reader):
    name = "ClickHouse (chdb)"
    package = "chdb"
    ordered = False

    def version(self):
        import chdb

        return f"{importlib.metadata.version('chdb')} ({chdb.query('SELECT version()')})".replace(
            '"', "").replace("\n", "")

    def read(self, path, version, question=None):
        import chdb

        names = ", ".join("reinterpretAsInt64(timestamp) AS timestamp" if name == "timestamp" else
                          name for name in truth.COLUMNS[version])
        where = "" if question is None else f" WHERE {self.condition(question)}"
        # The alias of the column selected must not stand in for the column asked for.
        sql = (f"SELECT {names} FROM file('{path}', Parquet){where} "
               "SETTINGS session_timezone = 'America/New_York', prefer_column_name_to_alias = 1, "
               "output_format_arrow_string_as_string = 1, schema_inference_make_columns_nullable = "
               "'auto', input_format_parquet_filter_push_down = 1, "
               "input_format_parquet_bloom_filter_push_down = 1, "
               "input_format_parquet_page_filter_push_down = 1")
        answer = chdb.query(sql, "ArrowStream").bytes()
        return pa.ipc.open_stream(answer).read_all() if answer else \
            compare.table_of_rows([], version)

    @classmethod
    def condition(cls, question):
        if question.is_null:
            return f"{question.column} IS NULL"
        low, high = cls.literal(question, question.low), cls.literal(question, question.high)
        if question.is_equality:
            return f"{question.column} = {low}"
        return f"{question.column} >= {low} AND {question.column} <= {high}"

    @staticmethod
    def literal(question, value):
        if question.column == "timestamp":
            return f"fromUnixTimestamp64Micro(toInt64({value}), 'UTC')"
        if question.column == "transaction_hash":
            return f"toFixedString(unhex('{value}'), 32)"
        if question.column == "amount_decimal":
            return f"toDecimal128('{value}', 0)"
        if isinstance(value, str):
            return f"unhex('{value.encode().hex()}')"
        return f"toUInt32({value})"


class Fastparquet(Reader):
    """Retired in 2026. Its types lose what pandas' old types can't hold: the decimals become floats
    and a hash's trailing zero bytes are cut, so that these are not compared in full."""
    name = "fastparquet"
    package = "fastparquet"
    filters = False

    def refuses(self, profile, codec):
        if profile == "compact":
            return "no DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY"
        return None

    def read(self, path, version, question=None):
        import fastparquet

        file = fastparquet.ParquetFile(str(path))
        # One by one: see the quirk in docs/INTEROP.md.
        return pa.concat_tables(self.table(file[group:group + 1].to_pandas(), version)
                                for group in range(len(file.row_groups)))

    def table(self, frame, version):
        columns = []
        for name in truth.COLUMNS[version]:
            values = frame[name]
            if name == "timestamp":
                columns.append(pa.array(values.astype("int64"), pa.int64()))
            elif name == "transaction_hash":
                columns.append(pa.array([value.ljust(32, b"\0") for value in values],
                                        pa.binary(32)))
            elif name == "amount_decimal":
                columns.append(values)
            else:
                columns.append(pa.Array.from_pandas(values, type=compare.TYPES[name]))
        names = list(truth.COLUMNS[version])
        if "amount_decimal" in names:
            columns[-1] = self.decimals(columns[names.index("amount")], columns[-1])
        return pa.table(columns, names=names)

    @staticmethod
    def decimals(amounts, floats):
        """The exact decimals, where the floats are what these become."""
        exact = [truth.amount_decimal(amount) for amount in amounts.to_pylist()]
        for value, number in zip(exact, floats):
            assert value is None and number != number or \
                abs(number - value) <= abs(value) * 1e-15, (value, number)
        return pa.array([None if value is None else decimal.Decimal(value) for value in exact],
                        pa.decimal128(38, 0))


# Of tests/system/requirements.txt, and of requirements-interop.txt.
SHORT = (Pyarrow, PyarrowDataset, Duckdb, Polars, ParquetRs)
LONG = (Datafusion, Clickhouse, Fastparquet)
