# SPDX-License-Identifier: Apache-2.0
"""The batches between rows and Parquet are Arrow: pyarrow imports them through the C Data Interface
and finds in them what the recordings' producers wrote down."""

import ctypes
import datetime
import decimal
import gc

import pyarrow as pa
import pytest

from harness import native, truth

pytestmark = pytest.mark.no_binary

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

# Room for the C structs, whose layout the C Data Interface fixes (72 and 80 bytes).
Room = ctypes.c_uint64 * 10


def batches(recording, version, dictionaries):
    number = 0
    while True:
        schema, array = Room(), Room()
        result = native.library().ttp_export(
            str(recording.events).encode(), version.encode(), int(dictionaries), number,
            ctypes.addressof(schema), ctypes.addressof(array))
        if result == 1:
            return
        assert result == 0
        yield pa.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))
        number += 1


def expected(row, version):
    time = EPOCH + datetime.timedelta(microseconds=row["timestamp_us"])
    stored = dict(row, timestamp=time, transaction_hash=bytes.fromhex(row["transaction_hash"]),
                  amount_decimal=decimal.Decimal(row["amount"]))
    if version == "1.0.0":
        for account in ("source_account", "dest_account"):
            stored[account] = stored[account] or ""
    return {name: stored[name] for name in truth.COLUMNS[version]}


@pytest.mark.parametrize("dictionaries", [False, True], ids=["plain", "dictionaries"])
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
@pytest.mark.parametrize("recording", truth.ALL, ids=lambda recording: recording.name)
def test_pyarrow_imports_every_batch_and_finds_every_row(recording, version, dictionaries):
    rows = []
    for batch in batches(recording, version, dictionaries):
        batch.validate(full=True)
        texts = [field for field in batch.schema if field.name in
                 ("event_type", "source_account", "amount", "memo")]
        text = pa.dictionary(pa.int32(), pa.utf8()) if dictionaries else pa.utf8()
        assert {field.type for field in texts} == {text}
        rows += batch.to_pylist()
    wanted = [expected(row, version) for row in truth.read_rows(recording)]
    assert len(rows) == len(wanted)
    for row, want in zip(rows, wanted):
        assert row == want


def test_the_schema_is_that_of_the_version():
    (batch,) = batches(truth.PUBNET57, "1.1.0", False)
    text = pa.utf8()
    assert batch.schema.types == [
        pa.timestamp("us", tz="UTC"), pa.uint32(), pa.binary(32), text, text, text, text, text,
        text, text, pa.uint32(), pa.uint32(), text, pa.uint32(), text, pa.decimal128(38, 0)]
    assert tuple(batch.schema.names) == truth.COLUMNS_1_1_0
    required = {field.name for field in batch.schema if not field.nullable}
    assert required == {"timestamp", "ledger_sequence", "transaction_hash", "event_type", "amount"}
    assert [int(field.metadata[b"PARQUET:field_id"]) for field in batch.schema] == \
        list(range(1, 17))
    (planned,) = batches(truth.PUBNET57, "1.0.0", False)
    assert {field.name for field in planned.schema if field.nullable} == \
        {"asset_code", "asset_issuer", "memo"}


def test_a_column_outlives_its_batch():
    (batch,) = batches(truth.PUBNET57, "1.1.0", True)
    column = batch.column("source_account")
    wanted = [row["source_account"] for row in truth.read_rows(truth.PUBNET57)]
    del batch
    gc.collect()
    assert column.to_pylist() == wanted
