"""An HTTP proxy before S3 that answers in S3's stead when it is told to, or breaks off.

Requests pass unchanged, the Host header that the client signed included, so that signatures stay good.
"""

from __future__ import annotations

import re
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.listener import Listener, connected

Kind = str
"""slow_down (503), too_many (429), internal (500), reset, silence (a time-out), cut (a body that ends early), drip (a
body of which a byte comes now and then), lost (done, and the answer never arrives)."""

DRIP = "drip"

FAULTS: tuple[Kind, ...] = ("slow_down", "too_many", "internal", "reset", "silence", "cut")
_ANSWERS = {
    "slow_down": (503, "SlowDown"),
    "too_many": (429, "TooManyRequestsException"),
    "internal": (500, "InternalError"),
}
_CHUNK_BYTES = 64 * 1024
_SILENCE_SECS = 60.0
_DRIP_SECS = 0.2


@dataclass
class Plan:
    """Strikes the first `times` requests of one operation (see `_operation`). `struck` counts."""

    operation: str
    fault: Kind
    times: float
    struck: int = 0
    on_strike: Callable[[], None] | None = None

    def wants(self, operation: str) -> bool:
        if operation != self.operation or self.struck >= self.times:
            return False
        self.struck += 1
        return True


@dataclass(frozen=True)
class _Message:
    """A request or an answer, read whole: objects of a campaign are small enough."""

    head: bytes
    body: bytes = field(repr=False)

    @property
    def is_head(self) -> bool:
        return self.head.startswith(b"HEAD ")


class S3Proxy:
    """Listens on `port` until closed; `plan` says what goes wrong."""

    def __init__(self, target_port: int, copy_key: str) -> None:
        self._target, self._copy_key = ("127.0.0.1", target_port), copy_key.encode()
        self.plan: Plan | None = None
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._listener = Listener(self._serve)
        self.port = self._listener.port

    def close(self) -> None:
        self._closing.set()
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        try:
            server = connected(self._target)
            goes_on = True
            while goes_on and (request := _read(client, is_answer=False)):
                fault = self._fault_of(request)
                if fault:
                    goes_on = self._strike(fault, request, client, server)
                else:
                    answer = _ask(request, server)
                    client.sendall(answer.head + answer.body)
        except OSError:
            return  # either side has gone, and so does the other
        finally:
            client.close()
            if server:
                server.close()

    def _fault_of(self, request: _Message) -> Kind | None:
        operation = _operation(request.head, self._copy_key)
        with self._turn:
            plan = self.plan
            if plan is None or not plan.wants(operation):
                return None
        if plan.on_strike:
            plan.on_strike()
        return plan.fault

    def _strike(self, fault: Kind, request: _Message, client: socket.socket, server: socket.socket) -> bool:
        """Whether the connection goes on afterwards."""
        if fault == "silence":
            self._wait_for_the_end_of(client)
        elif fault == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault == "lost":
            _ask(request, server)
        elif fault == "cut" and request.body:
            # Half of what is written arrives, and nothing is answered.
            server.sendall(request.head + request.body[: len(request.body) // 2])
        elif fault == DRIP:
            self._drip(_ask(request, server), client)
        elif fault == "cut":
            answer = _ask(request, server)
            client.sendall(answer.head + answer.body[: len(answer.body) // 2])
        else:
            client.sendall(_refusal(*_ANSWERS[fault], with_body=not request.is_head))
            return True
        return False

    def _drip(self, answer: _Message, client: socket.socket) -> None:
        if not answer.head.startswith(
            b"HTTP/1.1 2"
        ):  # an error is read by botocore itself, whose patience is endless
            client.sendall(answer.head + answer.body)
            return
        client.sendall(answer.head)
        for byte in answer.body:
            client.sendall(bytes([byte]))
            if self._closing.wait(_DRIP_SECS):
                return

    def _wait_for_the_end_of(self, client: socket.socket) -> None:
        for _ in range(int(_SILENCE_SECS / 0.2)):
            readable, _, _ = select.select([client], [], [], 0.2)
            if self._closing.is_set() or (readable and not client.recv(_CHUNK_BYTES)):
                return


def _refusal(status: int, code: str, *, with_body: bool) -> bytes:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + (body if with_body else b"")


def _operation(head: bytes, copy_key: bytes) -> str:
    """What a request does: list, get, get_report, put_validated, put_invalid, put_report, put_manifest, copy_reads,
    put_delta_log, put_delta_file, or `other`. `put_validated_parts` and so on are the requests of an upload in parts."""
    method, target, _ = head.split(b"\r\n", 1)[0].split(b" ", 2)
    path, _, query = target.decode().partition("?")
    zone = [*path.split("/"), "", ""][2]
    if copy_key in head:
        return "copy_reads"
    if method == b"GET":
        return "list" if "list-type" in query else "get_report" if zone == "reports" else "get"
    if method == b"PUT" and zone == "lakehouse":
        return "put_delta_log" if "/_delta_log/" in path else "put_delta_file"
    if method in (b"PUT", b"POST") and zone in {"validated", "invalid", "reports", "manifests"}:
        what = {"reports": "report", "manifests": "manifest"}.get(zone, zone)
        what = "fingerprints" if path.endswith(".fingerprints") else what
        return f"put_{what}_parts" if "uploadId" in query or "uploads" in query else f"put_{what}"
    return "other"


def _ask(request: _Message, server: socket.socket) -> _Message:
    server.sendall(request.head + request.body)
    answer = _read(server, is_answer=True, bodyless=request.is_head)
    if answer is None:
        raise ConnectionError("the server has gone")
    return answer


def _read(source: socket.socket, *, is_answer: bool, bodyless: bool = False) -> _Message | None:
    """The next message; None at the end of the connection."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            chunk = source.recv(_CHUNK_BYTES)
            if not chunk:
                return None
            data += chunk
        head, data = data.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 100"):
            break
    small = head.lower()
    if not is_answer and b"\r\nexpect: 100-continue" in small:
        source.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if bodyless or (is_answer and head.split(b" ", 2)[1] in (b"204", b"304")):
        return _Message(head + b"\r\n\r\n", b"")
    chunked = re.search(rb"\r\ntransfer-encoding: *chunked", small)
    body = _chunks(source, data) if chunked else _exactly(source, data, _length(small))
    return _Message(head + b"\r\n\r\n", body)


def _length(small_head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: *(\d+)", small_head)
    return int(found[1]) if found else 0


def _exactly(source: socket.socket, begun: bytes, size: int) -> bytes:
    body = bytearray(begun)
    while len(body) < size:
        chunk = source.recv(_CHUNK_BYTES)
        if not chunk:
            raise ConnectionError("a body ended early")
        body += chunk
    return bytes(body)


def _chunks(source: socket.socket, begun: bytes) -> bytes:
    """A chunked body as it came, with its sizes."""
    body, at = bytearray(begun), 0
    while True:
        while (end := body.find(b"\r\n", at)) < 0:
            body += _exactly(source, b"", 1)
        size = int(bytes(body[at:end]).split(b";")[0], 16)
        at = end + 2 + size + 2
        if size == 0:
            while b"\r\n\r\n" not in body[end:]:  # trailers may follow
                body += _exactly(source, b"", 1)
            return bytes(body)
        if len(body) < at:
            body += _exactly(source, b"", at - len(body))
