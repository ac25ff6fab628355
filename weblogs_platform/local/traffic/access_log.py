r"""Lines of an Apache or nginx log in the *combined* format, plain or gzip.

    host ident user [17/May/2015:10:05:03 +0000] "GET /path?query HTTP/1.1" status size "referer" "user agent"

A line is only bytes that somebody sent: quotes may be escaped (`\"`, `\x22`), the rest may be anything.
What is read is always clean text: invalid UTF-8 and control characters become U+FFFD. The page is the path
without the query string and the slashes around it, percent escapes decoded; the root is `index`. A line
that does not parse is an Unparsable with its reason, never an error.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from io import BufferedReader, RawIOBase
from typing import BinaryIO, cast
from urllib.parse import unquote_to_bytes

from weblogs_platform.core.errors import InvalidDocument

LONGEST_LINE_BYTES = 65_536
"""Longer lines are unparsable: servers limit a request to far less."""

ROOT_PAGE = "index"

_QUOTED = rb'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    rb"(?P<client>\S+) \S+ .*?\[(?P<time>[^\]\s]{20} [+-]\d{4})\] "
    + _QUOTED.replace(b"(", b"(?P<request>", 1)
    + rb" (?:\d{3}|-) (?:\d+|-) "
    + _QUOTED
    + b" "
    + _QUOTED.replace(b"(", b"(?P<agent>", 1)
    + rb"\s*",
    re.DOTALL,
)
_REQUEST = re.compile(rb"[A-Z]+ (?P<target>\S.*?)(?: HTTP/\d(?:\.\d)?)?", re.DOTALL)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `at_secs` since 1970 UTC, the rest as clean text."""

    at_secs: int
    client: str
    agent: str
    page: str


@dataclass(frozen=True, slots=True)
class Unparsable:
    """Why a line is not a request."""

    reason: str


def parse_line(line: bytes) -> Request | Unparsable:
    """What one line says."""
    if len(line) > LONGEST_LINE_BYTES:
        return Unparsable(f"longer than {LONGEST_LINE_BYTES} bytes")
    found = _LINE.fullmatch(line)
    if not found:
        return Unparsable("not in the combined log format")
    at_secs = _epoch_secs(found["time"].decode("ascii", "replace"))
    if at_secs is None:
        return Unparsable("its time is not a date since 1970")
    request = _REQUEST.fullmatch(found["request"])
    if not request:
        return Unparsable("its request is not a method and a path")
    return Request(
        at_secs, _text(found["client"]), _text(_unescaped(found["agent"])), _page(request["target"])
    )


def _epoch_secs(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if not found or found[2] not in _MONTHS:
        return None
    day, month, year, *clock = (
        int(found[1]),
        _MONTHS.index(found[2]) + 1,
        int(found[3]),
        *map(int, found.group(4, 5, 6)),
    )
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == "-" else offset)
        at_secs = int(datetime(year, month, day, *clock, tzinfo=zone).timestamp())
        return at_secs if at_secs > 0 and datetime.fromtimestamp(at_secs, UTC).year < 10_000 else None
    except (ValueError, OverflowError):
        return None


def _page(target: bytes) -> str:
    path = _ABSOLUTE.sub(b"", _unescaped(target), count=1).split(b"?", 1)[0].split(b"#", 1)[0]
    return _text(unquote_to_bytes(path).strip(b"/")) or ROOT_PAGE


def _unescaped(field: bytes) -> bytes:
    return _ESCAPE.sub(_unescape, field) if b"\\" in field else field


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if len(code) == 3:
        return bytes([int(code[1:], 16)])
    return {b"n": b"\n", b"t": b"\t", b"r": b"\r"}.get(code, code)


def _text(field: bytes) -> str:
    return _CONTROL.sub("\ufffd", field.decode("utf-8", "replace"))


def read_lines(raw: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(line number, line) of a log, plain or gzip, which its first bytes tell. A line too long is cut,
    which makes it unparsable; empty lines are left out. Raises InvalidDocument for a damaged gzip file."""
    buffered = raw if isinstance(raw, BufferedReader) else BufferedReader(cast("RawIOBase", raw))
    compressed = buffered.peek(2)[:2] == b"\x1f\x8b"
    stream = cast("BinaryIO", gzip.GzipFile(fileobj=buffered)) if compressed else buffered
    try:
        for number, line in enumerate(_bounded_lines(stream), start=1):
            if stripped := line.rstrip(b"\r\n"):
                yield number, stripped
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidDocument(
            f"the log's gzip data is damaged: {error}; restore the file or unpack what it holds"
        ) from error


def _bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    limit = LONGEST_LINE_BYTES + 2
    while line := stream.readline(limit):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(limit)):
            pass
        yield line
