# SPDX-License-Identifier: Apache-2.0
"""What tools/run-tests makes of the reports of ctest and pytest."""

import collections
import importlib.machinery
import importlib.util
import pathlib
import types

import pytest

import conftest

pytestmark = pytest.mark.no_binary

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "run-tests"

UNIT_REPORT = """<testsuite>
<testcase name="unit_killed" status="fail"><failure message="SIGALRM"/><system-out>\
[ RUN      ] is_well
[       OK ] is_well
[ RUN      ] hangs
</system-out></testcase>
<testcase name="unit_well" status="run"><system-out>[ RUN      ] is_well
[       OK ] is_well
</system-out></testcase></testsuite>"""


@pytest.fixture(scope="module")
def run_tests():
    loader = importlib.machinery.SourceFileLoader("run_tests", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    loader.exec_module(module)
    return module


def test_what_a_failed_program_printed_is_repeated_without_its_tests_that_passed(
        run_tests, tmp_path, capsys):
    (tmp_path / "unit.xml").write_text(UNIT_REPORT)
    count = run_tests.count_unit(tmp_path / "unit.xml")
    run_tests.print_failures(count.failures)
    assert str(count) == "2 passed, 1 failed"
    assert capsys.readouterr().out == "==== failed: unit_killed SIGALRM\n[ RUN      ] hangs\n"


def test_however_many_tests_failed_all_are_named_and_fit_what_ci_shows(run_tests, capsys):
    for count in (1, 5, 40):
        names = [f"unit_{number}" for number in range(count)]
        run_tests.print_failures([(name, "a line\n" * 1000) for name in names])
        printed = capsys.readouterr().out
        assert all(name in printed for name in names)
        assert 100 < len(printed.splitlines()) < 195


def test_what_was_counted_of_tests_and_of_campaigns_is_summed_up(run_tests, tmp_path, capsys):
    (tmp_path / "summary.txt").write_text("3333 passed, 0 failed, 16 skipped\n")
    run_tests.print_counted(tmp_path)
    (tmp_path / "campaigns.txt").write_text("20 passed, 1 failed\n")
    run_tests.print_counted(tmp_path)
    assert capsys.readouterr().out.splitlines() == ["3333 passed, 0 failed, 16 skipped",
                                                    "3353 passed, 1 failed, 16 skipped"]


def test_serial_tests_are_looked_for_in_the_files_that_have_some(run_tests):
    found = run_tests.serial_arguments(["-x"])
    assert found[0] == "-x" and "test_stop.py" in found and len(found) < 10
    assert run_tests.serial_arguments(["-k", "x", "test_stop.py::test_x"]) == \
        ["-k", "x", "test_stop.py::test_x"]


def test_a_part_of_what_sweeps_is_tested_each_time_and_all_of_it_in_campaigns():
    def item(name, **every):
        marker = types.SimpleNamespace(kwargs=every) if name.startswith("sweep") else None
        return types.SimpleNamespace(nodeid=f"test_x.py::{name}",
                                     get_closest_marker=lambda _: marker)

    items = [item("plain"), item("sweep_whole"), *(item(f"sweep[{n}]", every=5) for n in range(12))]
    seen = collections.Counter()
    chosen = [one.nodeid for one in items if conftest.is_chosen(one, False, seen)]
    assert chosen == ["test_x.py::plain", "test_x.py::sweep_whole",
                      *(f"test_x.py::sweep[{n}]" for n in (0, 5, 10))]
    assert [one for one in items if conftest.is_chosen(one, True, seen)] == items[1:]
