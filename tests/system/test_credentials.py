# SPDX-License-Identifier: Apache-2.0
"""Credentials that stand elsewhere (metadata env:NAME, file:PATH): they are renewed while a run goes
on, come from a pipe, can't be read for a while, and are shown nowhere."""

import json
import os
import subprocess

import grpc
import pytest

from harness import process, stock_grpc, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
MESSAGES = stock_grpc.read_recording(RECORDING.events)
FORBIDDEN = grpc.StatusCode.UNAUTHENTICATED


class Vault(stock_grpc.Server):
    """Takes only the token in force; each connection is cut after some events, and then the token
    is another one, at the server at once and in the file when renew() says so."""

    def __init__(self, path, cuts=3, lazy=False):
        self.path, self.lazy, self.number, self.cuts = path, lazy, 1, cuts
        self.write()
        super().__init__(MESSAGES, meddle=Vault._check)

    @property
    def token(self):
        return f"Bearer secret-{self.number}"

    def write(self):
        fresh = self.path.with_suffix(".new")
        fresh.write_text(self.token + "\n")
        os.replace(fresh, self.path)

    def _check(self, context, sent, _message):
        given = dict(context.invocation_metadata()).get("authorization")
        if sent == 0 and given != self.token:
            self.write()
            context.abort(FORBIDDEN, "the token is over")
        if sent == 600 and self.number <= self.cuts:
            self.number += 1
            if not self.lazy:
                self.write()
            context.abort(grpc.StatusCode.UNAVAILABLE, "the connection is too old")


def options(path):
    return {"metadata": json.dumps({"authorization": f"file:{path}"}), "schema_version": "1.1.0"}


def test_a_token_in_a_file_is_read_anew_for_each_request(lake, tmp_path):
    with Vault(tmp_path / "token") as server:
        done = process.run(lake, server.endpoint, FIRST, LAST, **options(server.path))
        given = [metadata["authorization"] for metadata in server.metadata]
    assert given == [f"Bearer secret-{number}" for number in range(1, 5)]
    assert "secret-" not in done.output


def test_a_token_that_was_renewed_after_the_request_is_tried_before_the_run_ends(lake, tmp_path):
    with Vault(tmp_path / "token", lazy=True) as server:
        done = process.run(lake, server.endpoint, FIRST, LAST, **options(server.path))
        assert len(server.metadata) > 4
    done.says("UNAUTHENTICATED: the token is over")


def test_a_token_that_stays_wrong_ends_the_run_at_once(lake, tmp_path):
    with Vault(tmp_path / "token") as server:
        wrong = tmp_path / "wrong"
        wrong.write_text("Bearer secret-of-another-server\n")
        done = process.run(lake, server.endpoint, FIRST, LAST, status=1, **options(wrong))
        assert len(server.requests) == 1
    done.says("UNAUTHENTICATED", "give credentials in metadata")
    assert "secret-" not in done.output


def test_a_token_file_that_is_gone_for_a_while_is_waited_for(lake, tmp_path):
    with Vault(tmp_path / "token", lazy=True) as server:
        def cut_and_take_away(context, sent, message):
            if sent == 600 and server.number == 1:
                server.path.unlink()
            return Vault._check(server, context, sent, message)
        server.meddle = lambda _server, *rest: cut_and_take_away(*rest)
        running = process.run_background(lake, server.endpoint, FIRST, LAST,
                                         **options(server.path))
        with running:
            running.wait_for_text("no request could be made.*authorization.*token")
            server.write()
            done = running.wait().expect(0)
    assert "secret-" not in done.output


def test_a_token_from_a_pipe_is_read_once_and_kept(lake, tmp_path):
    with Vault(tmp_path / "token", cuts=0) as server:
        reading, writing = os.pipe()
        os.write(writing, server.token.encode() + b"\n")
        os.close(writing)

        def cut_once(_server, context, sent, message):
            if sent == 600 and len(server.requests) == 1:
                context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
            return Vault._check(server, context, sent, message)
        server.meddle = cut_once
        command = [str(process.BINARY), *process.run_arguments(
            lake, server.endpoint, FIRST, LAST, **options(f"/dev/fd/{reading}"))]
        done = subprocess.run(command, pass_fds=[reading], capture_output=True, text=True,
                              timeout=process.LIMIT_SECONDS, env=process.environment(),
                              check=False)
        os.close(reading)
        assert done.returncode == 0, done.stderr
        assert [metadata["authorization"] for metadata in server.metadata] == [server.token] * 2
    assert "secret-" not in done.stdout + done.stderr


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_token_is_an_error_before_anything_is_made(lake, tmp_path, content):
    token = tmp_path / "token"
    token.write_text(content)
    for verb in ("run", "check-config"):
        process.execute(verb, "--output-path", lake, "--metadata",
                        options(token)["metadata"]).expect(2).says("token is empty")
    assert not lake.exists()


@pytest.mark.parametrize("name", ["content-length", "grpc-timeout", "host", "te"])
def test_check_config_refuses_the_headers_that_run_refuses(lake, name):
    for verb in ("run", "check-config"):
        process.execute(verb, "--output-path", lake, "--metadata",
                        json.dumps({name: "x"})).expect(2).says(f'"{name}" can\'t be a request header')
    assert not lake.exists()
