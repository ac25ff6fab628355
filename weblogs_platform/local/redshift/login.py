"""From an accepted socket to an authenticated user: TLS, cancel requests, start-up message, password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from weblogs_platform.local.redshift import protocol
from weblogs_platform.local.redshift.config import ServerConfig
from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.protocol import Body, Disconnected, Wire

TIMEOUT_SECS = 15
_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80877103, 80877104, 80877102
_VERSION_3 = 196608
_LATEST_PROTOCOL = 2


@dataclass(frozen=True)
class CancelKey:
    """What a client may cancel by: its process id and a secret."""

    process_id: int
    secret: int


@dataclass(frozen=True)
class Login:
    """An authenticated client."""

    wire: Wire
    user: str
    options: Mapping[str, str]

    @property
    def protocol_version(self) -> int:
        """Redshift's own: 0 for PostgreSQL's clients, 1 with more column metadata, 2 with binary values."""
        asked = self.options.get("client_protocol_version", "0")
        return min(int(asked), _LATEST_PROTOCOL) if asked.isdigit() else 0


def log_in(
    connection: socket.socket, config: ServerConfig, tls: ssl.SSLContext, cancel: Callable[[CancelKey], None]
) -> Login | None:
    """None after a cancel request. Raises Disconnected; a refusal (28000 and others) has been sent then."""
    connection.settimeout(TIMEOUT_SECS)
    wire = Wire(connection)
    encrypted = False
    while True:
        body = Body(wire.read_startup())
        code = body.int32()
        if code == _SSL_REQUEST and not encrypted:
            wire = _start_tls(wire, tls)
            encrypted = True
        elif code == _GSS_REQUEST:
            wire.socket.sendall(b"N")
        elif code == _CANCEL_REQUEST:
            cancel(CancelKey(body.int32(), body.int32()))
            return None
        else:
            return _start(wire, code, body, config, encrypted=encrypted)


def _start_tls(wire: Wire, tls: ssl.SSLContext) -> Wire:
    if wire.has_unread:
        raise Disconnected("data before TLS")
    try:
        wire.socket.sendall(b"S")
        return Wire(tls.wrap_socket(wire.socket, server_side=True))
    except OSError as error:
        raise Disconnected(f"TLS handshake: {error}") from error


def _start(wire: Wire, version: int, body: Body, config: ServerConfig, *, encrypted: bool) -> Login:
    try:
        return _checked_login(wire, version, body, config, encrypted=encrypted)
    except RedshiftError as error:
        refuse(wire, error)
        raise Disconnected(error.message) from error


def _checked_login(wire: Wire, version: int, body: Body, config: ServerConfig, *, encrypted: bool) -> Login:
    if version >> 16 != _VERSION_3 >> 16:
        raise RedshiftError("08P01", f"unsupported frontend protocol {version >> 16}.{version & 0xFFFF}")
    options = _options(body)
    user = options.get("user", "")
    if config.require_ssl and not encrypted:
        raise RedshiftError("28000", f'no TLS encryption for user "{user}": this server requires SSL')
    _authenticate(wire, user, config, encrypted=encrypted)
    database = options.get("database") or user
    if database != config.database_name:
        raise RedshiftError("3D000", f'database "{database}" does not exist')
    return Login(wire, user, options)


def refuse(wire: Wire, error: RedshiftError) -> None:
    """Tells the client why it cannot stay."""
    wire.send(protocol.error_response(error, "FATAL"))
    wire.flush()


def _options(body: Body) -> dict[str, str]:
    options: dict[str, str] = {}
    while name := body.string():
        options[name] = body.string()
    if options.get("replication"):
        raise RedshiftError("0A000", "replication connections are not supported")
    return options


def _authenticate(wire: Wire, user: str, config: ServerConfig, *, encrypted: bool) -> None:
    known = config.users.get(user)
    password = (
        known.password if known else secrets.token_hex(16)
    )  # an unknown user takes as long as a known one
    accepted = _clear_text(wire, password) if encrypted else _md5(wire, user, password)
    if not accepted or known is None:
        raise RedshiftError("28000", f'password authentication failed for user "{user}"')


def _clear_text(wire: Wire, password: str) -> bool:
    wire.send(protocol.message(b"R", struct.pack("!I", 3)))
    return hmac.compare_digest(_answer(wire).encode(), password.encode())


def _md5(wire: Wire, user: str, password: str) -> bool:
    salt = secrets.token_bytes(4)
    wire.send(protocol.message(b"R", struct.pack("!I", 5) + salt))
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    expected = "md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
    return hmac.compare_digest(_answer(wire).encode(), expected.encode())


def _answer(wire: Wire) -> str:
    wire.flush()
    kind, body = wire.read_message()
    if kind != b"p":
        raise RedshiftError("08P01", "a password message is expected")
    return Body(body).string()


def welcome(login: Login, key: CancelKey, application_name: str) -> None:
    """After the password: what drivers look for."""
    wire = login.wire
    wire.send(protocol.message(b"R", struct.pack("!I", 0)))
    for name, value in (
        ("server_version", "8.0.2"),
        ("server_protocol_version", str(login.protocol_version)),
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("TimeZone", "UTC"),
        ("integer_datetimes", "on"),
        ("is_superuser", "on"),
        ("standard_conforming_strings", "off"),
        ("application_name", application_name),
    ):
        wire.send(protocol.parameter_status(name, value))
    wire.send(protocol.message(b"K", struct.pack("!iI", key.process_id, key.secret)))
