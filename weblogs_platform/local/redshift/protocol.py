"""Framing of PostgreSQL's wire protocol, version 3: bytes in, messages out, and back.

Knows no SQL. Lengths are checked before anything is read, so that a client cannot make the server allocate at will.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import WireType

MAX_MESSAGE_BYTES = 64 << 20
MAX_STARTUP_BYTES = 10_000
_FLUSH_AT_BYTES = 64 << 10


class Disconnected(Exception):
    """The client is gone, or sent what cannot be a message; nothing more can be said to it."""


class Wire:
    """One connection's bytes. Sending is buffered until `flush`."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._received = bytearray()
        self._pending = bytearray()

    def read_exactly(self, count: int) -> bytes:
        """Raises Disconnected when the stream ends first."""
        while len(self._received) < count:
            try:
                chunk = self.socket.recv(max(65536, min(count - len(self._received), 1 << 20)))
            except OSError as error:
                raise Disconnected(str(error)) from error
            if not chunk:
                raise Disconnected("end of stream")
            self._received += chunk
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    @property
    def has_unread(self) -> bool:
        """Whether bytes have been read ahead (before TLS that would be an injection)."""
        return bool(self._received)

    def read_message(self) -> tuple[bytes, bytes]:
        """The next message as (type, body)."""
        head = self.read_exactly(5)
        length = int.from_bytes(head[1:], "big", signed=True)
        if not 4 <= length <= MAX_MESSAGE_BYTES:
            raise RedshiftError("08P01", f"invalid message length {length}")
        return head[:1], self.read_exactly(length - 4)

    def read_startup(self) -> bytes:
        """A message without a type: start-up, TLS request, cancel request."""
        length = int.from_bytes(self.read_exactly(4), "big", signed=True)
        if not 8 <= length <= MAX_STARTUP_BYTES:
            raise Disconnected(f"invalid start-up length {length}")
        return self.read_exactly(length - 4)

    def send(self, data: bytes) -> None:
        """Buffers a message; large buffers go out by themselves."""
        self._pending += data
        if len(self._pending) >= _FLUSH_AT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Sends what is buffered."""
        if not self._pending:
            return
        data, self._pending = bytes(self._pending), bytearray()
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from error


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A backend message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def text(value: str) -> bytes:
    """A null-terminated string; a NUL inside would cut it."""
    return value.replace("\0", "").encode("utf-8", "replace") + b"\0"


def parameter_status(name: str, value: str) -> bytes:
    """ParameterStatus."""
    return message(b"S", text(name) + text(value))


def ready(status: bytes) -> bytes:
    """ReadyForQuery: I, T or E."""
    return message(b"Z", status)


def command_complete(tag: str) -> bytes:
    """CommandComplete."""
    return message(b"C", text(tag))


_NO_METADATA = b"\0" * 4 + struct.pack("!H", 1)  # schema, table, column and database unknown; nullable


def row_description(
    columns: Sequence[tuple[str, WireType]], formats: Sequence[int], *, protocol_version: int = 0
) -> bytes:
    """RowDescription; `formats` holds 0 (text) or 1 (binary) for each column. From Redshift's protocol version 1 on
    each column carries four names and flags more."""
    more = _NO_METADATA if protocol_version >= 1 else b""
    parts = [struct.pack("!H", len(columns))]
    for (name, wire_type), format_code in zip(columns, formats, strict=True):
        fixed = struct.pack("!IHIhih", 0, 0, wire_type.oid, wire_type.size, wire_type.modifier, format_code)
        parts += [text(name), fixed, more]
    return message(b"T", b"".join(parts))


def parameter_description(oids: Sequence[int]) -> bytes:
    """ParameterDescription."""
    return message(b"t", struct.pack(f"!H{len(oids)}I", len(oids), *oids))


def _fields(kind: bytes, fields: Iterable[tuple[bytes, str]]) -> bytes:
    return message(kind, b"".join(code + text(value) for code, value in fields) + b"\0")


def error_response(error: RedshiftError, severity: str = "ERROR") -> bytes:
    """ErrorResponse with severity, SQLSTATE, message, detail and hint."""
    fields = [(b"S", severity), (b"C", error.sqlstate), (b"M", error.message)]
    if error.detail:
        fields.append((b"D", error.detail))
    if error.hint:
        fields.append((b"H", error.hint))
    return _fields(b"E", fields)


def notice_response(sqlstate: str, notice: str, severity: str = "INFO") -> bytes:
    """NoticeResponse."""
    return _fields(b"N", [(b"S", severity), (b"C", sqlstate), (b"M", notice)])


class Body:
    """Reads the fields of one frontend message. Raises RedshiftError 08P01 when it is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> bytes:
        """One byte."""
        return self._take(1)

    def int16(self) -> int:
        """A signed 16-bit number."""
        return int.from_bytes(self._take(2), "big", signed=True)

    def uint16(self) -> int:
        """An unsigned 16-bit number: counts."""
        return int.from_bytes(self._take(2), "big")

    def int32(self) -> int:
        """A signed 32-bit number."""
        return int.from_bytes(self._take(4), "big", signed=True)

    def string(self) -> str:
        """A null-terminated UTF-8 string."""
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise RedshiftError("08P01", "invalid message: a string is not terminated")
        raw = self._data[self._at : end]
        self._at = end + 1
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RedshiftError("22021", "the text is not valid UTF-8") from error

    def value(self) -> bytes | None:
        """A length and so many bytes; None for NULL."""
        length = self.int32()
        if length == -1:
            return None
        if length < 0:
            raise RedshiftError("08P01", "invalid message: negative length")
        return self._take(length)

    def _take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise RedshiftError("08P01", "invalid message: it ends too early")
        data = self._data[self._at : self._at + count]
        self._at += count
        return data


def startup_parameters(data: bytes) -> Mapping[str, str]:
    """The name/value pairs of a start-up message (after its version)."""
    body, found = Body(data), {}
    while name := body.string():
        found[name] = body.string()
    return found
