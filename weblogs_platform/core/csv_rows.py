"""Finds the rows of a stretch of CSV, one by one, exactly (RFC 4180; a line ends with LF, CRLF or CR).

A quote stands only around a whole cell, and twice within it for itself. A row whose quotes are not so ends with
its first line, so that it takes no other line with it. A quoted cell may hold line ends: such a row spans lines,
and whether its quote was meant so is for the reader to judge (`bulk.rows`), which can ask for its first line alone.

Everything is bytes, so that every index is a byte offset; what cells hold is judged by `judge_row`. The time is linear
in the content: a quote that stays open is looked for once up to the next line of odd quotes, or the limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

from weblogs_platform.core.framing import Incomplete
from weblogs_platform.core.spec import MAX_RECORD_BYTES, StreamSpec
from weblogs_platform.core.validation import MAX_PRESENT, Stamp, Verdict, judge_cells

MAX_HEADER_BYTES = 16 * 1024
"""A longer first line is no header: every quarantined row carries the header, so that it can be repaired."""

_SPACE = re.compile(rb"[ \t\r\n]*+")
_BREAK = re.compile(rb"[\r\n]")
_QUOTED = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"')
_PLAIN = re.compile(rb'[^",\r\n]*+')


class LineTooLong(Exception):
    """From `start` on there is no line end within the size of a record."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


@dataclass(frozen=True)
class Row:
    """A stretch `[start, end)`, its line end left out. `cells` are None when its quotes are no CSV; `spans_lines`
    when a quoted cell holds line ends."""

    start: int
    end: int
    cells: tuple[bytes, ...] | None
    spans_lines: bool = False


@dataclass(frozen=True)
class CsvHeader:
    """The names of the columns, in order."""

    text: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, row: Row, data: bytes, declared: frozenset[str]) -> CsvHeader | None:
        """The header that a row of `data` is; None when it is unusable."""
        if row.cells is None or row.spans_lines or row.end - row.start > MAX_HEADER_BYTES:
            return None
        try:
            text = data[row.start : row.end].decode()
            names = tuple(cell.decode().strip() for cell in row.cells)
        except UnicodeDecodeError:
            return None
        known = [name for name in names if name in declared]
        return cls(text, names) if known and len(set(known)) == len(known) else None

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The JSONPaths of its columns, the first MAX_PRESENT of them."""
        return tuple(f"$.{name}" for name in self.names if name)[:MAX_PRESENT]


def judge_row(row: Row, header: CsvHeader | None, spec: StreamSpec, stamp: Stamp) -> Verdict:
    """Judges a row by its cells, named by the header; every row is bad without one."""
    if header is None:
        return Verdict(("unusable_header",))
    if row.cells is None:
        return Verdict(("malformed_csv",))
    if len(row.cells) != len(header.names):
        return Verdict(("wrong_column_count",))
    try:
        cells = [cell.decode() for cell in row.cells]
    except UnicodeDecodeError:
        return Verdict(("invalid_utf8",))
    declared = spec.source_members
    named = zip(header.names, cells, strict=True)
    known = {name: cell for name, cell in named if cell and name in declared}
    return replace(judge_cells(known, spec, stamp), present=header.paths)


def next_row(data: bytes, at: int, *, final: bool) -> Row | None:
    """The first row at or after `at`, which begins a line; None when only blank lines are left.

    Raises Incomplete when what comes after the data may change the answer (never when `final`), LineTooLong.
    """
    start = _line_start(data, at, final=final)
    if start is None:
        return None
    line = first_line(data, start, final=final)
    if b'"' not in data[start : line.end]:
        return line
    return _quoted_row(data, line, final=final)


def first_line(data: bytes, start: int, *, final: bool) -> Row:
    """The line that begins at `start` as a row of its own, quotes or not; cells are None where it has any."""
    found = _BREAK.search(data, start, start + MAX_RECORD_BYTES + 1)
    if found is None and len(data) - start > MAX_RECORD_BYTES:
        raise LineTooLong(start)
    if found is None and not final:
        raise Incomplete(start)
    end = found.start() if found else len(data)
    line = data[start:end]
    return Row(start, end, None if b'"' in line else tuple(line.split(b",")))


def end_of_line(data: bytes) -> int | None:
    """Where the first line end is, if there is one."""
    found = _BREAK.search(data)
    return found.start() if found else None


def _line_start(data: bytes, at: int, *, final: bool) -> int | None:
    """Where the first line begins that is not blank."""
    space_end = _match_end(_SPACE, data, at)
    start = max(at, data.rfind(b"\n", at, space_end) + 1, data.rfind(b"\r", at, space_end) + 1)
    if space_end < len(data) or len(data) - start > MAX_RECORD_BYTES:
        return start
    if not final:
        raise Incomplete(start)
    return None


def _quoted_row(data: bytes, line: Row, *, final: bool) -> Row:
    """The row that begins with that line, in which there are quotes; the line alone where they are no CSV."""
    limit = line.start + MAX_RECORD_BYTES
    cells: list[bytes] = []
    at = line.start
    while True:
        if data.startswith(b'"', at):
            quoted = _QUOTED.match(data, at, limit)
            behind = quoted.end() if quoted else len(data)
            if not final and behind == len(data) <= limit:
                raise Incomplete(line.start)  # the quote is closed later, or was the first of two
            if quoted is None:
                return line
            cells.append(quoted[1].replace(b'""', b'"'))
            at = behind
        else:
            behind = _match_end(_PLAIN, data, at)
            cells.append(data[at:behind])
            at = behind
        mark = data[at : at + 1]
        if not mark and not final and at <= limit:
            raise Incomplete(line.start)
        if mark == b'"' or at > limit or mark not in (b",", b"\r", b"\n", b""):
            return line
        if mark != b",":
            return Row(line.start, at, tuple(cells), spans_lines=at > line.end)
        at += 1


def _match_end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    match = pattern.match(data, at)
    return match.end() if match else at
