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


DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "tests/data/README.md",
                    ROOT / "tests/simulation/README.md"])
FOLDERS = "src|tests|tools|docs|deploy|bench|fuzz"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_a_document_names_are_there(document):
    text = document.read_text()
    # Also in the midst of a command; not what stands for many, such as src/<room> or tools/{a,b}.
    named = {name.rstrip("/.,-") for name in
             re.findall(rf"(?<![\w/.<-])((?:{FOLDERS})/[\w./*{{}}<>,-]*)", text)
             if not re.search("[*{<]", name)}
    linked = {link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)}
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not (document.parent / link).exists()]
    # Without its first folder: room/module.c, room/test_module.c.
    for name in set(re.findall(r"(?<![\w/.<-])(\w+/\w+\.[ch])\b", text)) - {"room/module.h"}:
        if not any((ROOT / folder / name).exists() for folder in ("src", "tests/unit", "tests", ".")):
            missing.append(name)
    assert missing == []


def test_each_function_that_the_architecture_names_is_in_its_file():
    named = re.findall(r"`(\w+/\w+\.[ch]):(\w+)`", (ROOT / "docs/ARCHITECTURE.md").read_text())
    assert len(named) > 30, "the ways of an event and of a commit name their functions"
    missing = [f"{path}:{function}" for path, function in named
               if not re.search(rf"^[\w *]+\b{function}\(", (ROOT / "src" / path).read_text(), re.M)]
    assert missing == []
