"""Proves records by their spelling: one regular expression holds a record's every byte.

Records of one producer are alike: the same members in the same order. A template is the language of such records
in which nothing can be wrong: every declared member has a value that its `Value` allows, strings have no escapes
and are UTF-8, no member comes twice. Matching is all there is to it, so that where a template came from does not
matter. What no template holds may be as good: whoever asks goes on with it in another way.

The expressions are RE2's, matched on bytes (Arrow's binary), where the cost does not depend on their size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weblogs_platform.bulk.lines import Offsets

NO_TEMPLATE = -1

_MAX_TEMPLATES = 8
_MAX_MEMBERS = 100
_MAX_EXAMPLE_BYTES = 64 * 1024
_EXAMPLES_EACH_TIME = 3
_WORTH_ITS_PLACE = 1 / 8  # of the stretches that no template held yet
_COUNTED_BYTES = (
    100  # a text of a higher limit is held to it by the length of the record, which costs nothing
)
_UNLIMITED = 1 << 62
_MAX_RECORD_BYTES = 4 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SPACE = r"[ \t\r\n]*"
_ASCII = r"[\x20!#-\[\]-\x7f]"
_BEYOND_ASCII = (
    r"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    r"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_CHARACTER = f"(?:{_ASCII}|{_BEYOND_ASCII})"
_WIDEST_CHARACTER_BYTES = 4
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_SCALAR = f'(?:"{_CHARACTER}*"|{_NUMBER}|true|false|null)'
_DAY = (
    r"[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)

Place = tuple[str, ...]
"""The members that lead from the root to a value."""


@dataclass(frozen=True)
class Value:
    """What a member may be. `text_limit`: bytes of its text at most, when the pattern does not count them."""

    pattern: str
    text_limit: int = _UNLIMITED

    def or_null(self) -> Value:
        return replace(self, pattern=f"(?:{self.pattern}|null)")

    def __or__(self, other: Value) -> Value:
        return Value(f"(?:{self.pattern}|{other.pattern})", min(self.text_limit, other.text_limit))


BOOLEAN = Value("(?:true|false)")
ISO_TIMESTAMP = Value(rf'"{_DAY}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?Z?"')
"""ISO 8601 in UTC, of the years 1000 to 9999; the 29th of February needs a calendar and is left out."""
DOUBLE = Value(r"-?(?:[1-9][0-9]{0,17}(?:\.[0-9]{1,40})?|0\.[0-9]{0,20}[1-9][0-9]{0,20})")
"""A number far from the limits of a DOUBLE. No zero, which may be the rest of one too small."""


def integer(digits: int) -> Value:
    """A whole number of at most so many digits."""
    return Value(rf"(?:0|-?[1-9][0-9]{{0,{digits - 1}}})")


def text(shortest: int, limit: int) -> Value:
    """A string of at most `limit` bytes. An expression counts characters: those beyond ASCII count for the most
    bytes that one can have."""
    if limit > _COUNTED_BYTES:
        return Value(f'"{_CHARACTER}{"+" if shortest else "*"}"', limit)
    counted = Value(f'"{_ASCII}{{{shortest},{limit}}}"')
    wide = limit // _WIDEST_CHARACTER_BYTES
    return counted | Value(f'"{_CHARACTER}{{{shortest},{wide}}}"') if wide else counted


@dataclass(frozen=True)
class Layout:
    """What records declare: the values, the objects that hold some of them, and what no record may lack. Other
    members may be any scalar."""

    values: Mapping[Place, Value]
    objects: frozenset[Place] = frozenset()
    needed: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Template:
    """Proves a record that `pattern` matches as a whole and that has `longest` bytes at most. `paths`: the
    JSONPaths of its members, objects aside."""

    pattern: str
    longest: int
    paths: tuple[str, ...]


class Templates:
    """The templates of one layout, learnt from the records that come by. Used by one thread at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._learnt: list[Template] = []

    def paths_of(self, number: int) -> tuple[str, ...]:
        """The members of records that `match` gave this number."""
        return self._learnt[number].paths

    def match(self, buffer: bytes, offsets: Offsets) -> npt.NDArray[np.int8]:
        """For each stretch the number of the template that proves it good, or NO_TEMPLATE. The stretches need
        be neither JSON nor UTF-8."""
        lines = _Lines(buffer, offsets)
        for number, template in enumerate(self._learnt):
            lines.mark(lines.proven_by(template), number)
        for tried in range(_EXAMPLES_EACH_TIME):
            if not len(lines.left) or len(self._learnt) == _MAX_TEMPLATES:
                break
            template = template_of(lines.example(tried), self._layout)
            if template and template not in self._learnt:
                self._learn(template, lines)
        return lines.found

    def _learn(self, template: Template, lines: _Lines) -> None:
        """Keeps the template when it proves enough, so that odd records take no places."""
        proven = lines.proven_by(template)
        if len(proven) >= _WORTH_ITS_PLACE * len(lines.left):
            lines.mark(proven, len(self._learnt))
            self._learnt.append(template)


class _Lines:
    """The stretches of one buffer, and which of them are still without a template."""

    def __init__(self, buffer: bytes, offsets: Offsets) -> None:
        count = len(offsets) - 1
        self._buffer, self._offsets, self._lengths = buffer, offsets, np.diff(offsets)
        self._array: Any = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(buffer)]
        )
        self.found = np.full(count, NO_TEMPLATE, dtype=np.int8)
        self.left = np.arange(count)

    def proven_by(self, template: Template) -> npt.NDArray[np.int64]:
        """Which of those left the template proves good."""
        tried = self.left[self._lengths[self.left] <= template.longest]
        if not len(tried):
            return tried
        lines = self._array if len(tried) == len(self._array) else self._array.take(pa.array(tried))
        matches: Any = pc.match_substring_regex(lines, pattern=template.pattern)  # pyright: ignore[reportAttributeAccessIssue]
        return tried[np.asarray(matches)]

    def mark(self, proven: npt.NDArray[np.int64], number: int) -> None:
        self.found[proven] = number
        self.left = self.left[self.found[self.left] == NO_TEMPLATE]

    def example(self, tried: int) -> bytes:
        """One of those left, another for each try."""
        line = int(self.left[(len(self.left) * tried) // _EXAMPLES_EACH_TIME])
        return self._buffer[self._offsets[line] : self._offsets[line + 1]]


def template_of(example: bytes, layout: Layout) -> Template | None:
    """The template of records that have the members of this one in its order. None where these cannot be proven
    so: something needed is not there, members repeat or nest, there are too many of them."""
    if len(example) > _MAX_EXAMPLE_BYTES:
        return None
    try:
        root = json.loads(example, object_pairs_hook=_Pairs)
        return _Builder(layout).template(root) if isinstance(root, _Pairs) else None
    except (ValueError, RecursionError, _NotProvable):
        return None


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in order."""


class _NotProvable(Exception):
    """Records of this shape cannot be proven by spelling."""


@dataclass
class _Builder:
    """Puts one template together. `fixed`: bytes that every record has beside the characters of its texts, at least."""

    layout: Layout
    fixed: int = 0
    text_limit: int = _UNLIMITED
    places: list[Place] = field(default_factory=list[Place])

    def template(self, root: _Pairs) -> Template:
        pattern = rf"\A{_SPACE}{self._object(root, ())}{_SPACE}\z"
        if not self.layout.needed.issubset(self.places):
            raise _NotProvable
        paths = ["$." + ".".join(place) for place in self.places if place not in self.layout.objects]
        return Template(pattern, min(_MAX_RECORD_BYTES, self.fixed + self.text_limit), tuple(paths))

    def _object(self, members: _Pairs, above: Place) -> str:
        names = [name for name, _ in members]
        if len(set(names)) < len(names) or len(names) + len(self.places) > _MAX_MEMBERS:
            raise _NotProvable
        self.fixed += len("{}")
        return rf"\{{{_SPACE}{f',{_SPACE}'.join(self._member((*above, n), v) for n, v in members)}\}}"

    def _member(self, place: Place, value: Any) -> str:
        if not _NAME.fullmatch(place[-1]):
            raise _NotProvable
        self.fixed += len(f'"{place[-1]}":')
        self.places.append(place)
        return f'"{place[-1]}"{_SPACE}:{_SPACE}{self._value(place, value)}{_SPACE}'

    def _value(self, place: Place, value: Any) -> str:
        if place in self.layout.objects:
            if not isinstance(value, _Pairs):
                raise _NotProvable
            return self._object(value, place)
        if place not in self.layout.values:
            if isinstance(value, list):
                raise _NotProvable
            return _SCALAR
        declared = self.layout.values[place]
        self.text_limit = min(self.text_limit, declared.text_limit)
        return declared.pattern
