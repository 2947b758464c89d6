# SPDX-License-Identifier: Apache-2.0
"""Our decoder against Google's protobuf on damaged messages: both refuse the same ones, and read the
same values out of the rest. Strings are declared as bytes here, since what is not UTF-8 is for
the row to judge, not for the decoder.

A campaign takes another count and other messages (docs/RELIABILITY.md):

    DECODER_MESSAGES=1000000 DECODER_SEED=1 .venv/bin/python -m pytest -s tests/system/test_decoder.py
"""

import ctypes
import os
import random

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from harness import native, truth

pytestmark = pytest.mark.no_binary

MUTATIONS = int(os.environ.get("DECODER_MESSAGES", "100000"))
SEED = int(os.environ.get("DECODER_SEED", "20240115"))

FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS = {"bytes": FIELD.TYPE_BYTES, "uint32": FIELD.TYPE_UINT32, "uint64": FIELD.TYPE_UINT64,
           "int32": FIELD.TYPE_INT32, "int64": FIELD.TYPE_INT64, "bool": FIELD.TYPE_BOOL}

# Name: fields as (name, number, type, oneof); "?" is proto3's optional.
BODY = (("from", 1, "bytes", ""), ("asset", 2, "Asset", ""), ("amount", 3, "bytes", ""))
MESSAGES = {
    "Timestamp": (("seconds", 1, "int64", ""), ("nanos", 2, "int32", "")),
    "MuxedInfo": (("text", 1, "bytes", "content"), ("id", 2, "uint64", "content"),
                  ("hash", 3, "bytes", "content")),
    "IssuedAsset": (("asset_code", 1, "bytes", ""), ("issuer", 2, "bytes", "")),
    "Asset": (("native", 1, "bool", "asset_type"), ("issued_asset", 2, "IssuedAsset", "asset_type")),
    "EventMeta": (("ledger_sequence", 1, "uint32", ""), ("closed_at", 2, "Timestamp", ""),
                  ("tx_hash", 3, "bytes", ""), ("transaction_index", 4, "uint32", ""),
                  ("operation_index", 5, "uint32", "?"), ("contract_address", 6, "bytes", ""),
                  ("to_muxed_info", 7, "MuxedInfo", "")),
    "Transfer": (("from", 1, "bytes", ""), ("to", 2, "bytes", ""), ("asset", 3, "Asset", ""),
                 ("amount", 4, "bytes", "")),
    "Mint": (("to", 1, "bytes", ""),) + BODY[1:],
    "Burn": BODY,
    "Clawback": BODY,
    "Fee": BODY,
    "TokenTransferEvent": (("meta", 1, "EventMeta", ""), ("transfer", 2, "Transfer", "event"),
                           ("mint", 3, "Mint", "event"), ("burn", 4, "Burn", "event"),
                           ("clawback", 5, "Clawback", "event"), ("fee", 6, "Fee", "event")),
}


def event_class():
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")
    for name, fields in MESSAGES.items():
        described = file.message_type.add(name=name)
        oneofs = sorted({oneof for *_, oneof in fields if oneof and oneof != "?"})
        for oneof in oneofs:
            described.oneof_decl.add(name=oneof)
        for field_name, number, kind, oneof in fields:
            field = described.field.add(name=field_name, number=number, label=FIELD.LABEL_OPTIONAL)
            if kind in SCALARS:
                field.type = SCALARS[kind]
            else:
                field.type, field.type_name = FIELD.TYPE_MESSAGE, f".t.{kind}"
            if oneof == "?":
                described.oneof_decl.add(name=f"_{field_name}")
                field.proto3_optional = True
                field.oneof_index = len(described.oneof_decl) - 1
            elif oneof:
                field.oneof_index = oneofs.index(oneof)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.TokenTransferEvent"))


def by_google(event_type, data):
    """What is left of a message when Google's parser has read it; None if it refuses."""
    event = event_type()
    try:
        event.ParseFromString(data)
    except message.DecodeError:
        return None
    event.DiscardUnknownFields()
    # An oneof without a member, and native = false, are no asset and no memo to us.
    if event.HasField("meta") and event.meta.HasField("to_muxed_info") and \
            event.meta.to_muxed_info.WhichOneof("content") is None:
        event.meta.ClearField("to_muxed_info")
    kind = event.WhichOneof("event")
    if kind is not None:
        body = getattr(event, kind)
        asset = body.asset.WhichOneof("asset_type")
        if asset is None or (asset == "native" and not body.asset.native):
            body.ClearField("asset")
    return event.SerializeToString(deterministic=True)


def by_us(data, room=ctypes.create_string_buffer(1 << 16)):
    size = native.library().ttp_recode(data, len(data), room, len(room))
    assert size != -2
    return None if size < 0 else room.raw[:size]


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_messages():
    for recording in truth.ALL:
        data, at = recording.events.read_bytes(), 0
        while at < len(data):
            length = shift = 0
            while True:
                byte = data[at]
                at, length, shift = at + 1, length | (byte & 0x7F) << shift, shift + 7
                if byte < 0x80:
                    break
            yield data[at:at + length]
            at += length


def piece(rng):
    """A few bytes that mean something in protobuf."""
    kind = rng.randrange(8)
    number = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 15, 16, 1000, 2 ** 29 - 1, 2 ** 29))
    if kind == 0:
        return varint(number << 3 | rng.randrange(8))
    if kind == 1:
        return varint(rng.choice((0, 1, 127, 128, 2 ** 31, 2 ** 32 + 5, 2 ** 63, 2 ** 64 - 1)))
    if kind == 2:  # longer than it need be
        return bytes(0x80 | rng.randrange(2) for _ in range(rng.randrange(1, 11))) + \
            bytes([rng.randrange(128)])
    if kind == 3:
        return varint(number << 3 | 3) + piece(rng) + varint(number << 3 | 4)
    if kind == 4:
        body = piece(rng)
        return varint(number << 3 | 2) + varint(len(body)) + body
    if kind == 5:
        return varint(number << 3 | rng.choice((1, 5))) + rng.randbytes(rng.choice((4, 8)))
    if kind == 6:
        return varint(number << 3) + varint(rng.getrandbits(rng.randrange(1, 65)))
    return rng.randbytes(rng.randrange(1, 4))


def mutate(rng, messages):
    data = bytearray(rng.choice(messages))
    for _ in range(rng.randrange(1, 4)):
        kind = rng.randrange(6)
        at = rng.randrange(len(data) + 1)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at:at] = piece(rng)
        elif kind == 2:
            del data[at:at + rng.randrange(1, 9)]
        elif kind == 3:
            data = data[:at] + rng.choice(messages)[rng.randrange(40):]
        elif kind == 4:
            data += rng.choice(messages)  # merges
        else:
            data[at:at + 1] = piece(rng)
    return bytes(data)


def compare(event_type, data):
    """True for a deliberate difference (docs/RELIABILITY-decoder.md)."""
    ours, theirs = by_us(data), by_google(event_type, data)
    if ours is None and theirs is not None and b"field number" in native.library().ttp_problem():
        return True
    assert ours == theirs, data.hex()
    return False


def test_real_messages_are_read_as_google_reads_them():
    event_type = event_class()
    for data in read_messages():
        assert by_us(data) == data
        assert not compare(event_type, data)


def test_damaged_messages_are_read_or_refused_as_google_does():
    event_type, messages = event_class(), list(read_messages())
    rng = random.Random(SEED)
    refused = different = 0
    for _ in range(MUTATIONS):
        data = mutate(rng, messages)
        refused += by_us(data) is None
        different += compare(event_type, data)
    print(f"{MUTATIONS} damaged messages: {refused} refused by both parsers but for {different} "
          "deliberate differences, the others read alike")
    assert MUTATIONS * 0.1 < refused < MUTATIONS * 0.9
    assert different < MUTATIONS * 0.005


def test_field_number_0_is_refused_inside_an_unknown_group_too():
    event_type = event_class()
    assert compare(event_type, b"\x7b\x00\x00\x7c")
    assert not compare(event_type, b"\x7b\x08\x00\x7c")
    assert not compare(event_type, b"\x00\x00")


@pytest.mark.parametrize("nested", [97, 98, 99, 100, 101, 102, 103])
@pytest.mark.parametrize("inside", [b"", b"\x0a", b"\x0a\x12", b"\x32\x12\x12"])
def test_groups_nest_as_deep_as_google_lets_them(nested, inside):
    data = b"\x7b" * nested + b"\x7c" * nested
    for tag in reversed(inside):
        data = bytes([tag]) + varint(len(data)) + data
    assert not compare(event_class(), data)
