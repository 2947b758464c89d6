# SPDX-License-Identifier: Apache-2.0
"""All readers of docs/INTEROP.md, with all codecs, and files of many rows and of many row groups.
`make interop` runs it; a reader whose toolchain is missing is reported as not run."""

import os

import pytest

from harness import lake as reading
from harness import truth
from interop import cases, programs, readers

if os.environ.get("TTP_INTEROP") is None:
    pytest.skip("not run: make interop", allow_module_level=True)

pytestmark = pytest.mark.interop

KINDS = readers.SHORT + readers.LONG + programs.ALL
REAL = truth.PUBNET63.name
MANY_GROUPS = 30_000
LONG = int(os.environ.get("TTP_INTEROP_ROWS", "1000000"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return cases.Files(tmp_path_factory.mktemp("interop"))


def opened(kind):
    with cases.new_york():
        made = kind()
        if made.missing():
            pytest.skip(f"not run: {made.name}: {made.missing()}")
        yield made
        made.close()


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name.replace(" ", "-"))
def reader(request):
    yield from opened(request.param)


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind.filters],
                ids=lambda kind: kind.name.replace(" ", "-"))
def filtering_reader(request):
    yield from opened(request.param)


def skip_refused(reader, profile, codec):
    if reason := reader.refuses(profile, codec):
        pytest.skip(f"{reader.name}, {profile}, {codec}: {reason}")


@pytest.mark.parametrize("codec", reading.CODECS)
@pytest.mark.parametrize("profile", cases.PROFILES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_full_scans_find_every_value(reader, files, version, profile, codec):
    skip_refused(reader, profile, codec)
    for name, options in (("edge", cases.SMALL), ("edge", {}), (REAL, {})):
        path = files.file(name, version, profile, codec, **options)
        cases.scan(reader, files, name, version, path)


@pytest.mark.parametrize("name", ["nulls", "empty", "one"])
@pytest.mark.parametrize("profile", cases.PROFILES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_columns_of_nulls_or_of_empty_texts_and_a_single_row(reader, files, version, profile, name):
    skip_refused(reader, profile, "snappy")
    path = files.file(name, version, profile, "snappy", row_group_rows=7, page_size=1024)
    cases.scan(reader, files, name, version, path)
    if reader.filters:
        cases.ask(reader, files, name, version, path, count=1)


@pytest.mark.parametrize("profile", cases.PROFILES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_filters_find_what_occurs_and_nothing_else(filtering_reader, files, version, profile):
    skip_refused(filtering_reader, profile, "zstd")
    path = files.file("edge", version, profile, "zstd", **cases.SMALL)
    assert cases.ask(filtering_reader, files, "edge", version, path) > 500
    path = files.file(REAL, version, profile, "snappy", row_group_rows=300, page_size=2048)
    cases.ask(filtering_reader, files, REAL, version, path, count=2)


@pytest.mark.parametrize("profile", cases.PROFILES)
def test_many_row_groups(reader, files, profile):
    skip_refused(reader, profile, "lz4")
    path = files.file(MANY_GROUPS, "1.1.0", profile, "lz4", row_group_rows=500, page_size=4096)
    cases.scan(reader, files, MANY_GROUPS, "1.1.0", path)
    if reader.filters:
        cases.ask(reader, files, MANY_GROUPS, "1.1.0", path, count=1)


@pytest.mark.parametrize("profile", cases.PROFILES)
def test_many_rows(reader, files, profile):
    skip_refused(reader, profile, "zstd")
    path = files.file(LONG, "1.1.0", profile, "zstd")
    cases.scan(reader, files, LONG, "1.1.0", path)
    if reader.filters:
        cases.ask(reader, files, LONG, "1.1.0", path, count=1)
