# SPDX-License-Identifier: Apache-2.0
"""Programs of others that tools/go-program builds where there is Go; without, the tests that need one
are skipped with a word."""

import pathlib
import subprocess

import pytest

from harness import process


def path(name):
    tool = process.ROOT / "tools" / "go-program"
    answer = subprocess.run([tool, name], capture_output=True, text=True, check=False, timeout=1800)
    if answer.returncode != 0:
        pytest.skip(f"no {name}: {answer.stderr.strip()[-200:] or 'tools/go-program failed'}")
    return pathlib.Path(answer.stdout.strip())
