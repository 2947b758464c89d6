# SPDX-License-Identifier: Apache-2.0
"""TLS to the server: the built-in one and stock grpcio, with and without certificates of clients,
through cuts; and each way in which two ends do not fit, with its sentence, its remedy and its end."""

import shutil
import ssl

import grpc
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
CERTIFICATES = process.ROOT / "tests" / "data" / "tls"
AUTHORITY = CERTIFICATES / "authority.pem"


def certificate(name):
    return {"tls_cert_file": CERTIFICATES / f"{name}.pem", "tls_key_file": CERTIFICATES / f"{name}.key"}


def serve(processes, name="server", demands=False, *arguments):
    """The built-in server with a certificate; its address by the name that this is for."""
    if name is not None:
        arguments += ("--tls-cert-file", CERTIFICATES / f"{name}.pem", "--tls-key-file",
                      CERTIFICATES / f"{name}.key")
    if demands:
        arguments += ("--tls-client-ca-file", AUTHORITY)
    server = processes(process.Replay([RECORDING.events], *arguments))
    return server.endpoint.replace("127.0.0.1", "localhost")


def run(lake, endpoint, status=0, **options):
    return process.run(lake, endpoint, FIRST, LAST, status=status, tls=True, schema_version="1.1.0",
                       **{"tls_ca_file": AUTHORITY, **options})


def test_a_run_by_tls_is_the_truth(lake, processes):
    run(lake, serve(processes))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_a_run_by_mutual_tls_through_cuts_is_the_truth(lake, processes, tmp_path):
    script = tmp_path / "faults"
    script.write_text("".join(f"event={number} reset\n" for number in range(100, 1100, 97)))
    endpoint = serve(processes, "server", True, "--fault", script)
    done = run(lake, endpoint, **certificate("client"))
    assert done.stderr.count('"message":"connected"') >= 10
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_stock_grpcio_serves_by_mutual_tls(lake):
    messages = stock_grpc.read_recording(RECORDING.events)
    credentials = grpc.ssl_server_credentials(
        [((CERTIFICATES / "server.key").read_bytes(), (CERTIFICATES / "server.pem").read_bytes())],
        root_certificates=AUTHORITY.read_bytes(), require_client_auth=True)
    with stock_grpc.Server(messages, credentials=credentials) as server:
        run(lake, f"localhost:{server.port}", **certificate("client"))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


@pytest.mark.parametrize(("name", "demands", "options", "words"), [
    ("strangers-server", False, {}, "authority that is not trusted here"),
    ("elsewhere", False, {}, "is for elsewhere.example, not for localhost"),
    ("server", True, {}, "demands a certificate of its clients"),
    ("server", True, certificate("strangers-server"), "refuses our certificate"),
    (None, False, {}, "set tls to false"),
], ids=["authority", "name", "no certificate", "refused certificate", "plaintext"])
def test_what_does_not_fit_ends_as_configuration(lake, processes, name, demands, options, words):
    done = run(lake, serve(processes, name, demands), status=2, **options)
    assert words in done.stderr


def test_tls_server_name_is_whom_the_certificate_is_for(lake, processes):
    run(lake, serve(processes, "elsewhere"), tls_server_name="elsewhere.example")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_a_server_of_tls_without_http2_is_told(lake):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")

    def answer(connection):
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    with process.LineServer(answer) as server:
        done = run(lake, server.endpoint.replace("127.0.0.1", "localhost"), status=2)
    assert "not HTTP/2 in it (ALPN h2)" in done.stderr


def test_a_client_without_tls_hears_that_the_server_speaks_it(lake, processes):
    done = process.run(lake, serve(processes), FIRST, LAST, status=1, max_attempts=2,
                       give_up_after="1s")
    assert "set tls to true" in done.stderr


@pytest.mark.parametrize(("name", "words"), [
    ("expired", "its certificate expired at 2020-01-02T00:00:00"),
    ("early", "its certificate is not valid before 2120-01-01T00:00:00")])
def test_a_certificate_out_of_its_time_is_waited_for(lake, processes, name, words):
    done = run(lake, serve(processes, name), status=1, max_attempts=2, give_up_after="1s")
    assert words in done.stderr and "and the clock here says" in done.stderr


def test_certificates_are_read_again_at_each_connection(lake, processes, tmp_path):
    """Once there was a connection, a refusal may pass: files that are being renewed."""
    files = {"tls_cert_file": tmp_path / "client.pem", "tls_key_file": tmp_path / "client.key"}

    def renew(name):
        for path, end in zip(files.values(), ("pem", "key")):
            shutil.copy(CERTIFICATES / f"{name}.{end}", path)

    renew("client")
    script = tmp_path / "faults"
    script.write_text("event=700 silence\n")
    endpoint = serve(processes, "server", True, "--fault", script)
    going = processes(process.run_background(
        lake, endpoint, FIRST, LAST, tls=True, tls_ca_file=AUTHORITY, schema_version="1.1.0",
        idle_timeout="1s", **files))
    going.wait_for(lambda: "connected" in going.stderr, "the first connection")
    renew("strangers-server")
    going.wait_for(lambda: "refuses our certificate" in going.stderr, "a refusal")
    renew("client")
    going.wait().expect(0)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
