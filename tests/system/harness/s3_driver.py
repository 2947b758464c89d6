# SPDX-License-Identifier: Apache-2.0
"""The client of object stores behind a pipe: the build's s3-driver (TTP_BUILD_DIR, else
build/release), one command at a time."""

import subprocess
import threading

import pytest

from harness import native, process

LIMIT_SECONDS = 90


class Answer:
    def __init__(self, code, message, lines):
        self.code, self.message, self.lines = code, message, lines

    def __repr__(self):
        return f"{self.code}: {self.message} {self.lines[:20]}"

    def expect(self, code):
        assert self.code == code, repr(self)
        return self

    def value(self, name):
        """What stands behind a name: value("etag"); None where it is not said."""
        return next((line[len(name) + 1:] for line in self.lines if line.startswith(f"{name} ")),
                    None)

    @property
    def data(self):
        return bytes.fromhex(self.lines[0])


class Driver:
    """s3-driver on a bucket of `endpoint`, path style; `variables` is all of AWS's environment."""

    def __init__(self, endpoint, url="s3://bucket/lake", access="test", secret="testsecret",
                 variables=None, **options):
        program = native.BUILD / "bin" / "s3-driver"
        if not program.exists():
            pytest.fail(f"{program} is not there: build the target s3-driver with TTP_TESTS=ON, or"
                        " set TTP_BUILD_DIR")
        keys = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
        settings = {"endpoint": endpoint, "path_style": 1, "retry_ms": 20000, **options}
        words = [f"{name.replace('_', '-')}={value}" for name, value in settings.items()
                 if value is not None]
        # No test asks the real service of a machine, and none goes by a proxy.
        clean = {name: value for name, value in process.environment().items()
                 if not name.startswith("AWS_") and not name.lower().endswith("_proxy")}
        clean |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
        clean |= keys if variables is None else variables
        self.process = subprocess.Popen([program, url, *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=clean, text=True,
                                        errors="surrogateescape")
        self.opened = self._answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            assert self.process.wait(LIMIT_SECONDS) in (0, 1)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def _answer(self):
        lines = []
        watch = threading.Timer(LIMIT_SECONDS, self.process.kill)
        watch.start()
        try:
            for line in self.process.stdout:
                line = line.rstrip("\n")
                if line.startswith("= "):
                    code, _, message = line[2:].partition("\t")
                    return Answer(code, message, lines)
                lines.append(line[2:])
        finally:
            watch.cancel()
        raise AssertionError(f"s3-driver ended with {self.process.wait()} after {lines}")

    def call(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def names(self, below="", after=None):
        words = ["list", below] + ([after] if after is not None else [])
        answer = self.call(*words).expect("ok")
        return [bytes.fromhex(line.split(" ")[3]).decode() for line in answer.lines]
