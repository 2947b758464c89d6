# SPDX-License-Identifier: Apache-2.0
"""The other end of the wire by somebody else: a TTP client and a TTP server on stock grpcio, with
hand-made stubs over raw bytes (no generated code)."""

import concurrent.futures
import threading

import grpc

SERVICE = "token_transfer_service.EventService"
METHOD = "GetTTPEvents"
PATH = f"/{SERVICE}/{METHOD}"


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7f) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def encode_request(start, end):
    """GetEventsRequest; zeros are left out, as proto3 does."""
    return b"".join(tag + varint(value) for tag, value in ((b"\x08", start), (b"\x10", end))
                    if value)


def decode_request(data):
    """(start, end) of a GetEventsRequest."""
    values, at = {1: 0, 2: 0}, 0
    while at < len(data):
        tag, at = read_varint(data, at)
        values[tag >> 3], at = read_varint(data, at)
    return values[1], values[2]


def read_recording(path):
    """The messages of an .events file, in order."""
    data = path.read_bytes()
    messages, at = [], 0
    while at < len(data):
        size, at = read_varint(data, at)
        messages.append(data[at:at + size])
        at += size
    assert at == len(data)
    return messages


def ledger_of(message):
    """meta.ledger_sequence: the first field of the first field."""
    assert message[0] == 0x0a
    _, at = read_varint(message, 1)
    assert message[at] == 0x08
    return read_varint(message, at + 1)[0]


def by_ledger(messages):
    """{ledger: its messages}, in stream order."""
    ledgers = {}
    for message in messages:
        ledgers.setdefault(ledger_of(message), []).append(message)
    return ledgers


class Answer:
    """What a call gave: messages, then a status."""

    def __init__(self, messages, code, details):
        self.messages, self.code, self.details = messages, code, details


def channel(endpoint, *options):
    # Each channel has its own connection: a script's counts would otherwise depend on pooling.
    return grpc.insecure_channel(endpoint, options=(("grpc.use_local_subchannel_pool", 1),
                                                    *options))


def call(endpoint, start, end, timeout=30, path=PATH, request=None, options=(), pause=None):
    """One GetTTPEvents call by a stock client, to its end. `pause(count)` is called after each
    message."""
    messages = []
    with channel(endpoint, *options) as connection:
        method = connection.unary_stream(path, request_serializer=bytes,
                                         response_deserializer=bytes)
        try:
            for message in method(encode_request(start, end) if request is None else request,
                                  timeout=timeout):
                messages.append(message)
                if pause is not None:
                    pause(len(messages))
        except grpc.RpcError as error:
            return Answer(messages, error.code(), error.details())
    return Answer(messages, grpc.StatusCode.OK, "")


class Server:
    """A TTP server on stock grpcio with ttp-processor's habits: a bounded request ends with OK once
    a later ledger is there (or the recording is over and END is not beyond it), an open one stays
    open. `meddle(server, context, sent, message)` is called before each message; it may abort the
    call, raise, or return another message. `change(server, context, messages)` gives what an answer
    consists of, in place of its messages. With `credentials` it speaks TLS. Further arguments are those of grpc.server."""

    def __init__(self, messages, meddle=None, port=0, change=None, credentials=None,
                 **arguments):
        self.ledgers = by_ledger(messages)
        self.last = max(self.ledgers)
        self.meddle, self.change = meddle, change
        self.requests = []   # (start, end)
        self.metadata = []   # of each request, as dictionaries
        self._stop = threading.Event()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8),
                                   **arguments)
        handler = grpc.unary_stream_rpc_method_handler(
            self._serve, request_deserializer=decode_request, response_serializer=bytes)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        address = f"127.0.0.1:{port}"
        self.port = self._server.add_insecure_port(address) if credentials is None else \
            self._server.add_secure_port(address, credentials)
        assert self.port, "the port is taken"
        self.endpoint = f"127.0.0.1:{self.port}"

    def _serve(self, request, context):
        start, end = request
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        if 0 < end < start:
            return
        messages = self._messages(start, end or self.last)
        if self.change is not None:
            messages = self.change(self, context, messages)
        for sent, message in enumerate(messages):
            other = None
            if self.meddle is not None:
                other = self.meddle(self, context, sent, message)
            yield message if other is None else other
        if end and end <= self.last:
            return
        while context.is_active() and not self._stop.wait(0.05):
            pass

    def _messages(self, start, end):
        return [message for ledger in sorted(self.ledgers) if start <= ledger <= end
                for message in self.ledgers[ledger]]

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, grace=None):
        self._stop.set()
        self._server.stop(grace).wait(10)
