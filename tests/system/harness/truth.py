# SPDX-License-Identifier: Apache-2.0
"""The recordings of tests/data and the rows that a correct lake of them holds."""

import dataclasses
import datetime
import functools
import json
import pathlib

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"

COLUMNS_1_0_0 = ("timestamp", "ledger_sequence", "transaction_hash", "event_type",
                 "source_account", "dest_account", "asset_code", "asset_issuer", "amount", "memo")
COLUMNS_1_1_0 = COLUMNS_1_0_0 + ("transaction_index", "operation_index", "contract_address",
                                 "event_index", "memo_type", "amount_decimal")
COLUMNS = {"1.0.0": COLUMNS_1_0_0, "1.1.0": COLUMNS_1_1_0}
SCHEMA_VERSIONS = tuple(COLUMNS)


@dataclasses.dataclass(frozen=True)
class Recording:
    """A recording: `network`, and each range of ledgers without a gap as (first, last)."""
    name: str
    network: str
    ranges: tuple

    @property
    def events(self):
        return DATA / f"{self.name}.events"

    @property
    def rows_file(self):
        return DATA / f"{self.name}.rows.jsonl"

    @property
    def first(self):
        return self.ranges[0][0]

    @property
    def last(self):
        return self.ranges[-1][1]


EARLY = Recording("pubnet-early", "pubnet",
                  ((6154623, 6154623), (16154623, 16154623), (46154623, 46154623)))
PROTOCOL13 = Recording("pubnet-protocol13", "pubnet", ((30820015, 30820015), (30822018, 30822020)))
PUBNET57 = Recording("pubnet-57500008", "pubnet", ((57500008, 57500008),))
PUBNET63 = Recording("pubnet-63092993-63092996", "pubnet", ((63092993, 63092996),))
TESTNET = Recording("testnet-1410048-1410207", "testnet", ((1410048, 1410207),))
PUBNET = (EARLY, PROTOCOL13, PUBNET57, PUBNET63)
ALL = PUBNET + (TESTNET,)


class TruthRow(dict):
    """A row of a recording. Nobody changes it (a copy is a plain dict), so what every reader must
    give for it is made once."""

    __slots__ = ("_expected",)

    def expected(self, version):
        try:
            return self._expected[version]
        except AttributeError:
            self._expected = {name: expected_row(self, name) for name in SCHEMA_VERSIONS}
            return self._expected[version]


@functools.cache
def read_rows(recording):
    """The recording's *.rows.jsonl as a tuple of TruthRow, in stream order."""
    with open(recording.rows_file, encoding="utf-8") as lines:
        return tuple(TruthRow(json.loads(line)) for line in lines)


def truth_rows(recordings, first=0, last=2**32 - 1):
    """The rows of the recordings whose ledger lies in first..last."""
    return [row for recording in recordings for row in read_rows(recording)
            if first <= row["ledger_sequence"] <= last]


def amount_decimal(amount):
    """What schema 1.1.0 stores: the integer, or None where it has more than 38 digits."""
    digits = amount.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits.lstrip("0")) > 38:
        return None
    return int(amount)


def expected_row(row, version):
    """A truth row as the tuple that every reader must give, in the version's column order: the
    timestamp as microseconds, the hash as lower-case hex, amount_decimal as int."""
    account_absent = "" if version == "1.0.0" else None
    values = {
        "timestamp": row["timestamp_us"],
        "ledger_sequence": row["ledger_sequence"],
        "transaction_hash": row["transaction_hash"],
        "event_type": row["event_type"],
        "source_account": account_absent if row["source_account"] is None
        else row["source_account"],
        "dest_account": account_absent if row["dest_account"] is None else row["dest_account"],
        "asset_code": row["asset_code"],
        "asset_issuer": row["asset_issuer"],
        "amount": row["amount"],
        "memo": row["memo"],
        "transaction_index": row["transaction_index"],
        "operation_index": row["operation_index"],
        "contract_address": row["contract_address"] or None,
        "event_index": row["event_index"],
        "memo_type": row["memo_type"],
        "amount_decimal": amount_decimal(row["amount"]),
    }
    return tuple(values[column] for column in COLUMNS[version])


def expected_rows(rows, version):
    return [row.expected(version) if isinstance(row, TruthRow) else expected_row(row, version)
            for row in rows]


def partition_directory(row, scheme):
    """The directory below output_path that a truth row belongs to."""
    return _directory(row["timestamp_us"] // 1_000_000, row["event_type"], scheme)


@functools.cache
def _directory(seconds, event_type, scheme):
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    if scheme == "simple":
        return ""
    parts = [f"year={time:%Y}", f"month={time:%m}", f"day={time:%d}"]
    if scheme != "date":
        parts.append(f"hour={time:%H}")
    if scheme == "date_hour_type":
        parts.append(f"event_type={event_type}")
    return "/".join(parts)
