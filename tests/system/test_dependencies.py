# SPDX-License-Identifier: Apache-2.0
"""What is installed and linked is what the code includes."""

import re

import pytest

from harness import process

# Each dependency of cmake/Dependencies.cmake, with the headers by which one sees that it is used.
HEADERS = {
    "nghttp2": "nghttp2/", "microhttpd": "microhttpd.h", "jansson": "jansson.h",
    "sqlite": "sqlite3.h", "pq": "libpq-fe.h", "curl": "curl/", "expat": "expat.h",
    "openssl": "openssl/", "ssl": "openssl/ssl.h", "libdeflate": "libdeflate.h", "zstd": "zstd.h", "lz4": "lz4",
    "brotli": "brotli/", "xxhash": "xxhash.h", "snappy": "snappy-c.h",
}


def dependencies():
    text = (process.ROOT / "cmake" / "Dependencies.cmake").read_text()
    return (set(re.findall(r"^ttp_dependency\((\w+)", text, re.M)) |
            set(re.findall(r"^add_library\(deps::(\w+) INTERFACE", text, re.M)))


@pytest.mark.no_binary
def test_every_library_that_is_asked_for_is_included_somewhere():
    sources = [*process.ROOT.glob("src/**/*.[ch]")]
    includes = {name for path in sources
                for name in re.findall(r"^#include <(.+)>", path.read_text(), re.M)}
    assert dependencies() == set(HEADERS)
    for name, header in HEADERS.items():
        assert any(include.startswith(header) for include in includes), f"nothing includes {name}"
