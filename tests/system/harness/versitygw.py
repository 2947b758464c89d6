# SPDX-License-Identifier: Apache-2.0
"""versitygw, an S3 server over a folder, on a free loopback port: another's word on what the protocol
is. tools/go-program builds it where there is Go; without, its tests are skipped with a word."""

import os
import shutil
import signal
import socket
import subprocess
import time

from harness import go_program, watching

START_SECONDS = 30


class Gateway:
    """`with Gateway(folder) as gateway`: gateway.endpoint, with a bucket "bucket" and the keys test,
    testsecret. stop() and start() keep what is stored."""

    def __init__(self, folder, access="test", secret="testsecret"):
        self.program, self.folder = go_program.path("versitygw"), folder
        self.access, self.secret = access, secret
        self.data = folder / "data"
        (self.data / "bucket").mkdir(parents=True, exist_ok=True)
        self.port = watching.free_ports(1)[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        keys = {"ROOT_ACCESS_KEY": self.access, "ROOT_SECRET_KEY": self.secret}
        with open(self.folder / "versitygw.log", "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--port", f"127.0.0.1:{self.port}", "posix", self.data],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **keys})
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log()
                time.sleep(0.05)
        raise AssertionError(f"versitygw does not listen\n{self.log()}")

    def log(self):
        return (self.folder / "versitygw.log").read_text(errors="replace")[-3000:]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
