# SPDX-License-Identifier: Apache-2.0
"""What comments and documents cite is there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.no_binary


def sources():
    for folder in ("src", "tests", "fuzz", "bench"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".py") and path != pathlib.Path(__file__):
                yield path


def test_every_section_of_the_design_that_is_cited_is_there():
    sections = set(re.findall(r"^## (\d+)\. ", (ROOT / "docs/DESIGN.md").read_text(), re.M))
    cited = {}
    for path in sources():
        text = re.sub(r"\s+(\*|#|//)?\s*", " ", path.read_text())
        for number in re.findall(r"design,? section (\w+)", text):
            cited.setdefault(number, path)
    assert cited, "nothing cites the design any more: this test has nothing to do"
    assert {number: path for number, path in cited.items() if number not in sections} == {}


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(document):
    text = document.read_text()
    named = set(re.findall(r"`((?:src|tests|tools|docs|deploy|bench|fuzz)/[\w./-]*\w\.\w+)`", text))
    linked = {link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)}
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not (document.parent / link).exists()]
    assert missing == []
