# SPDX-License-Identifier: Apache-2.0
"""The shared library of tests/system/native, which the build makes beside the unit tests
(TTP_BUILD_DIR, else build/release)."""

import ctypes
import functools
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("TTP_BUILD_DIR", ROOT / "build" / "release"))


@functools.cache
def library():
    path = BUILD / "lib" / "libttp_arrow_export.so"
    if not path.exists():
        pytest.fail(f"{path} is not there: build the target ttp_arrow_export with TTP_TESTS=ON, "
                    "or set TTP_BUILD_DIR")
    loaded = ctypes.CDLL(str(path))
    loaded.ttp_export.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int,
                                  ctypes.c_void_p, ctypes.c_void_p]
    loaded.ttp_recode.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                  ctypes.c_size_t]
    loaded.ttp_recode.restype = ctypes.c_int64
    loaded.ttp_problem.restype = ctypes.c_char_p
    return loaded
