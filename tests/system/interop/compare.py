# SPDX-License-Identifier: Apache-2.0
"""Compares what readers give with the truth, as Arrow tables of one set of types."""

import decimal

import pyarrow as pa

from harness import lake, truth

TYPES = dict(lake.ARROW_TYPES, timestamp=pa.int64())


def table_of_rows(rows, version):
    """Rows in the form of truth.expected_row as a table."""
    names = truth.COLUMNS[version]
    columns = list(zip(*rows)) if rows else [()] * len(names)
    arrays = []
    for name, values in zip(names, columns):
        if name == "transaction_hash":
            values = [bytes.fromhex(value) for value in values]
        elif name == "amount_decimal":
            values = [None if value is None else decimal.Decimal(value) for value in values]
        arrays.append(pa.array(values, TYPES[name]))
    return pa.table(arrays, names=list(names))


def normal(table, version):
    """A reader's table in our types: no value changes, else the cast fails."""
    columns = []
    for name in truth.COLUMNS[version]:
        column = table.column(name)
        if name == "timestamp" and pa.types.is_timestamp(column.type):
            assert column.type.tz in ("UTC", "Etc/UTC", "+00:00", "America/New_York"), \
                f"timestamps without a zone: {column.type}"
            column = column.cast(pa.timestamp("us", "UTC"))
        columns.append(column.cast(TYPES[name]))
    return pa.table(columns, names=list(truth.COLUMNS[version]))


def difference(got, expected, ordered=True):
    """None where both tables hold the same rows; else what differs first."""
    if got.num_rows != expected.num_rows:
        return f"{got.num_rows} rows, not {expected.num_rows}"
    if not ordered and got.num_rows > 1 and not got.equals(expected):
        keys = [(name, "ascending") for name in expected.column_names]
        got, expected = got.sort_by(keys), expected.sort_by(keys)
    for name in expected.column_names:
        a, b = got.column(name), expected.column(name)
        if a.equals(b):
            continue
        for row, (x, y) in enumerate(zip(a.to_pylist(), b.to_pylist())):
            if x != y:
                return f"row {row}, {name}: {x!r:.200}, not {y!r:.200}"
    return None
