# SPDX-License-Identifier: Apache-2.0
"""tools/check-layers on small trees: a right one passes, each kind of violation is named."""

import subprocess
import sys

import pytest

from harness.process import ROOT

pytestmark = pytest.mark.no_binary

LAYERS = """# comment
util:
os: util
rows: util
catalog: util os
app: *
<sqlite3.h>: catalog/query.c
<zlib.h>: catalog
"""
CMAKE = """ttp_room(util LIBRARIES deps::xxhash)
ttp_room(os USES util LIBRARIES Threads::Threads)
ttp_room(rows USES util)
ttp_room(catalog USES util os
         LIBRARIES deps::sqlite)
ttp_room(app USES util os rows catalog)
"""
TABLE = """# Architecture
| room | job | may use |
|---|---|---|
| util | text | – |
| os | files | util |
| rows | rows | util |
| catalog | SQL | os util |
| app | commands | all |

| what | where |
"""
FILES = {
    "src/util/text.h": "#include <stddef.h>\n",
    "src/os/file.h": '#include "util/text.h"\n',
    "src/rows/row.c": '#include "rows/row.h"\n#include "util/text.h"\n',
    "src/rows/row.h": "",
    "src/catalog/catalog.c": '#include <zlib.h>\n#include "os/file.h"\n',
    "src/catalog/query.c": "#include <sqlite3.h>\n",
    "src/app/main.c": '#include "rows/row.h"\n#include "version.h"\n',
}


def check(tmp_path, changes):
    for name, text in {**FILES, "src/LAYERS": LAYERS, "CMakeLists.txt": CMAKE,
                       "docs/ARCHITECTURE.md": TABLE, **changes}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    answer = subprocess.run([sys.executable, str(ROOT / "tools" / "check-layers"), str(tmp_path)],
                            capture_output=True, text=True, timeout=60, check=False)
    assert answer.stderr == ""
    return answer.returncode, answer.stdout.splitlines()


def test_a_right_tree_passes(tmp_path):
    assert check(tmp_path, {}) == (0, [])


@pytest.mark.parametrize("name, text, sentence", [
    ("src/rows/row.c", '\n#include "os/file.h"\n',
     "src/rows/row.c:2: room rows may not use room os (src/LAYERS)"),
    ("src/util/text.h", '#include "rows/row.h"\n',
     "src/util/text.h:1: room util may not use room rows (src/LAYERS)"),
    ("src/rows/row.c", '#  include "rows/gone.h"\n',
     "src/rows/row.c:1: there is no src/rows/gone.h"),
    ("src/rows/row.c", '#include "row.h"\n',
     'src/rows/row.c:1: include "row.h" as "room/module.h" of a room in src/LAYERS'),
    ("src/os/database.c", "#include <zlib.h>\n",
     "src/os/database.c:1: only catalog may include <zlib.h>"),
    ("src/catalog/commits.c", "#include <sqlite3.h>\n",
     "src/catalog/commits.c:1: only catalog/query.c may include <sqlite3.h>"),
    ("src/LAYERS", LAYERS.replace("catalog/query.c", "catalog/gone.c"),
     "<sqlite3.h>: there is no room or file catalog/gone.c"),
    ("src/extra/extra.c", "", "src/extra: no room of src/LAYERS"),
    ("src/LAYERS", LAYERS.replace("rows: util", "rows: util catalog"),
     "rows may only use rooms named above it, not catalog"),
    ("CMakeLists.txt", CMAKE.replace("rows USES util)", "rows USES util os)"),
     "CMakeLists.txt: ttp_room(rows) USES os util, src/LAYERS says util"),
    ("CMakeLists.txt", CMAKE.replace("ttp_room(rows USES util)\n", ""),
     "CMakeLists.txt: no ttp_room(rows …), which src/LAYERS names"),
    ("docs/ARCHITECTURE.md", TABLE.replace("| os util |", "| util |"),
     "ARCHITECTURE.md:7: catalog may use util, src/LAYERS says os util"),
    ("docs/ARCHITECTURE.md", TABLE.replace("| SQL | os util |", "| SQL | all |"),
     "ARCHITECTURE.md:7: catalog may use all, src/LAYERS says os util"),
    ("docs/ARCHITECTURE.md", TABLE.replace("| os | files | util |\n", ""),
     "ARCHITECTURE.md: the table of rooms lacks os, which src/LAYERS names"),
    ("docs/ARCHITECTURE.md", TABLE.replace("| app |", "| sink | files | util |\n| app |"),
     "ARCHITECTURE.md:8: sink is no room of src/LAYERS"),
    ("docs/ARCHITECTURE.md", TABLE.replace("| room |", "| place |"),
     "ARCHITECTURE.md: no table `| room | job | may use |`"),
])
def test_each_violation_is_named(tmp_path, name, text, sentence):
    status, lines = check(tmp_path, {name: text})
    assert status == 1
    assert any(line.endswith(sentence) for line in lines), lines


def test_a_tag_is_defined_once_in_all_rooms(tmp_path):
    files = {"src/os/file.c": "/* struct file {\n} */\nstruct file {\n    int fd;\n};\n",
             "src/os/file.h": "struct file;\nint file_size(const struct file *file);\n",
             "src/rows/row.c": 'static const char *text = "enum file {";\nenum row { ROW_A };\n'}
    assert check(tmp_path, files) == (0, [])
    files["src/rows/row.c"] += "\nunion file {\n    int number;\n};\n"
    assert check(tmp_path, files) == (
        1, ["src/rows/row.c:4: the tag file is also that of src/os/file.c:3"])


@pytest.mark.parametrize("line, is_refused", [
    ("struct file *file_open(const char *path)", True),
    ("static struct file *spare_file_new(void);", True),
    ("enum error_code file_open(struct file **out, const char *path, struct error *error);", False),
    ("struct file *files_newest(struct files *files);", False),
])
def test_a_constructor_returns_a_code(tmp_path, line, is_refused):
    status, lines = check(tmp_path, {"src/os/file.h": f"\n{line}\n"})
    assert status == int(is_refused)
    assert all("src/os/file.h:2: let " in line and "return an error_code" in line for line in lines)


CIRCLE = {
    "src/rows/row.h": '#include "rows/batch.h"\n',
    "src/rows/batch.h": '#include "rows/segment.h"\n',
    "src/rows/segment.c": '#include "rows/segment.h"\n#include "rows/row.h"\n',
    "src/rows/segment.h": "",
}
SENTENCE = ("src/rows: batch, row, segment include each other in a circle:"
            " what they share is a module of its own")


def test_modules_that_include_each_other_are_named(tmp_path):
    assert check(tmp_path, CIRCLE) == (1, [SENTENCE])


def test_modules_that_call_each_other_are_named_though_they_share_a_header(tmp_path):
    caller = '#include "rows/shared.h"\n\nint %s(void)\n{\n    return %s(); /* "%s" */\n}\n'
    files = {"src/rows/shared.h": "int row_a(void);\nint batch_b(void);\nint last_c(void);\n",
             "src/rows/row.c": caller % ("row_a", "batch_b", "last_c"),
             "src/rows/batch.c": caller % ("batch_b", "last_c", "row_a"),
             "src/rows/last.c": caller % ("last_c", "getpid", "row_a")}
    assert check(tmp_path, files) == (0, [])
    files["src/rows/last.c"] = caller % ("last_c", "row_a", "")
    assert check(tmp_path, files) == (1, [SENTENCE.replace("batch, row, segment include",
                                                           "batch, last, row use")])


def test_no_line_of_the_layers_allows_a_circle(tmp_path):
    layers = LAYERS + "circle rows: batch row segment\n"
    status, lines = check(tmp_path, {**CIRCLE, "src/LAYERS": layers})
    assert status == 1
    assert SENTENCE in lines


def test_the_project_keeps_its_layers():
    answer = subprocess.run([sys.executable, str(ROOT / "tools" / "check-layers")],
                            capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stdout
