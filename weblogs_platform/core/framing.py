"""Finds the records in a stretch of bytes, one by one, exactly: the slow, trusted path.

COPY's JSON is a sequence of root objects with only white space between them. Real objects hold more: root
arrays, pretty-printing, records cut in the middle, stray text. `next_piece` says for each stretch whether it is
a whole object or not, and where the next one can begin, so that one broken record costs no sound neighbour, and
no part of it passes for a record.

After a broken record, reading resumes at the first whole object that stands as a record does: not where a value
stands in the broken one (after `:`, `,` or `[`), and not followed by what follows a value (`}`, `]`, `,`, `:`).
A record cut just before a value has its neighbour standing in that value's place: the neighbour is known when
it is an envelope (or a flat record by its own marks), which never nests in a sound record, or when it has a
line to itself.

What no reader can promise: a fault that leaves a whole object at root is judged as the record it spells (`3` for
`5`; a brace put in that ends or begins the record early; two records cut and joined into one; a payload whose
envelope was cut off before it). What this one does not: without new lines, a flat record that bears no mark of
its own is lost when the record before it was cut just before a value; in a root array, a flat record nested in
a list of a broken one is taken for an element; and a neighbour of a broken stretch that is too long to be held
(`bulk.scan`) is found only where it stands as a record does, or on a line of its own.

Text is latin-1 decoded bytes: one character per byte, so that every index is a byte offset; all of JSON's
structure is ASCII, and what strings hold is judged later, on the bytes. The time is linear in the text: what
was parsed in vain is not tried again from within.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from weblogs_platform.core.spec import MAX_RECORD_BYTES

MAX_DEPTH = 64
"""Deeper nesting is refused: no declared field needs more than two levels."""

_WHITE = " \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]*")
_OPENING = re.compile(r'(?=\{[ \t\r\n]*")')
_ROOT_OPENING = re.compile(r'(?:[^:,\[ \t\r\n][ \t\r\n]*|\n)(?=\{[ \t\r\n]*")')
_TOKEN = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"|[{}\[\]"]')
_CONTROL = re.compile(r"[\x00-\x1f]")
_FIRST_WINDOW = 16 * 1024
_NEAR_THE_END = 12
"""The longest token that the end of the text can cut without its being a string: `-Infinity`, and an escape."""


@dataclass(frozen=True)
class Piece:
    """A stretch `[start, end)` of the text: a whole object when `problem` is None, else bytes that are not."""

    start: int
    end: int
    problem: str | None = None
    unwrapped: bool = False


class Incomplete(Exception):
    """The text ends before it is known what begins at `start`, and more may come."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class _Parsed(NamedTuple):
    """What stands at an opening. end: where the object ends or, when it is not whole, where it stops being
    JSON. cut: it stops there because the text does."""

    end: int
    whole: bool
    problem: str | None = None
    cut: bool = False


class _Structure(NamedTuple):
    """What the brackets of a stretch say: end, or None when they do not close; broken_at: where they
    contradict themselves, or None; deepest: the greatest depth."""

    end: int | None
    broken_at: int | None
    deepest: int


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _kept(text: str) -> str:
    return text


def _forgotten(_: object) -> None:
    return None


def _decoder(constant: Callable[[str], None]) -> json.JSONDecoder:
    """One that says where an object ends and forgets what is in it, which would be many times the text."""
    return json.JSONDecoder(
        object_pairs_hook=_forgotten, parse_float=_forgotten, parse_int=_forgotten, parse_constant=constant
    )


_DECODER, _LENIENT = _decoder(_no_constant), _decoder(_forgotten)
# Numbers stay text: nothing here needs their value, and a number of 10,000 digits must not cost a conversion.
_READER = json.JSONDecoder(parse_float=_kept, parse_int=_kept, parse_constant=_kept)


@dataclass
class Framer:
    """Walks over one object's text.

    `envelope` is the name of the payload member, by which a whole envelope is known; `flat_marks` are members
    that only flat records have at their root. `in_array` lives on between calls; `array_seen` says that
    brackets were consumed which COPY must not see.
    """

    envelope: str
    flat_marks: frozenset[str] = frozenset()
    in_array: bool = False
    array_seen: bool = False

    def next_piece(self, text: str, at: int, *, final: bool) -> Piece | None:
        """The next piece at or after `at`, or None when only white space is left.

        Raises Incomplete when what comes after the text may change the answer (never when `final`). Array
        brackets and the commas between their elements are consumed silently; what was in them comes back
        `unwrapped`. A piece ends with its last character that is not white space.
        """
        start = self._skip_separators(text, at, final=final)
        if start == len(text):
            return None
        found = _object_at(text, start)
        if found.whole:
            too_large = "record_too_large" if found.end - start > MAX_RECORD_BYTES else None
            return Piece(start, found.end, found.problem or too_large, self.in_array)
        if found.cut and not final:
            raise Incomplete(start)
        try:
            resumed = self._resume_at(text, start, found.end, final=final)
        except Incomplete:
            raise Incomplete(start) from None
        if resumed == len(text) and not final:
            raise Incomplete(start)
        return Piece(start, self._trimmed(text, start, resumed), found.problem, self.in_array)

    def resume_after_oversized(self, text: str, *, final: bool) -> int:
        """Where a record begins in text that goes on within a broken stretch, or the end of the text.

        Raises Incomplete with the place of what may be a record that the text cuts off.
        """
        return self._resume_at(text, 0, 0, final=final, oversized=True)

    def _skip_separators(self, text: str, at: int, *, final: bool) -> int:
        while True:
            at = space_end(text, at)
            mark = text[at : at + 1]
            if mark == "[":
                inside = space_end(text, at + 1)
                if inside == len(text) and not final:
                    raise Incomplete(at)
                if text[inside : inside + 1] not in ("{", "]"):
                    return at
                self.in_array = self.array_seen = True
            elif mark == "]" and self.in_array:
                self.in_array = False
            elif mark != "," or not self.in_array:
                return at
            at += 1

    def _resume_at(
        self, text: str, start: int, broken_at: int, *, final: bool, oversized: bool = False
    ) -> int:
        """Where the next record begins after the broken stretch that began at `start`, or the end of the text.

        Every opening is either tried or passed over with what was parsed around it, so the time is linear.
        """
        begun = start
        opening = _ROOT_OPENING if oversized and not self.in_array else _OPENING
        while True:
            swallowed = None if oversized else self._swallowed(text, begun, broken_at)
            if swallowed is not None:
                return swallowed
            at = _opening_at(opening, text, begun, broken_at)
            if at == len(text):
                return at
            found = _object_at(text, at)
            if found.cut and not final and len(text) - at <= MAX_RECORD_BYTES:
                raise Incomplete(at)
            if found.whole:
                nested = _after_value_mark(text, at) and not self._is_element(text, start, at, oversized)
                if self._stands_as_record(text, at, found.end, nested=nested, final=final):
                    return at
                begun = found.end - 1
            else:
                begun = at
            broken_at = found.end

    def _swallowed(self, text: str, begun: int, broken_at: int) -> int | None:
        """The record that stands as a value in the broken one, which was cut just before that value: what
        stops being JSON there is the record after it."""
        end = _solid_end(text, begun, broken_at)
        if text[end - 1] != "}" or end - 1 <= begun:
            return None
        opening = _opening_of(text, begun, end)
        if opening is None or not self._stands_as_record(text, opening, end, nested=True, final=True):
            return None
        return opening

    def _is_element(self, text: str, start: int, at: int, oversized: bool) -> bool:
        """Whether what stands after a comma may be the next element of the root array."""
        if not self.in_array or oversized:
            return False
        mark = _solid_end(text, start, at) - 1
        before = text[_solid_end(text, start, mark) - 1]
        return text[start] not in "{[" or (before, text[mark]) in {("}", ","), ("]", "[")}

    def _stands_as_record(self, text: str, at: int, end: int, *, nested: bool, final: bool) -> bool:
        after = space_end(text, end)
        known = final or after < len(text)
        if known and (not nested or _has_own_line(text, at, end)):
            closing = "}:" if self.in_array else "}],:"
            if after == len(text) or text[after] not in closing:
                return True
        if self._is_marked(text[at:end]):
            return True
        if not known:
            raise Incomplete(at)
        return False

    def _is_marked(self, text: str) -> bool:
        try:
            value: Mapping[str, Any] = _READER.decode(text)
        except (ValueError, RecursionError):
            return False
        return isinstance(value.get(self.envelope), dict) or not self.flat_marks.isdisjoint(value)

    def _trimmed(self, text: str, start: int, end: int) -> int:
        """Where the broken stretch ends, without the white space and the array's own punctuation after it."""
        body = text[start:end].rstrip(_WHITE)
        if self.in_array:
            before_next_array = body.removesuffix("[").rstrip(_WHITE)
            if before_next_array.endswith("]"):
                body = before_next_array
            if body.endswith((",", "]")):
                body = body[:-1].rstrip(_WHITE)
        return start + max(len(body), 1)


def space_end(text: str, at: int) -> int:
    """Where the white space that begins at `at` ends."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _object_at(text: str, start: int) -> _Parsed:
    if text[start] != "{":
        return _Parsed(start, whole=False, problem="not_an_object")
    size = _FIRST_WINDOW
    while True:  # json's errors count the lines of all the text that was given: a window keeps them cheap
        found = _object_in(text[start : start + size])
        if not found.cut or size >= len(text) - start:
            return found._replace(end=start + found.end)
        size *= 8


def _object_in(text: str) -> _Parsed:
    try:
        _, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        return _broken(text, error)
    except RecursionError:
        return _too_deep(text)
    except ValueError:
        return _with_constant(text)
    return _Parsed(end, whole=True, problem=None if _depth_allowed(text, end) else "nested_too_deep")


def _broken(text: str, error: json.JSONDecodeError) -> _Parsed:
    if error.msg.startswith("Unterminated string"):
        return _Parsed(len(text), whole=False, problem="malformed_json", cut=True)
    cut = error.pos >= len(text) - _NEAR_THE_END
    return _Parsed(error.pos, whole=False, problem="malformed_json", cut=cut)


def _with_constant(text: str) -> _Parsed:
    """An object that holds NaN or Infinity: not JSON, but where it ends is plain."""
    try:
        _, end = _LENIENT.raw_decode(text)
    except json.JSONDecodeError as error:
        return _broken(text, error)
    except RecursionError:
        return _too_deep(text)
    return _Parsed(end, whole=True, problem="malformed_json")


def _depth_allowed(text: str, end: int) -> bool:
    opened = text.count("{", 0, end) + text.count("[", 0, end)
    return opened <= MAX_DEPTH or _structure(text).deepest <= MAX_DEPTH


def _too_deep(text: str) -> _Parsed:
    structure = _structure(text)
    if structure.end is not None:
        return _Parsed(structure.end, whole=True, problem="nested_too_deep")
    if structure.broken_at is not None:
        cut_string = text[structure.broken_at] == '"' and not _CONTROL.search(text, structure.broken_at)
        cut = cut_string or structure.broken_at >= len(text) - _NEAR_THE_END
        return _Parsed(structure.broken_at, whole=False, problem="malformed_json", cut=cut)
    return _Parsed(len(text), whole=False, problem="nested_too_deep", cut=True)


def _structure(text: str) -> _Structure:
    """Follows the brackets from the start without judging what is between them."""
    closing: list[str] = []
    deepest, behind, last = 0, 0, ""
    for match in _TOKEN.finditer(text):
        at, mark = match.start(), text[match.start()]
        if mark in "{[":
            if closing and not _opens_value(text[behind:at], last):
                return _Structure(None, at, deepest)
            closing.append("}" if mark == "{" else "]")
            deepest = max(deepest, len(closing))
        elif mark in "}]":
            if mark != closing.pop():
                return _Structure(None, at, deepest)
            if not closing:
                return _Structure(match.end(), None, deepest)
        elif match.end() == at + 1:  # a quote that opens no whole string
            return _Structure(None, at, deepest)
        behind, last = match.end(), mark
    return _Structure(None, None, deepest)


def _opens_value(between: str, last: str) -> bool:
    """Whether a bracket may open after the token `last` and the text between."""
    between = between.rstrip(_WHITE)
    return between.endswith((":", ",")) if between else last == "["


def _opening_at(opening: re.Pattern[str], text: str, begun: int, broken_at: int) -> int:
    """The first opening after `begun` that the parse which stopped at `broken_at` has not passed, or the end.

    A string that was cut is closed by the first quote of the next record: its opening then lies before.
    """
    before = text.rfind("{", begun + 1, broken_at)
    if before >= 0 and space_end(text, before + 1) + 1 >= broken_at and _OPENING.match(text, before):
        return before
    brace = text.find("{", max(begun + 1, broken_at))
    if brace < 0:
        return len(text)
    # The root pattern begins with what stands before the brace.
    match = opening.search(
        text, max(begun, _solid_end(text, begun, brace) - 1) if opening is _ROOT_OPENING else brace
    )
    return match.end() if match else len(text)


def _opening_of(text: str, begun: int, end: int) -> int | None:
    """The opening of the object that ends at `end`, within the valid beginning of an object at `begun`."""
    opened: list[int] = []
    for match in _TOKEN.finditer(text, begun, end):
        mark = text[match.start()]
        if mark in "{[":
            opened.append(match.start())
        elif mark in "}]" and opened:
            opening = opened.pop()
            if match.end() == end:
                return opening
        elif match.end() == match.start() + 1:
            return None  # the end lies within a string
    return None


def _solid_end(text: str, start: int, end: int) -> int:
    """Where the text in [start, end) ends, white space after it left out."""
    while end > start and text[end - 1] in _WHITE:
        end -= 1
    return end


def _after_value_mark(text: str, at: int) -> bool:
    return text[_solid_end(text, 0, at) - 1] in ":,["


def _has_own_line(text: str, at: int, end: int) -> bool:
    """Whether the object begins in the first column and nothing else stands on its line."""
    after = space_end(text, end)
    alone = after == len(text) or "\n" in text[end:after]
    return text[at - 1] == "\n" and "\n" not in text[at:end] and alone
