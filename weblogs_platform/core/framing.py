"""Finds the records in a stretch of bytes, one by one, exactly: the slow, trusted path.

COPY's JSON is a sequence of root objects with only white space between them. Real objects hold more: root
arrays, pretty-printing, records cut in the middle, stray text. `next_piece` says for each stretch whether it is
a whole object or not, and where the next one can begin, so that one broken record costs no sound neighbour.

After a broken record, reading resumes at the first `{` that begins a whole object and does not stand where a
value stands in the broken one (after `:`, `,` or `[`). Where a record was cut exactly before a value, the next
one stands there: it is taken when it looks like a whole envelope, which never nests in a sound record.

Text is latin-1 decoded bytes: one character per byte, so that every index is a byte offset; all of JSON's
structure is ASCII, and what strings hold is judged later, on the bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from weblogs_platform.core.spec import MAX_RECORD_BYTES

MAX_DEPTH = 64
"""Deeper nesting is refused: no declared field needs more than two levels."""

_SPACE = re.compile(r"[ \t\r\n]*")
_OPENING = re.compile(r"\{[ \t\r\n]*\"")
_ROOT_OPENING = re.compile(r"[\n}\]][ \t\r\n]*(?=\{)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_MAX_ATTEMPTS = 2_000


@dataclass(frozen=True)
class Piece:
    """A stretch `[start, end)` of the text: a whole object when `problem` is None, else bytes that are not."""

    start: int
    end: int
    problem: str | None = None
    unwrapped: bool = False


class Incomplete(Exception):
    """The text ends inside a record that began at `start`, and more may come."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _kept(text: str) -> str:
    return text


# Numbers stay text: nothing here needs their value, and a number of 10,000 digits must not cost a conversion.
_DECODER = json.JSONDecoder(parse_float=_kept, parse_int=_kept, parse_constant=_no_constant)


@dataclass
class Framer:
    """Walks over one object's text. `in_array` lives on between calls; `envelope` is the name of the payload
    member, by which a whole envelope is known."""

    envelope: str
    in_array: bool = False

    def next_piece(self, text: str, at: int, *, final: bool) -> Piece | None:
        """The next piece at or after `at`, or None when only white space is left.

        Raises Incomplete when the piece may go on beyond the text (never when `final`). Array brackets and the
        commas between their elements are consumed silently; what was in them comes back `unwrapped`.
        """
        start = self._skip_separators(text, at)
        if start == len(text):
            return None
        end, problem, reached = _whole_object(text, start)
        if end > start:
            too_large = "record_too_large" if end - start > MAX_RECORD_BYTES else None
            return Piece(start, end, problem or too_large, self.in_array)
        if reached and not final:
            raise Incomplete(start)
        resumed = self.resume_at(text, start + 1)
        if not final and resumed >= len(text.rstrip(" \t\r\n")):
            raise Incomplete(start)
        return Piece(start, resumed, problem, self.in_array)

    def _skip_separators(self, text: str, at: int) -> int:
        while True:
            at = space_end(text, at)
            mark = text[at : at + 1]
            if mark == "[" and not self.in_array:
                self.in_array = True
            elif mark == "]" and self.in_array:
                self.in_array = False
            elif mark != "," or not self.in_array:
                return at
            at += 1

    def resume_at(self, text: str, after: int) -> int:
        """Where the next whole object begins, or the end of the text (less trailing white space)."""
        for attempt, match in enumerate(_OPENING.finditer(text, after)):
            if attempt == _MAX_ATTEMPTS:
                return self.next_root_opening(text, match.start())
            if self._begins_record(text, match.start(), after):
                return match.start()
        return max(after, len(text.rstrip(" \t\r\n")))

    def _begins_record(self, text: str, at: int, after: int) -> bool:
        before = text[max(after - 1, at - 64) : at].rstrip(" \t\r\n")
        in_value_position = before.endswith((":", ",", "["))
        if in_value_position and self.in_array and before[:-1].rstrip(" \t\r\n").endswith("}"):
            in_value_position = False
        if in_value_position and text.find(f'"{self.envelope}"', at, at + MAX_RECORD_BYTES) < 0:
            return False
        end, problem, reached = _whole_object(text, at)
        if problem is not None:
            # An object that the buffer cuts off may be whole; the next read, from here, decides.
            return reached and not in_value_position
        return not in_value_position or self._is_envelope(text[at:end])

    def _is_envelope(self, text: str) -> bool:
        value: Mapping[str, Any] = _DECODER.decode(text)
        return isinstance(value.get(self.envelope), dict)

    @staticmethod
    def next_root_opening(text: str, after: int) -> int:
        """The first `{` at root: after a new line, a closing brace or a closing bracket. Else the text's end.
        The way out of a record that is too large to be looked into."""
        match = _ROOT_OPENING.search(text, after)
        return match.end() if match else len(text)


def space_end(text: str, at: int) -> int:
    """Where the white space that begins at `at` ends."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _whole_object(text: str, start: int) -> tuple[int, str | None, bool]:
    """(end, problem or None, False) of the object at `start`, when it has an end; else (start, problem, whether
    the end of the text cut it off)."""
    if text[start] != "{":
        return start, "not_an_object", False
    # json's errors count the lines of the whole text that they were given: a window keeps them cheap.
    for size in (16 * 1024, len(text) - start):
        window = text[start : start + size]
        end, problem, cut = _object_in(window)
        if not cut or size >= len(text) - start:
            break
    return start + end, problem, cut


def _object_in(text: str) -> tuple[int, str | None, bool]:
    try:
        _, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        return 0, "malformed_json", error.msg.startswith("Unterminated string") or error.pos >= len(text) - 12
    except RecursionError:
        return _too_deep(text, 0)
    except ValueError:
        return 0, "malformed_json", False
    return (end, None, False) if _depth_allowed(text, 0, end) else (end, "nested_too_deep", False)


def _depth_allowed(text: str, start: int, end: int) -> bool:
    opened = text.count("{", start, end) + text.count("[", start, end)
    return opened <= MAX_DEPTH or _scan_depth(text, start)[1] <= MAX_DEPTH


def _too_deep(text: str, start: int) -> tuple[int, str | None, bool]:
    end, _ = _scan_depth(text, start)
    return (start, "nested_too_deep", True) if end is None else (end, "nested_too_deep", False)


def _scan_depth(text: str, start: int) -> tuple[int | None, int]:
    """(end of the bracketed stretch, or None when it does not close; its greatest depth)."""
    depth = deepest = 0
    for match in _TOKEN.finditer(text, start):
        mark = match.group()[0]
        if mark in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "}]":
            depth -= 1
            if depth == 0:
                return match.end(), deepest
    return None, deepest
