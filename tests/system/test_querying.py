# SPDX-License-Identifier: Apache-2.0
"""Every block of docs/QUERYING.md runs against the demo's lake and finds something."""

import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from harness import lake as reading
from harness import process

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "QUERYING.md"
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
NEEDS = {"spark": "pyspark", "clickhouse": "chdb"}


def blocks(language):
    return [pytest.param(kind, text, id=f"{language}-{kind or number}")
            for number, (name, kind, text) in enumerate(BLOCKS) if name == language]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    process.execute("demo", cwd=folder).expect(0)
    return folder


def test_the_page_has_blocks_of_each_kind():
    assert {name for name, _, _ in BLOCKS} == {"text", "sql", "python"}
    assert len(blocks("sql")) >= 7 and len(blocks("python")) >= 5


@pytest.mark.parametrize(("kind", "text"), blocks("sql"))
def test_sql_of_the_page_finds_rows(demo, monkeypatch, kind, text):
    monkeypatch.chdir(demo)
    # The real clawbacks are the test network's.
    network = "testnet" if "clawback" in text else "pubnet"
    with reading.duckdb_connection() as connection:
        catalog = reading.catalog_path(demo / "data" / "demo" / network)
        connection.execute(f"ATTACH 'ducklake:sqlite:{catalog}' AS lake (READ_ONLY)")
        for statement in text.strip().rstrip(";").split(";\n"):
            answer = connection.execute(statement).to_arrow_table()
        assert answer.num_rows > 0, text


@pytest.mark.parametrize(("kind", "text"), blocks("python"))
def test_python_of_the_page_prints_something(demo, kind, text):
    needed = NEEDS.get(kind)
    if needed is not None and importlib.util.find_spec(needed) is None:
        pytest.skip(f"not run: no {needed}")
    if kind == "spark" and shutil.which("java") is None:
        pytest.skip("not run: Spark needs a Java of 17 or later")
    done = subprocess.run([sys.executable, "-c", text], cwd=demo, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
