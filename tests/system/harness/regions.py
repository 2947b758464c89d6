# SPDX-License-Identifier: Apache-2.0
"""Where in a Parquet file what lies: every byte of it belongs to one region. Reads Thrift's compact
protocol by itself, so that it depends on no reader that a damaged file may confuse."""

import collections

Region = collections.namedtuple("Region", "name start end")


class _Compact:
    """Thrift's compact protocol: structs as {field id: value}."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def integer(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self):
        size = self.varint()
        self.at += size
        return self.data[self.at - size:self.at]

    def list(self):
        head = self.byte()
        count = head >> 4
        if count == 15:
            count = self.varint()
        return [self.value(head & 15, in_list=True) for _ in range(count)]

    def value(self, kind, in_list=False):
        if kind in (1, 2):
            return self.byte() == 1 if in_list else kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.integer()
        if kind == 7:
            self.at += 8
            return None
        if kind == 8:
            return self.binary()
        if kind == 9:
            return self.list()
        assert kind == 12, f"a Thrift type {kind} is not expected in these files"
        return self.struct()

    def struct(self):
        fields, number = {}, 0
        while True:
            head = self.byte()
            if head == 0:
                return fields
            number = number + (head >> 4) if head >> 4 else self.integer()
            fields[number] = self.value(head & 15)


def _struct(data, at):
    """A struct's fields and where it ends."""
    reader = _Compact(data, at)
    return reader.struct(), reader.at


def _pages(data, chunk):
    """Header and body of each page of a column chunk."""
    start = min(chunk[field] for field in (9, 11) if field in chunk)
    end = start + chunk[7]
    while start < end:
        header, body = _struct(data, start)
        kind = {0: "data", 2: "dictionary", 3: "data"}[header[1]]
        yield Region(f"{kind} page header", start, body)
        start = body + header[3]
        yield Region(f"{kind} page", body, start)


def regions(data):
    """All regions of a file's bytes, in their order; they leave no gap."""
    size = len(data)
    footer_bytes = int.from_bytes(data[-8:-4], "little")
    footer, _ = _struct(data, size - 8 - footer_bytes)
    found = [Region("leading magic", 0, 4), Region("footer", size - 8 - footer_bytes, size - 8),
             Region("footer length", size - 8, size - 4), Region("trailing magic", size - 4, size)]
    for group in footer[4]:
        for column in group[1]:
            chunk = column[3]
            found += _pages(data, chunk)
            for name, at, length in (("offset index", 4, 5), ("column index", 6, 7)):
                if at in column:
                    found.append(Region(name, column[at], column[at] + column[length]))
            if 14 in chunk:
                header, bits = _struct(data, chunk[14])
                found += [Region("Bloom filter header", chunk[14], bits),
                          Region("Bloom filter bits", bits, bits + header[1])]
    found = sorted((region for region in found if region.end > region.start),
                   key=lambda region: region.start)
    assert found[0].start == 0 and found[-1].end == size
    for left, right in zip(found, found[1:]):
        assert left.end == right.start, f"{left} and {right}"
    return found
