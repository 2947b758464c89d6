# SPDX-License-Identifier: Apache-2.0
"""Samples: events in protobuf's wire format, encoded here by hand, beside the rows that a correct
file of them holds. The rows have the form of tests/data/*.rows.jsonl."""

import dataclasses
import functools
import json
import pathlib
import random
import subprocess

from harness import process, truth

ACCOUNT_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1

# Texts that a reader, a statistic or a comparison may get wrong.
TEXTS = (
    "", " ", "'", '"', "\\", "''\"\"``",
    "NULL", "null", "None", "NaN", "nan", "\x00", "a\x00b", "\x01", "\r",
    "\n", "\r\n", "line one\r\nline two\n", "\t", "a,b;c|d", "%s %d {}", "\x7f", "\x80",
    "\u00ff", "café", "cafe\u0301", "\u0130ı\u00df", "Ж", "你好", "\u202ertl", "\u200b", "\ufeffbom",
    "\ue000", "\uffff", "\U00010000", "🚀", "👩‍👩‍👧‍👦", "\U0010ffff", "\U0010ffff" * 40,
    "~" * 127 + "\U0010ffff" * 9,
    "x" * 28, "y" * 63 + "é", "y" * 64, "y" * 65, "z" * 1000, "memo " * 3000,
)
AMOUNTS = (
    "0", "-0", "1", "-1", "100", "00100", "-000", str(2**63 - 1), str(-2**63), str(2**63),
    str(2**64), str(2**127 - 1), "9" * 38, "-" + "9" * 38, "1" + "0" * 37, "1" + "0" * 38,
    "9" * 39, "-" + "9" * 39, "0" * 20 + "9" * 38, "", "-", "+5", "1.5", "1e3", " 7", "abc", "٣",
)
HASHES = (b"\x00" * 32, b"\xff" * 32, b"\x7f" + b"\xff" * 31, b"\x80" + b"\x00" * 31,
          b"a" * 31 + b"\x00", b"'\\x41\"\r\n\x01".ljust(32, b"\x00"))


# ---- the wire format -----------------------------------------------------------------------------

def varint(value):
    value &= U64_MAX
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return b"" if value == 0 else varint(field << 3) + varint(value)


def blob(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def text(field, value):
    """A string field: not sent where it is empty, as proto3 has it."""
    value = value.encode()
    return blob(field, value) if value else b""


MEMBERS = {"transfer": 2, "mint": 3, "burn": 4, "clawback": 5, "fee": 6}


def event(row):
    """The serialized TokenTransferEvent of a row."""
    seconds, micros = divmod(row["timestamp_us"], 1_000_000)
    meta = number(1, row["ledger_sequence"])
    meta += blob(2, number(1, seconds) + number(2, micros * 1000))
    meta += text(3, row["transaction_hash"]) + number(4, row["transaction_index"])
    if row["operation_index"] is not None:
        meta += varint(5 << 3) + varint(row["operation_index"])
    meta += text(6, row["contract_address"] or "")
    if row["memo_type"] == "text":
        meta += blob(7, blob(1, row["memo"].encode()))
    elif row["memo_type"] == "id":
        meta += blob(7, varint(2 << 3) + varint(int(row["memo"])))
    elif row["memo_type"] == "hash":
        meta += blob(7, blob(3, bytes.fromhex(row["memo"])))
    parts = [value for column in ("source_account", "dest_account")
             if (value := row[column]) is not None]
    member = b"".join(text(field, value) for field, value in enumerate(parts, 1))
    asset = len(parts) + 1
    if row["asset_code"] is not None:
        native = row["asset_issuer"] is None
        member += blob(asset, varint(1 << 3) + b"\x01" if native else
                       blob(2, text(1, row["asset_code"]) + text(2, row["asset_issuer"])))
    member += text(asset + 1, row["amount"])
    return blob(1, meta) + blob(MEMBERS[row["event_type"]], member)


# ---- rows ----------------------------------------------------------------------------------------

def account(choice, first="G"):
    return first + "".join(choice.choices(ACCOUNT_LETTERS, k=55))


def plain_row(choice, ledger, timestamp_us, kind):
    """A row as the network would make it; the caller spoils it."""
    return {
        "timestamp_us": timestamp_us, "ledger_sequence": ledger, "event_index": 0,
        "transaction_hash": choice.randbytes(32).hex(), "transaction_index": 1,
        "operation_index": None, "event_type": kind,
        "source_account": None if kind == "mint" else account(choice),
        "dest_account": account(choice) if kind in ("transfer", "mint") else None,
        "asset_code": "XLM", "asset_issuer": None, "contract_address": None, "amount": "100",
        "memo": None, "memo_type": None,
    }


def edge_ledgers(count):
    """Ascending, on both sides of what a signed number holds."""
    marks = (3, 2**31 - 60, 2**32 - 1 - 2 * count)
    for position in range(count):
        yield marks[position * len(marks) // count] + 2 * position


def edge_times(count):
    """Ascending microseconds from 1901 (ClickHouse knows none before 1900) to 2262, past midnight
    in New York but not in UTC, before 1970, around the change to and from summer time."""
    marks = (-2_170_000_000_000_001, -1, 0, 1_710_054_000_000_000, 1_705_291_200_000_000 + 10**13,
             1_730_613_599_999_999, 9_214_646_400_123_456)
    marks = sorted(marks)
    for position in range(count):
        yield marks[position * len(marks) // count] + position


def edge_rows():
    """Each column meets each of its edge cases, beside random neighbours."""
    choice = random.Random(1)
    accounts = [account(choice) for _ in range(20)] + [account(choice, "C"), account(choice, "L"),
                                                       account(choice, "B") + "AA", "", "G",
                                                       "é" * 40]
    rows = []
    count = 140
    for position, (ledger, time) in enumerate(zip(edge_ledgers(count), edge_times(count))):
        for index in range(1 + position % 5 * 2):
            number_ = len(rows)
            kind = tuple(MEMBERS)[number_ * 7 % 5]
            row = plain_row(choice, ledger, time, kind)
            row["event_index"] = index
            row["transaction_hash"] = (HASHES[number_ % 17] if number_ % 17 < len(HASHES) else
                                       bytes.fromhex(row["transaction_hash"])).hex()
            row["transaction_index"] = (0, 1, 2**31 - 1, 2**31, U32_MAX)[number_ % 5]
            row["operation_index"] = (None, 0, 1, 2**31, U32_MAX, None, None)[number_ % 7]
            for column in ("source_account", "dest_account"):
                if row[column] is not None:
                    row[column] = choice.choice(accounts)
            row["contract_address"] = (None, "C" * 56, "c", None)[number_ % 4]
            row["asset_code"], row["asset_issuer"] = (
                ("XLM", None), (None, None), ("XLM", accounts[3]), ("", ""), ("USDC", accounts[4]),
                ("ABCDEFGHIJKL", ""), ("é", accounts[5]))[number_ % 7]
            row["amount"] = AMOUNTS[number_ % len(AMOUNTS)]
            if number_ % 3 != 2:
                row["memo"], row["memo_type"] = (
                    (TEXTS[number_ % len(TEXTS)], "text"),
                    (str((0, 1, 2**63, U64_MAX)[number_ % 4]), "id"),
                    (choice.randbytes((0, 32, 5)[number_ % 3]).hex(), "hash"))[
                        0 if number_ % 5 < 3 else number_ % 5 - 2]
            rows.append(row)
    return rows


def null_rows():
    """Fees without an asset: every nullable column but the source is null in each row."""
    choice = random.Random(2)
    rows = []
    for ledger in range(100, 140):
        for index in range(3):
            row = plain_row(choice, ledger, 1_705_320_000_000_000 + ledger * 5_000_000, "fee")
            row |= {"event_index": index, "asset_code": None, "amount": "no number"}
            rows.append(row)
    return rows


def empty_rows():
    """Texts that are there and empty, in each row."""
    choice = random.Random(3)
    rows = []
    for ledger in range(100, 140):
        row = plain_row(choice, ledger, 1_705_320_000_000_000 + ledger * 5_000_000, "transfer")
        row |= {"source_account": "", "dest_account": "", "asset_code": "", "asset_issuer": "",
                "amount": "", "memo": "", "memo_type": "text"}
        rows.append(row)
    return rows


def one_row():
    row = plain_row(random.Random(4), 57500008, 1_749_664_001_000_000, "transfer")
    return [row | {"memo": "\x01 'one' \"row\"\r\n🚀", "memo_type": "text", "amount": "9" * 38}]


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """A file of events and the rows it holds, in its order."""
    name: str
    events: pathlib.Path
    rows: tuple

    @functools.cache
    def expected(self, version):
        return truth.expected_rows(self.rows, version)


def later_rows():
    """The edge cases after 1970 alone."""
    rows = edge_rows()
    first_us = rows[0]["timestamp_us"]
    return [row | {"timestamp_us": row["timestamp_us"] - first_us} for row in rows]


MADE = {"edge": edge_rows, "later": later_rows, "nulls": null_rows, "empty": empty_rows,
        "one": one_row}


def make(name, folder):
    """A sample of rows made here."""
    rows = MADE[name]()
    path = pathlib.Path(folder) / f"{name}.events"
    with open(path, "wb") as file:
        for row in rows:
            message = event(row)
            file.write(varint(len(message)) + message)
    return Sample(name, path, tuple(rows))


def real(recording):
    """A sample of real events."""
    return Sample(recording.name, recording.events, truth.read_rows(recording))


def generated(folder, events):
    """A sample of the program's own generator, which tells its rows itself."""
    name = f"generated-{events}"
    path, rows = pathlib.Path(folder) / f"{name}.events", pathlib.Path(folder) / f"{name}.jsonl"
    process.execute("generate", "--seed", 7, "--first-ledger", 60_000_000, "--events", events,
                    "--start-time", "2025-12-01T04:00:00Z", "--out", path, "--rows", rows,
                    limit=300).expect(0)
    with open(rows, encoding="utf-8") as lines:
        return Sample(name, path, tuple(json.loads(line) for line in lines))


# ---- files ---------------------------------------------------------------------------------------

def encode(sample, out, *, version="1.1.0", profile="compatible", codec="snappy", **options):
    """Writes a sample as one Parquet file, by the encoder alone."""
    command = [process.BINARY.parent / "bench-encode", sample.events, "--codec", codec, "--profile",
               profile, "--schema", version, "--repeat", 1, "--out", out]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", value]
    answer = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=300, check=False)
    assert answer.returncode == 0, f"{command}: {answer.stderr}"
    assert json.loads(answer.stdout)["rows"] == len(sample.rows)
    return out
