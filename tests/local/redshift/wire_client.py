"""A bare client of the wire protocol, for what drivers do not let tests do."""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Self

from tests.local.redshift.conftest import USERS, client_context
from weblogs_platform.local.redshift.launch import RunningServer

Message = tuple[bytes, bytes]


def packed(kind: bytes, body: bytes = b"") -> bytes:
    """A frontend message."""
    return kind + struct.pack("!I", len(body) + 4) + body


class WireClient:
    """A logged-in connection that sends and receives messages as they are."""

    def __init__(self, server: RunningServer, user: str = "platform") -> None:
        plain = socket.create_connection((server.host, server.port), timeout=30)
        plain.sendall(struct.pack("!II", 8, 80877103))
        assert plain.recv(1) == b"S"
        self.socket = client_context(server).wrap_socket(plain, server_hostname="localhost")
        self._file = self.socket.makefile("rb")
        options = b"user\0" + user.encode() + b"\0database\0dev\0\0"
        self.socket.sendall(struct.pack("!II", len(options) + 8, 196608) + options)
        assert self.receive() == (b"R", struct.pack("!I", 3))
        self.socket.sendall(packed(b"p", USERS[user].password.encode() + b"\0"))
        messages = self.until_ready()
        (key,) = [body for kind, body in messages if kind == b"K"]
        self.process_id, self.secret = struct.unpack("!iI", key)

    def send(self, *messages: bytes) -> None:
        """Sends messages in one go."""
        self.socket.sendall(b"".join(messages))

    def receive(self) -> Message:
        """The next message; (b"", b"") at the end of the stream."""
        head = self._file.read(5)
        if len(head) < 5:
            return b"", b""
        return head[:1], self._file.read(int.from_bytes(head[1:], "big") - 4)

    def until_ready(self) -> list[Message]:
        """Every message up to and with ReadyForQuery."""
        messages: list[Message] = []
        while not messages or messages[-1][0] not in (b"Z", b""):
            messages.append(self.receive())
        return messages

    def query(self, sql: str) -> list[Message]:
        """A simple query."""
        self.send(packed(b"Q", sql.encode() + b"\0"))
        return self.until_ready()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.socket.close()


def kinds(messages: list[Message]) -> str:
    """The types of messages as text, e.g. `TDCZ`."""
    return b"".join(kind for kind, _ in messages).decode()


def sqlstate(messages: list[Message]) -> str:
    """The SQLSTATE of the first error."""
    body = next(body for kind, body in messages if kind == b"E")
    return next(field[1:] for field in body.split(b"\0") if field[:1] == b"C").decode()


def values(messages: list[Message]) -> list[list[bytes | None]]:
    """The cells of every DataRow."""
    return [_cells(body) for kind, body in messages if kind == b"D"]


def _cells(body: bytes) -> list[bytes | None]:
    count, at = int.from_bytes(body[:2], "big"), 2
    cells: list[bytes | None] = []
    for _ in range(count):
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        cells.append(None if length < 0 else body[at : at + length])
        at += max(length, 0)
    return cells
