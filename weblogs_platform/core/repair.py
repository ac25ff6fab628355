"""Repairs: named, versioned, pure functions of one quarantined record, and mappings that are declared as data.

A repair is given the record's bytes (`OnBytes`) or its members (`OnMembers`, `Mapping`): a JSON object with numbers
as NumberText, that is as they were written, or the cells of a CSV row by the names of its header, texts all of them.
What it returns is judged like any other record; a record that it cannot read stays as it is. Values that it returns
may also be int, float, Decimal and bool.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from weblogs_platform.core.csv_rows import LineTooLong, next_row
from weblogs_platform.core.errors import InvalidSpec
from weblogs_platform.core.quarantine import Edit, Entry
from weblogs_platform.core.quarantine_judge import Candidate
from weblogs_platform.core.validation import Members, NumberText, dump, is_null, parse_members

REPAIR_FAILED = "repair_failed"
"""The reason of a record on which its repair raised an error."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_NUMBER = re.compile(r"([+-]?\d+)(?:\.0*)?|[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Rename:
    """Moves a value to another name; `payload.userId` to `payload.user_id`. A value that is there already stays."""

    member: str
    to: str

    def apply(self, record: dict[str, Any]) -> None:
        holder, name = _holder(record, self.member)
        target, new = _holder(record, self.to)
        if holder is None or target is None or name not in holder or not is_null(target.get(new)):
            return
        target[new] = holder.pop(name)


@dataclass(frozen=True)
class SetDefault:
    """Gives a member that is missing, null or empty a value."""

    member: str
    value: str | int

    def apply(self, record: dict[str, Any]) -> None:
        holder, name = _holder(record, self.member)
        if holder is not None and is_null(holder.get(name)):
            holder[name] = self.value


@dataclass(frozen=True)
class CastToNumber:
    """Makes text that spells a number one: ` 4 ` and `4.0` become 4. Other values stay."""

    member: str

    def apply(self, record: dict[str, Any]) -> None:
        holder, name = _holder(record, self.member)
        value = holder.get(name) if holder is not None else None
        match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
        if holder is not None and match:
            digits = (match[1] or match[0]).removeprefix("+")
            holder[name] = NumberText(f"0{digits}" if digits.startswith(".") else digits)


Step = Rename | SetDefault | CastToNumber


@dataclass(frozen=True)
class OnBytes:
    """A function of the record's bytes."""

    function: Callable[[bytes], bytes]


@dataclass(frozen=True)
class OnMembers:
    """A function of the record's members; it may change the dict that it is given."""

    function: Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Mapping:
    """Steps in their order."""

    steps: tuple[Step, ...]

    def function(self, record: dict[str, Any]) -> dict[str, Any]:
        for step in self.steps:
            step.apply(record)
        return record


@dataclass(frozen=True, kw_only=True)
class Repair:
    """One way to repair records of `streams`. `version` is raised with every change of what it makes of a record:
    receipts tell by both which repair it was."""

    name: str
    version: int
    description: str
    streams: tuple[str, ...]
    how: OnBytes | OnMembers | Mapping

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.version < 1 or not self.streams:
            raise InvalidSpec(f"repair {self.name!r} needs a lower-case name, a version from 1, and streams")
        steps = self.how.steps if isinstance(self.how, Mapping) else ()
        paths = [p for s in steps for p in ((s.member, s.to) if isinstance(s, Rename) else (s.member,))]
        if wrong := [path for path in paths if not _PATH.fullmatch(path)]:
            raise InvalidSpec(f"repair {self.name!r}: {wrong[0]!r} is not a member such as payload.user_id")

    @property
    def label(self) -> str:
        """What a receipt says: `milliseconds@1`."""
        return f"{self.name}@{self.version}"


class RepairFailed(Exception):
    """A repair raised an error on a record; it carries nothing of the record."""


def candidate_of(entry: Entry, raw: bytes, repair: Repair | None, edit: Edit | None) -> Candidate:
    """What becomes of the entry's record: its edit, or its bytes as the repair makes them. Raises RepairFailed."""
    if edit is not None:
        return Candidate(edit.raw, edit.header if edit.header is not None else entry.header)
    if repair is None:
        return Candidate(raw, entry.header)
    try:
        return _repaired(repair, raw, entry.header)
    except Exception as error:  # noqa: BLE001 - whatever it raised, its text may quote the record
        raise RepairFailed(f"{repair.label}: {type(error).__name__}") from None


def _repaired(repair: Repair, raw: bytes, header: str | None) -> Candidate:
    if isinstance(repair.how, OnBytes):
        return Candidate(repair.how.function(raw), header)
    if header is not None:
        return _repaired_row(repair.how, raw, header)
    members = parse_members(raw)
    if members is None:
        return Candidate(raw)
    return Candidate(dump(_written(repair.how.function(_plain(members)))).encode())


def _repaired_row(how: OnMembers | Mapping, raw: bytes, header: str) -> Candidate:
    names, cells = _cells(header.encode()), _cells(raw)
    if names is None or cells is None or len(names) != len(cells):
        return Candidate(raw, header)
    names = [name.strip() for name in names]
    repaired = how.function(dict(zip(names, cells, strict=True)))
    texts = ["" if value is None else str(value) for value in repaired.values()]
    return Candidate(_row(texts).encode(), _row(list(repaired)))


def _cells(line: bytes) -> list[str] | None:
    try:
        row = next_row(line, 0, final=True)
        return None if row is None or row.cells is None else [cell.decode() for cell in row.cells]
    except (LineTooLong, UnicodeDecodeError):
        return None


def _row(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _holder(record: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    """The object that has, or may get, the member, and its name there; None where a value stands in the way."""
    *outer, name = path.split(".")
    holder = record
    for part in outer:
        inner = holder.get(part)
        if not isinstance(inner, dict):
            return None, name
        holder = cast("dict[str, Any]", inner)
    return holder, name


def _plain(value: Any) -> Any:
    if isinstance(value, Members):
        return {name: _plain(item) for name, item in value}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return Members((str(k), _written(v)) for k, v in cast("dict[Any, Any]", value).items())
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in cast("list[Any]", value)]
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return NumberText(value)
    return value
