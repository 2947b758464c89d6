# SPDX-License-Identifier: Apache-2.0
"""Starts the program under test: bounded runs, runs in the background, replay servers. Each
process has a time limit and is ended by the object that started it."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("TTP_BINARY", ROOT / "bin" / "parquet-consumer")).resolve()

# Generous: the sanitizers' builds are several times slower, and machines of CI are busy.
LIMIT_SECONDS = 60

# Environment that would configure the program behind a test's back.
_FOREIGN = ("PARQUET_CONSUMER_", "TTP_SERVICE_ADDRESS", "HEALTH_PORT", "STELLAR_NETWORK",
            "ENABLE_FLOWCTL", "START_LEDGER", "END_LEDGER", "BATCH_SIZE")


def environment(**changes):
    """The environment of a process under test; a value of None removes a variable."""
    values = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    values.setdefault("ASAN_OPTIONS", "abort_on_error=0:detect_leaks=1")
    values.setdefault("TSAN_OPTIONS", "halt_on_error=0:exitcode=66")
    for name, value in changes.items():
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value
    return values


class Finished:
    """A process that ended: its status and what it printed."""

    def __init__(self, arguments, status, stdout, stderr, seconds):
        self.arguments, self.status = arguments, status
        self.stdout, self.stderr, self.seconds = stdout, stderr, seconds

    def __repr__(self):
        return (f"{' '.join(map(str, self.arguments))}\n-> status {self.status} after"
                f" {self.seconds:.1f} s\n--- stdout\n{self.stdout[-3000:]}\n--- stderr\n"
                f"{self.stderr[-6000:]}")

    @property
    def output(self):
        return self.stdout + self.stderr

    def expect(self, status):
        """Itself, if it ended with `status` and no sanitizer complained."""
        assert self.status == status, f"expected status {status}\n{self!r}"
        for mark in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                     "Assertion"):
            assert mark not in self.stderr, repr(self)
        return self

    def says(self, *patterns):
        """Itself, if each regular expression occurs in what it printed (case does not matter)."""
        for pattern in patterns:
            assert re.search(pattern, self.output, re.I), f"does not say /{pattern}/\n{self!r}"
        return self


def execute(*arguments, limit=LIMIT_SECONDS, cwd=None, env=None, binary=None, text=True):
    """Runs `parquet-consumer ARGUMENTS` to its end."""
    command = [str(binary or BINARY), *map(str, arguments)]
    started = time.monotonic()
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=text,
                                timeout=limit, cwd=cwd, env=env or environment(), check=False)
    except subprocess.TimeoutExpired as error:
        output = b"" if error.stderr is None else error.stderr
        if isinstance(output, bytes):
            output = output.decode(errors="replace")
        raise AssertionError(f"{' '.join(command)} did not end within {limit} s\n"
                             f"{output[-6000:]}") from None
    return Finished(command, answer.returncode, answer.stdout, answer.stderr,
                    time.monotonic() - started)


class Background:
    """A process that runs beside the test. Its output goes to files: it never blocks on a pipe."""

    def __init__(self, *arguments, cwd=None, env=None, binary=None, stderr=None):
        """stderr: a descriptor that takes it instead of the file."""
        self.arguments = [str(binary or BINARY), *map(str, arguments)]
        self._folder = tempfile.TemporaryDirectory(prefix="ttp-process-")
        self._stdout = pathlib.Path(self._folder.name) / "stdout"
        self._stderr = pathlib.Path(self._folder.name) / "stderr"
        self.started = time.monotonic()
        with open(self._stdout, "wb") as stdout, open(self._stderr, "wb") as file:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL,
                                            stdout=stdout,
                                            stderr=file if stderr is None else stderr, cwd=cwd,
                                            env=env or environment())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def stdout(self):
        return self._stdout.read_text(errors="replace")

    @property
    def stderr(self):
        return self._stderr.read_text(errors="replace")

    @property
    def running(self):
        return self.process.poll() is None

    def finished(self):
        return Finished(self.arguments, self.process.returncode, self.stdout, self.stderr,
                        time.monotonic() - self.started)

    def wait(self, limit=LIMIT_SECONDS):
        """Waits for its end by itself."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not end within {limit} s\n{self.finished()!r}") from None
        return self.finished()

    def stop(self, number=signal.SIGTERM, limit=LIMIT_SECONDS):
        """Sends a signal and waits for the end."""
        if self.running:
            self.process.send_signal(number)
        return self.wait(limit)

    def wait_for(self, condition, what, limit=LIMIT_SECONDS, step=0.02):
        """Waits until condition() is true while the process runs."""
        until = time.monotonic() + limit
        while not condition():
            if not self.running:
                if condition():  # it ended between the two questions
                    return
                raise AssertionError(f"it ended before: {what}\n{self.finished()!r}")
            if time.monotonic() > until:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{limit} s without: {what}\n{self.finished()!r}")
            time.sleep(step)

    def wait_for_text(self, pattern, limit=LIMIT_SECONDS):
        """Waits until a regular expression occurs in what it printed."""
        self.wait_for(lambda: re.search(pattern, self.stdout + self.stderr, re.I),
                      f"output like /{pattern}/", limit)

    def end(self):
        if self.running:
            self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            self._folder.cleanup()


def child_of(pid):
    """The process that strace or its like started; None while there is none."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def keep_hang_ups_from_children():
    """A signal that is ignored (SIGHUP under nohup) stays ignored in what this process starts; one
    that it handles does not."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def peak_memory_bytes(pid):
    """High-water mark of a process (wait4's would count the forked Python, too)."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M)
    return int(match.group(1)) * 1024 if match else 0


class Replay(Background):
    """`parquet-consumer replay` of recordings on a free loopback port; .endpoint is ready."""

    def __init__(self, files, *arguments, env=None, binary=None):
        super().__init__("replay", *files, "--listen", "127.0.0.1:0", *arguments, env=env,
                         binary=binary)
        try:
            self.wait_for(lambda: "\n" in self.stdout, "the line `listening on H:P`", 30)
            first = self.stdout.splitlines()[0]
            match = re.fullmatch(r"listening on (\S+:\d+)", first)
            assert match, f"first line of replay: {first!r}"
            self.endpoint = match.group(1)
        except BaseException:
            self.end()
            raise


def run_arguments(lake, endpoint, *positional, **options):
    """Arguments of `run` into a lake: options by their JSON names; health and metrics are off
    unless an option says otherwise."""
    settings = {"ttp_processor_endpoint": endpoint, "output_path": lake, "health_port": 0,
                "metrics_port": 0, "retry_initial": "50ms", "retry_max": "500ms",
                "min_free_disk": 0, **options}
    arguments = ["run"]
    for name, value in settings.items():
        if value is None:
            continue
        if isinstance(value, bool):
            value = "true" if value else "false"
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments + [str(word) for word in positional]


def run(lake, endpoint, *positional, status=0, limit=LIMIT_SECONDS, env=None, cwd=None, **options):
    """A bounded run to its end, which must have the status given."""
    return execute(*run_arguments(lake, endpoint, *positional, **options), limit=limit, env=env,
                   cwd=cwd).expect(status)


def run_background(lake, endpoint, *positional, env=None, cwd=None, **options):
    return Background(*run_arguments(lake, endpoint, *positional, **options), env=env, cwd=cwd)


class LineServer(threading.Thread):
    """A TCP server for what is no TTP server: hands each connection to `serve(socket)`."""

    def __init__(self, serve):
        super().__init__(daemon=True)
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self.connections = 0
        self.endpoint = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def run(self):
        while not self._ended.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            connection.settimeout(10)
            with connection, contextlib.suppress(OSError):
                self._serve(connection)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._socket.close()
        self.join(15)
