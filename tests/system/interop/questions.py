# SPDX-License-Identifier: Apache-2.0
"""What readers are asked by filters that they push down, and what the answers must be.

A filter sees minimum and maximum, page indexes, dictionaries and Bloom filters, at which a full
scan never looks."""

import dataclasses
import random

from harness import truth

TEXTS = ("event_type", "source_account", "dest_account", "asset_code", "asset_issuer", "amount",
         "memo", "contract_address", "memo_type")
NULLABLE = ("source_account", "dest_account", "asset_code", "asset_issuer", "memo",
            "operation_index", "contract_address", "memo_type", "amount_decimal")
U32 = ("ledger_sequence", "transaction_index", "operation_index", "event_index")


@dataclasses.dataclass(frozen=True)
class Question:
    """low <= column <= high; equality where they are one; IS NULL where both are None. Values as in
    truth.expected_row; texts and hashes are ordered by their bytes."""
    column: str
    low: object
    high: object

    @property
    def is_null(self):
        return self.low is None

    @property
    def is_equality(self):
        return self.low is not None and self.low == self.high

    def __str__(self):
        if self.is_null:
            return f"{self.column} IS NULL"
        if self.is_equality:
            return f"{self.column} = {self.low!r:.80}"
        return f"{self.column} BETWEEN {self.low!r:.80} AND {self.high!r:.80}"

    def answer(self, rows, version):
        """The rows (as truth.expected_row has them) that match."""
        at = truth.COLUMNS[version].index(self.column)
        if self.is_null or self.is_equality:
            return [row for row in rows if row[at] == self.low]
        low, high = order(self.low), order(self.high)
        return [row for row in rows if row[at] is not None and low <= order(row[at]) <= high]


def order(value):
    """A key that sorts as Parquet does."""
    return value.encode() if isinstance(value, str) else value


def neighbours(column, value, choice):
    """Values like this one that may or may not occur."""
    if column == "transaction_hash":
        return [value[:-2] + f"{int(value[-2:], 16) ^ 1:02x}", choice.randbytes(32).hex()]
    if isinstance(value, str):
        return [value + "~", value[:-1], value[:-1] + "\x00", value.swapcase()]
    if column in U32:
        return [value - 1 if value else 7, min(value + 1, 2**32 - 1)]
    return [value - 1, value + 1] if abs(value) < 10**37 else [-value]


def of_column(column, values, count, choice):
    """The questions to one column: least, greatest and other values that occur, their neighbours,
    what lies below and above all, ranges."""
    values = sorted(values, key=order)
    asked = {values[0], values[-1], *choice.sample(values, min(count, len(values)))}
    near = {other for value in sorted(asked, key=order)
            for other in choice.sample(neighbours(column, value, choice), 1)}
    for value in sorted(asked | near, key=order):
        yield Question(column, value, value)
    yield Question(column, values[0], values[-1])
    middle = values[len(values) // 3:2 * len(values) // 3 + 1]
    yield Question(column, middle[0], middle[-1])
    if column in U32 or column in ("timestamp", "amount_decimal"):
        yield Question(column, values[-1] + (values[-1] < 2**32 - 1 or column == "timestamp"),
                       values[-1] + 5 if column == "timestamp" else values[-1])
        for a, b in zip(values, values[1:]):
            if b - a > 2:
                yield Question(column, a + 1, b - 1)
                break


def ask(sample, version, count=4, seed=1):
    """The questions about a sample's rows."""
    choice = random.Random(seed)
    rows = sample.expected(version)
    asked = []
    for at, column in enumerate(truth.COLUMNS[version]):
        values = {row[at] for row in rows} - {None}
        if values:
            asked += of_column(column, values, count, choice)
        if column in NULLABLE:
            asked.append(Question(column, None, None))
    # An account that never was, in a column that may hold nothing but nulls.
    asked += [Question(column, "G" + "A" * 55, "G" + "A" * 55)
              for column in ("source_account", "dest_account")]
    return [question for question in dict.fromkeys(asked)
            if question.column != "amount_decimal" or question.is_null or
            max(abs(question.low), abs(question.high)) < 10**38]
