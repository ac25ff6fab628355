"""A proxy before Redshift that speaks enough of PostgreSQL's protocol to answer a statement in Redshift's stead.

It ends TLS with the server's own certificate, follows which statement a Bind means, and passes everything else on. A
struck transaction is gone on the server, as it is when Redshift refuses a statement or drops a connection.
"""

from __future__ import annotations

import math
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.listener import Listener, connected, end
from weblogs_platform.local.certificates import certificate_files

_TLS_REQUEST = struct.pack("!II", 8, 80877103)
_CHUNK_BYTES = 64 * 1024


@dataclass
class Strike:
    """Strikes the first `times` statements that begin so, each in a transaction that has taken its lock. `error`:
    SQLSTATE and text of the answer; None drops the connection. `struck` counts."""

    statement: str
    error: tuple[str, str] | None
    times: float = math.inf
    struck: int = 0


class StatementProxy:
    """Listens on `port` until closed; `strike` says what goes wrong."""

    def __init__(self, target_port: int, tls_folder: Path) -> None:
        self._target = ("127.0.0.1", target_port)
        files = certificate_files(tls_folder, "redshift")
        self._as_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._as_server.load_cert_chain(files.certificate, files.key)
        self._as_client = ssl.create_default_context(cafile=str(files.authority))
        self._as_client.check_hostname = False
        self.strike: Strike | None = None
        self._turn = threading.Lock()
        self._listener = Listener(self._connect)
        self.port = self._listener.port

    def close(self) -> None:
        self._listener.close()

    def wanted(self, statement: str) -> Strike | None:
        """What strikes this statement; counted."""
        with self._turn:
            strike = self.strike
            if strike is None or strike.struck >= strike.times or not statement.startswith(strike.statement):
                return None
            strike.struck += 1
            return strike

    def _connect(self, client: socket.socket) -> None:
        # The platform looks first whether anybody listens, and says nothing then.
        with client, suppress(OSError):
            if _exactly(client, len(_TLS_REQUEST)) != _TLS_REQUEST:
                return
            client.sendall(b"S")
            with (
                self._as_server.wrap_socket(client, server_side=True) as near,
                connected(self._target) as server,
            ):
                server.sendall(_TLS_REQUEST)
                _exactly(server, 1)
                with self._as_client.wrap_socket(server) as far:
                    _Session(self, near, far).serve()


@dataclass
class _Session:
    proxy: StatementProxy
    near: socket.socket
    far: socket.socket
    statements: dict[bytes, str] = field(default_factory=dict)
    is_locked: bool = False
    is_struck: bool = False

    def serve(self) -> None:
        startup = _exactly(self.near, 4)
        self.far.sendall(startup + _exactly(self.near, int.from_bytes(startup, "big") - 4))
        answers = threading.Thread(target=self._answers, daemon=True)
        answers.start()
        while True:
            kind, body = _message(self.near)
            strike = self._strike_on(kind, body)
            if strike:
                self.is_struck = True
                end(self.far)
                # Its last write may not have returned, and two at once break the TLS of the connection.
                answers.join()
                if strike.error is None:
                    return end(self.near)
                return self._refuse(*strike.error)
            self.far.sendall(_packed(kind, body))

    def _strike_on(self, kind: bytes, body: bytes) -> Strike | None:
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self.statements[name] = text.decode().strip()
        if kind != b"B":
            return None
        _, name, _ = body.split(b"\0", 2)
        text = self.statements[name]
        self.is_locked = self.is_locked or text.startswith("LOCK")
        return self.proxy.wanted(text) if self.is_locked else None

    def _answers(self) -> None:
        with suppress(OSError):
            while chunk := self.far.recv(_CHUNK_BYTES):
                self.near.sendall(chunk)
        if not self.is_struck:
            end(self.near)

    def _refuse(self, state: str, text: str) -> None:
        """The error; for all that follows it, that the transaction is aborted. Until the client goes."""
        self.near.sendall(_error(state, text))
        skipping = True
        while True:
            kind, _ = _message(self.near)
            if kind == b"X":
                return
            if kind == b"S":
                skipping = False
                self.near.sendall(_packed(b"Z", b"E"))
            elif not skipping:
                skipping = True
                self.near.sendall(_error("25P02", "current transaction is aborted"))


def _error(state: str, text: str) -> bytes:
    fields = {"S": "ERROR", "C": state, "M": text}
    return _packed(b"E", b"".join(f"{k}{v}".encode() + b"\0" for k, v in fields.items()) + b"\0")


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(source, 5)
    return head[:1], _exactly(source, int.from_bytes(head[1:], "big") - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    """Raises ConnectionError at the end of the connection."""
    data = bytearray()
    while len(data) < size:
        chunk = source.recv(size - len(data))
        if not chunk:
            raise ConnectionError("the connection has ended")
        data += chunk
    return bytes(data)
