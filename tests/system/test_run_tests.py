# SPDX-License-Identifier: Apache-2.0
"""What tools/run-tests makes of the reports of ctest and pytest."""

import importlib.machinery
import importlib.util
import pathlib

import pytest

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
