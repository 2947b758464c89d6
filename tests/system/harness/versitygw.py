# SPDX-License-Identifier: Apache-2.0
"""versitygw, an S3 server over a folder, on a free loopback port: another's word on what the protocol
is. tools/go-program builds it where there is Go; without, its tests are skipped with a word. tools/s3proxy
puts s3proxy in its place (TTP_S3_SERVER=s3proxy)."""

import os
import shutil
import signal
import socket
import subprocess
import time

from harness import go_program, process, watching

START_SECONDS = 60
S3PROXY = process.ROOT / "build" / "s3proxy" / "lib"


def versitygw(gateway):
    """The command, and what of the environment it wants."""
    return ([go_program.path("versitygw"), "--port", f"127.0.0.1:{gateway.port}", "posix",
             gateway.data],
            {"ROOT_ACCESS_KEY": gateway.access, "ROOT_SECRET_KEY": gateway.secret})


def s3proxy(gateway):
    settings = gateway.folder / "s3proxy.properties"
    settings.write_text(f"""s3proxy.endpoint={gateway.endpoint}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={gateway.access}
s3proxy.credential={gateway.secret}
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={gateway.data}
jclouds.identity=unused
jclouds.credential=unused
""")
    log = gateway.folder / "logback.xml"
    log.write_text('<configuration><root level="OFF"/></configuration>')
    return (["java", "-Xmx512m", f"-Dlogback.configurationFile={log}", "-cp", S3PROXY / "*",
             "org.gaul.s3proxy.Main", "--properties", settings], {})


SERVERS = {"versitygw": versitygw, "s3proxy": s3proxy}


class Gateway:
    """`with Gateway(folder) as gateway`: gateway.endpoint, with a bucket "bucket" and the keys test,
    testsecret. stop() and start() keep what is stored."""

    def __init__(self, folder, access="test", secret="testsecret"):
        self.folder = folder
        self.access, self.secret = access, secret
        self.data = folder / "data"
        (self.data / "bucket").mkdir(parents=True, exist_ok=True)
        self.port = watching.free_ports(1)[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.command, self.variables = SERVERS[os.environ.get("TTP_S3_SERVER", "versitygw")](self)

    def start(self):
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env={**os.environ, **self.variables})
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log()
                time.sleep(0.05)
        raise AssertionError(f"the S3 server does not listen\n{self.log()}")

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")[-3000:]

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
