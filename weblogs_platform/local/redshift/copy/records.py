"""The exact scanner: records of a COPY source one by one, with the raw text of each mapped element.

It reads bytes as Latin-1 text, so that offsets in the text are offsets in the file, and it keeps values as written.
Between records only white space may stand: every other character is an error of its own. A record that is not JSON
is one error; reading goes on where its braces close, or, when they do not, at the next record start (an opening
brace that begins a line or follows a closing one).
"""

from __future__ import annotations

import json
import json.scanner
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from json.decoder import scanstring  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any, NoReturn

from weblogs_platform.local.redshift.copy.jsonpaths import Path, Step

OBJECT_LIMIT_BYTES = 4 * 1024 * 1024

_BLANK = re.compile(r"[ \t\r\n]*")
_MEMBER = re.compile(r',?[ \t\r\n]*"([^"\\\x00-\x1f\x80-\xff]*)"[ \t\r\n]*:[ \t\r\n]*')  # with a plain name
_STRAY = re.compile(r"[^ \t\r\n{\[]+")
_OPEN_STRING = r'"[^"\\\x00-\x1f]*(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*)*'
_SHAPE = re.compile(_OPEN_STRING + r'"|[{}\[\]]|\n(?=[{\[])|"')
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null", re.ASCII)
_CUT_STRING = re.compile(_OPEN_STRING + r"\\?")
_LONGEST_CUT_TOKEN = 16  # a literal, or an escape of two surrogates
_CLOSING = {"{": "}", "[": "]"}


class NotJson(Exception):
    """A record breaks the JSON grammar at `position` (an offset in the text)."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class PathError(Exception):
    """A path meets a value that it cannot step into. `fatal` where COPY fails whatever MAXERROR says."""

    def __init__(self, reason: str, *, fatal: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fatal = fatal


class ObjectTooLarge(Exception):
    """The object that starts at `start` exceeds 4 MB."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


@dataclass(frozen=True)
class Record:
    """A JSON object or array at [start, end); `text` is the whole scanned text."""

    start: int
    end: int


@dataclass(frozen=True)
class Stray:
    """`count` characters between records, at [start, end), that are not white space."""

    start: int
    end: int
    count: int


@dataclass(frozen=True)
class Broken:
    """A record at [start, end) that is not JSON."""

    start: int
    end: int
    position: int


Item = Record | Stray | Broken


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Numbers stay text: no limit on digits, nothing rounded.
_scan_once: Any = json.scanner.make_scanner(
    json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)  # pyright: ignore[reportArgumentType]
)


def skip_value(text: str, position: int) -> int:
    """The end of the JSON value at `position`. Raises NotJson."""
    try:
        return _scan_once(text, position)[1]
    except StopIteration as error:
        raise NotJson(int(error.value)) from None
    except json.JSONDecodeError as error:
        raise NotJson(error.pos) from None
    except (RecursionError, ValueError):
        return _skip_iteratively(text, position)


def _skip_iteratively(text: str, position: int) -> int:
    """The same without recursion, for values nested deeper than the interpreter's stack."""
    open_values: list[str] = []
    while True:
        position = skip_blank(text, position)
        opener = text[position : position + 1]
        if opener in _CLOSING and opener:
            position = skip_blank(text, position + 1)
            if text[position : position + 1] != _CLOSING[opener]:
                open_values.append(opener)
                position = _member_name(text, position) if opener == "{" else position
                continue
            position += 1
        else:
            position = _skip_scalar(text, position)
        position, done = _close(text, position, open_values)
        if done:
            return position


def _close(text: str, position: int, open_values: list[str]) -> tuple[int, bool]:
    """Past a finished value: leaves what it closes. Returns the place of the next value, and whether there is none."""
    while open_values:
        position = skip_blank(text, position)
        mark = text[position : position + 1]
        if mark == ",":
            position = skip_blank(text, position + 1)
            return (_member_name(text, position) if open_values[-1] == "{" else position), False
        if mark != _CLOSING[open_values[-1]]:
            raise NotJson(position)
        open_values.pop()
        position += 1
    return position, True


def _skip_scalar(text: str, position: int) -> int:
    if text[position : position + 1] == '"':
        return _string(text, position)[1]
    match = _SCALAR.match(text, position)
    if match is None:
        raise NotJson(position)
    return match.end()


def _string(text: str, position: int) -> tuple[str, int]:
    if text[position : position + 1] != '"':
        raise NotJson(position)
    try:
        return scanstring(text, position + 1, True)
    except json.JSONDecodeError as error:
        raise NotJson(error.pos) from None


def _member_name(text: str, position: int) -> int:
    position = skip_blank(text, _string(text, position)[1])
    if text[position : position + 1] != ":":
        raise NotJson(position)
    return position + 1


def skip_blank(text: str, position: int) -> int:
    """The place behind the white space at `position`."""
    match = _BLANK.match(text, position)
    return match.end() if match else position


# -- mapped elements -------------------------------------------------------------------------------------------------


@dataclass
class Branch:
    """What is wanted below one element: the columns that take it whole, and the steps that go on."""

    columns: list[int] = field(default_factory=list[int])
    steps: dict[Step, Branch] = field(default_factory=dict[Step, "Branch"])
    kinds: set[type] = field(default_factory=set[type])  # of the steps

    def add(self, path: Path, column: int) -> None:
        if not path:
            self.columns.append(column)
            return
        self.kinds.add(type(path[0]))
        self.steps.setdefault(path[0], Branch()).add(path[1:], column)


def branches(paths: Sequence[Path | None], *, ignore_case: bool = False) -> Branch:
    """The tree of the columns' paths; a None maps nothing."""
    root = Branch()
    for column, path in enumerate(paths):
        if path is not None:
            root.add(tuple(s.lower() if ignore_case and isinstance(s, str) else s for s in path), column)
    return root


class Extractor:
    """Takes the raw text of each column's element out of one record at a time."""

    def __init__(self, paths: Sequence[Path | None], *, ignore_case: bool = False) -> None:
        self._root = branches(paths, ignore_case=ignore_case)
        self._ignore_case = ignore_case
        self._width = len(paths)

    def extract(self, text: str, start: int) -> list[str | None]:
        """Raw text (Latin-1 of the bytes) per column, None where the element is missing; of a repeated key the
        first counts. The record must be valid JSON. Raises PathError."""
        found: list[str | None] = [None] * self._width
        self._visit(text, start, self._root, found)
        return found

    def _visit(self, text: str, position: int, branch: Branch, found: list[str | None]) -> int:
        opener = text[position]
        if not branch.steps:
            end = skip_value(text, position)
        elif opener == "{":
            end = self._visit_object(text, position, branch, found)
        elif opener == "[":
            end = self._visit_array(text, position, branch, found)
        else:
            end = skip_value(text, position)
            _require_null(text[position:end], branch)
        for column in branch.columns:
            found[column] = text[position:end]
        return end

    def _visit_object(self, text: str, position: int, branch: Branch, found: list[str | None]) -> int:
        _refuse_steps(branch, int)
        pending = dict(branch.steps)
        position = skip_blank(text, position + 1)
        while text[position] != "}":
            name, value_at = self._name(text, position)
            below = pending.pop(name, None)
            end = skip_value(text, value_at) if below is None else self._visit(text, value_at, below, found)
            position = end if text[end] in ",}" else skip_blank(text, end)
        return position + 1

    def _name(self, text: str, position: int) -> tuple[str, int]:
        """The name of the member at `position` (its comma included) and where its value begins."""
        match = _MEMBER.match(text, position)
        if match:
            name, value_at = match[1], match.end()
        else:
            start = skip_blank(text, position + (text[position] == ","))
            name, end = _string(text, start)
            if not name.isascii():
                name = _string(text[start:end].encode("latin-1").decode("utf-8", "replace"), 0)[0]
            value_at = skip_blank(text, skip_blank(text, end) + 1)
        return (name.lower() if self._ignore_case else name), value_at

    def _visit_array(self, text: str, position: int, branch: Branch, found: list[str | None]) -> int:
        _refuse_steps(branch, str)
        pending = dict(branch.steps)
        position = skip_blank(text, position + 1)
        index = 0
        while text[position] != "]":
            if text[position] == ",":
                position = skip_blank(text, position + 1)
            below = pending.pop(index, None)
            end = skip_value(text, position) if below is None else self._visit(text, position, below, found)
            position = skip_blank(text, end)
            index += 1
        if pending:
            _refuse_steps(branch, int)
        return position + 1


def _refuse_steps(branch: Branch, kind: type[Step]) -> None:
    """Raises PathError when the branch has steps of `kind`, which the value at hand cannot take."""
    if kind in branch.kinds:
        if kind is int:
            raise PathError("Invalid JSONPath format: Not an array or index out of range.", fatal=True)
        raise PathError("Invalid JSONPath format: Member is not an object.", fatal=False)


def _require_null(raw: str, branch: Branch) -> None:
    """A null has no members, which is the same as members that are missing; other scalars are malformed objects."""
    _refuse_steps(branch, int)
    if raw != "null":
        _refuse_steps(branch, str)


# -- records ---------------------------------------------------------------------------------------------------------


def scan(text: str, position: int, *, last: bool) -> Iterator[Item]:
    """The items from `position`, a place between records, to the end of `text`.

    Unless `last`, it stops before a record (or a run of stray characters) that may go on behind the text's end; the
    caller scans again from there with more text. Raises ObjectTooLarge."""
    while True:
        position = skip_blank(text, position)
        if position == len(text):
            return
        item = _item(text, position, last=last)
        if item is None:
            return
        yield item
        position = item.end


def _item(text: str, position: int, *, last: bool) -> Item | None:
    if text[position] not in _CLOSING:
        return _stray(text, position, last=last)
    try:
        end = skip_value(text, position)
    except NotJson as error:
        return _broken(text, position, error.position, last=last)
    if end - position > OBJECT_LIMIT_BYTES:
        raise ObjectTooLarge(position)
    return Record(position, end)


def _stray(text: str, position: int, *, last: bool) -> Stray | None:
    match = _STRAY.match(text, position)
    end = match.end() if match else position
    if end == len(text) and not last and end - position < OBJECT_LIMIT_BYTES:
        return None
    return Stray(position, end, len(text[position:end].encode("latin-1").decode("utf-8", "replace")))


def _broken(text: str, start: int, failure: int, *, last: bool) -> Broken | None:
    """Where a record that is not JSON ends; None when that cannot be said before there is more text."""
    end = None
    undecided = not last and _is_cut(text, failure)
    if not undecided:
        end = _end_of_shape(text, start)
        undecided = not last and end == len(text) + 1
    if end is None or end > len(text):
        end = None if undecided else _next_start(text, start, failure)
    if end is None:
        if len(text) - start > OBJECT_LIMIT_BYTES:
            raise ObjectTooLarge(start)
        if not last:
            return None
        end = len(text)
    return Broken(start, end, min(failure, end))


def _is_cut(text: str, failure: int) -> bool:
    """Whether the failure may be nothing but the end of the text so far."""
    return failure >= len(text) - _LONGEST_CUT_TOKEN or _CUT_STRING.fullmatch(text, failure) is not None


def _end_of_shape(text: str, start: int) -> int | None:
    """The end of the balanced braces at `start`; None when they do not close before a line starts a new record, before
    a string that is not closed, or within the limit; one past the text's end when the text ends before any of these."""
    limit = start + OBJECT_LIMIT_BYTES
    depth = 0
    for match in _SHAPE.finditer(text, start, limit):
        mark = match[0]
        if mark in ("\n", '"'):
            return len(text) + 1 if _CUT_STRING.fullmatch(text, match.start()) else None
        if mark in _CLOSING:
            depth += 1
        elif mark in ("}", "]"):
            depth -= 1
            if depth == 0:
                return match.end()
    return None if len(text) >= limit else len(text) + 1


def _next_start(text: str, start: int, failure: int) -> int | None:
    """The first record start behind a broken record: on a line of its own anywhere in it (no JSON string holds a
    line break), behind a closing brace only from the failure on."""
    opener = text[start]
    line = text.find("\n" + opener, start)
    behind = text.find(_CLOSING[opener] + opener, max(failure - 1, start))
    places = [place + 1 for place in (line, behind) if place >= 0]
    return min(places) if places else None
