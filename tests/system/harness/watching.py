# SPDX-License-Identifier: Apache-2.0
"""Runs with health and metrics on, and the asking of them."""

import contextlib
import http.client
import json
import socket
import time

from harness import process


_held = []   # sockets: what binds their ports without naming them passes them over


def free_ports(count):
    """Ports of loopback that nobody listens on, and that the kernel gives to nobody else while this
    process lives: they stay bound here, and may be bound once more by the process that is told to
    listen there (SO_REUSEADDR, as servers set it)."""
    sockets = [socket.socket() for _ in range(count)]
    for entry in sockets:
        entry.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        entry.bind(("127.0.0.1", 0))
    _held.extend(sockets)
    return [entry.getsockname()[1] for entry in sockets]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)


def ask(port, path, method="GET", limit=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit)
    try:
        connection.request(method, path)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def parse_metrics(text):
    """{'name{label="value"}': number} of an exposition."""
    samples = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in samples, f"{name} comes twice"
            samples[name] = float(value)
    return samples


class Watched(process.Background):
    """A run whose health and metrics can be asked."""

    def __init__(self, lake, endpoint, *positional, **options):
        self.health_port, self.metrics_port = free_ports(2)
        options = {"health_port": self.health_port, "metrics_port": self.metrics_port, **options}
        super().__init__(*process.run_arguments(lake, endpoint, *positional, **options))
        try:
            self.wait_for(self._listens, "its ports listen", 30)
        except BaseException:
            self.end()
            raise

    def _listens(self):
        try:
            ask(self.health_port, "/live")
            ask(self.metrics_port, "/metrics")
            return True
        except OSError:
            return False

    def health(self):
        return ask(self.health_port, "/health")

    def ask(self, path, method="GET"):
        return ask(self.health_port, path, method)

    def metrics(self):
        return parse_metrics(ask(self.metrics_port, "/metrics").text)

    def wait_for_rule(self, rule, limit=40):
        """The first answer of /health that this rule speaks in."""
        return self.wait_for_health(
            lambda answer: any(reason["rule"] == rule for reason in answer.json["reasons"]),
            f"the rule {rule}", limit)

    def wait_for_status(self, status, limit=40):
        return self.wait_for_health(lambda answer: answer.json["status"] == status,
                                    f"the status {status}", limit)

    def wait_for_health(self, condition, what, limit=40):
        until = time.monotonic() + limit
        while True:
            answer = self.health()
            if condition(answer):
                return answer
            assert time.monotonic() < until, f"{what} did not come: {answer.text}\n{self.stderr}"
            assert self.running, self.finished()
            time.sleep(0.05)


def wait_until(ask_again, what, condition, limit=60):
    """The first answer of ask_again() that the condition is true for; an OSError asks again."""
    until = time.monotonic() + limit
    answer = None
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            answer = ask_again()
            if condition(answer):
                return answer
        time.sleep(0.05)
    raise AssertionError(f"{limit} s without: {what}; the last answer: {answer!r}")
