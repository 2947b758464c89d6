# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL servers of the tests' own, on loopback, and a proxy that loses what passes it."""

import os
import pathlib
import pwd
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

LIMIT_SECONDS = 60


def binaries():
    """The folder of initdb and postgres; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [pathlib.Path(found).resolve().parent] if found is not None else []
    folders += sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A fresh cluster in `folder`. initdb refuses root, so there it is of the user postgres. `durable`:
    it waits for the disk, which no test has to."""

    def __init__(self, folder, durable=False):
        self.fsync = "on" if durable else "off"
        self.folder, self.port, self.process = pathlib.Path(folder), free_port(), None
        self.data = self.folder / "data"
        self.owner = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        self.folder.mkdir(parents=True)
        if self.owner:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._execute("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync",
                      "-E", "UTF8", "--locale=C")
        self.start()

    def _execute(self, name, *arguments):
        done = subprocess.run([binaries() / name, *map(str, arguments)], cwd="/",
                              capture_output=True, text=True, timeout=LIMIT_SECONDS, **self.owner)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [binaries() / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder,
             "-c", "listen_addresses=127.0.0.1", "-c", f"fsync={self.fsync}"],
            cwd="/", stdout=log, stderr=log, **self.owner)
        log.close()
        self.wait_ready()

    def wait_ready(self):
        ends = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                return self.sql("SELECT 1", database="postgres")
            except AssertionError:
                assert time.monotonic() < ends, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.05)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, number=signal.SIGINT):
        """SIGINT ends sessions and the server; SIGQUIT lets it crash."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(LIMIT_SECONDS)
            self.process = None

    def restart(self, number=signal.SIGINT):
        self.stop(number)
        self.start()

    def sql(self, *statements, database="lake", user="postgres"):
        """Rows of the last one, as tuples of texts; NULL is None."""
        arguments = ["-h", "127.0.0.1", "-p", self.port, "-U", user, "-d", database, "-X", "-A",
                     "-t", "-q", "-F", "\x1f", "-P", "null=\x1e", "-v", "ON_ERROR_STOP=1"]
        for statement in statements:
            arguments += ["-c", statement]
        text = self._execute("psql", *arguments)
        return [tuple(None if value == "\x1e" else value for value in line.split("\x1f"))
                for line in text.split("\n") if line]

    def make_database(self, name="lake"):
        self.sql(f"CREATE DATABASE {name}", database="postgres")
        return name

    def conninfo(self, database="lake", port=None, **more):
        words = {"host": "127.0.0.1", "port": port or self.port, "dbname": database,
                 "user": "postgres", **more}
        return " ".join(f"{key}={value}" for key, value in words.items())

    def location(self, database="lake", port=None, **more):
        """For the option `catalog`."""
        return f"postgres:{self.conninfo(database, port, **more)}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Session:
    """A session of its own that runs `sql`, and holds what that takes, until the block ends."""

    def __init__(self, server, sql, database="lake"):
        self.server, self.database = server, database
        self.process = subprocess.Popen(
            [binaries() / "psql", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d",
             database, "-X", "-q", "-c", sql], cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_for_lock(self):
        ends = time.monotonic() + LIMIT_SECONDS
        while not self.server.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted",
                                  database=self.database):
            assert time.monotonic() < ends and self.process.poll() is None
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                        f" '{self.database}' AND pid <> pg_backend_pid()", database=self.database)


class Proxy(threading.Thread):
    """Hands connections on to a server. `watch(data, pair)` sees what a client sends, and returns
    whether it is to be handed on; it may cut the pair's client off."""

    def __init__(self, port, watch=lambda data, pair: True):
        super().__init__(daemon=True)
        self.target, self.watch = port, watch
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.ended, self.trips = self.listener.getsockname()[1], False, 0
        self.start()

    def run(self):
        while not self.ended:
            ready, _, _ = select.select([self.listener], [], [], 0.1)
            if ready:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except (OSError, ValueError):  # closed by the other side, or by us
            return client.close()
        pair = Pair(client, server)
        pair.serve(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        self.join(LIMIT_SECONDS)
        self.listener.close()


class Pair:
    def __init__(self, client, server):
        self.client, self.server, self.is_cut = client, server, False

    def cut(self):
        """The client loses its connection; the server does not know of it yet."""
        self.is_cut = True
        self.client.close()

    def serve(self, proxy):
        try:
            while not proxy.ended:
                sides = [self.server] if self.is_cut else [self.client, self.server]
                ready, _, _ = select.select(sides, [], [], 0.1)
                if not self.is_cut and self.client in ready:
                    data = self.client.recv(1 << 20)
                    proxy.trips += 1
                    if not data:
                        break
                    if proxy.watch(data, self):
                        self.server.sendall(data)
                if self.server in ready:
                    data = self.server.recv(1 << 20)
                    if not data:
                        break
                    if not self.is_cut:
                        self.client.sendall(data)
        except (OSError, ValueError):  # closed by the other side, or by us
            pass
        self.client.close()
        self.server.close()


class Spy:
    """What one connection's client says, as a list: the text of each statement that it lets run,
    and SYNC where it waits for the answers (postgresql.org/docs/15/protocol-message-formats.html).
    For `watch` of a Proxy."""

    SYNC = "Sync"
    NO_START = (80877103, 80877104)  # asks for TLS, or GSSAPI, and is refused in one byte

    def __init__(self):
        self.said, self._buffers, self._started, self._texts = [], {}, set(), {}

    def __call__(self, data, pair):
        self._buffers[pair] = self._buffers.get(pair, b"") + data
        while self._take(pair):
            pass
        return True

    def _take(self, pair):
        buffer, skip = self._buffers[pair], 1 if pair in self._started else 0
        if len(buffer) < skip + 4:
            return False
        length = skip + int.from_bytes(buffer[skip:skip + 4], "big")
        if len(buffer) < length:
            return False
        self._buffers[pair], message = buffer[length:], buffer[:length]
        if skip:
            self._note(pair, message[:1], message[5:])
        elif int.from_bytes(message[4:8], "big") not in self.NO_START:
            self._started.add(pair)
        return True

    def _note(self, pair, kind, body):
        if kind == b"P":
            name, text = body.split(b"\0")[:2]
            self._texts[pair, name] = text.decode()
        elif kind == b"B":
            self.said.append(self._texts[pair, body.split(b"\0")[1]])
        elif kind == b"S":
            self.said.append(self.SYNC)

    def transactions(self, word):
        """Those that say `word` and COMMIT, from BEGIN to the wait for COMMIT's answer."""
        found, current = [], None
        for text in self.said:
            if text.startswith("BEGIN"):
                current = []
            if current is not None:
                current.append(text)
                if text == self.SYNC and current[-2] == "COMMIT":
                    if any(word in said for said in current):
                        found.append(current)
                    current = None
        return found
