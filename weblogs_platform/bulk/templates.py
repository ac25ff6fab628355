"""Proves records good by their spelling: one regular expression holds a record's every byte.

Records of one producer are alike: the same members in the same order. A template is the language of such records
in which nothing can be wrong: every declared value has a type that COPY takes as it stands, within its limits;
strings have no escapes and are UTF-8; no member comes twice. Matching is all there is to it, so that where a
template came from does not matter. What no template holds may still be good: `bulk.screen` goes on with it.

The expressions are RE2's, matched on bytes (Arrow's binary), where the cost does not depend on their size.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weblogs_platform.bulk.lines import Offsets
from weblogs_platform.core.spec import (
    MAX_RECORD_BYTES,
    Double,
    Field,
    Integer,
    StreamSpec,
    Timestamp,
    Varchar,
)

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

_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SPACE = r"[ \t\r\n]*"
_ASCII = r"[\x20!#-\[\]-\x7f]"
_BEYOND_ASCII = (
    r"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    r"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_CHARACTER = f"(?:{_ASCII}|{_BEYOND_ASCII})"
_WIDEST_CHARACTER_BYTES = 4
_INTEGER = r"(?:0|-?[1-9][0-9]{0,8})"
_LONG_INTEGER = r"(?:0|-?[1-9][0-9]{0,17})"
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
# No zero, which may be the rest of a number too small for a DOUBLE; never near the limits of one.
_FLOAT = r"-?(?:[1-9][0-9]{0,17}(?:\.[0-9]{1,40})?|0\.[0-9]{0,20}[1-9][0-9]{0,20})"
_EPOCH_SECS = r"[1-9][0-9]{0,10}(?:\.[0-9]{1,40})?"
_DAY = (
    r"[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_ISO = rf'"{_DAY}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?Z?"'


@dataclass(frozen=True)
class Template:
    """Proves a record good that `pattern` matches as a whole and that has `longest` bytes at most. `paths`: the
    JSONPaths of its members."""

    pattern: str
    longest: int
    paths: tuple[str, ...]


class Templates:
    """The templates of one stream, learnt from the records that come by. Used by one thread at a time."""

    def __init__(self, spec: StreamSpec) -> None:
        self._spec = spec
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
            template = template_of(lines.example(tried), self._spec)
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


def template_of(example: bytes, spec: StreamSpec) -> Template | None:
    """The template of records that have the members of this one in its order. None where these cannot be proven
    so: an envelope without its parts, members that repeat or nest, too many of them."""
    if len(example) > _MAX_EXAMPLE_BYTES:
        return None
    try:
        root = json.loads(example, object_pairs_hook=_Pairs)
        return _Builder(spec).template(root) if isinstance(root, _Pairs) else None
    except (ValueError, RecursionError, _NotProvable):
        return None


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in order."""


class _NotProvable(Exception):
    """Records of this shape are for the screen."""


class _Builder:
    """Puts one template together. `_fixed`: bytes that every record has beside its texts' characters, at least."""

    def __init__(self, spec: StreamSpec) -> None:
        self._spec = spec
        self._declared = {f.members: f for f in spec.fields}
        self._paths: list[str] = []
        self._fixed = 0
        self._text_limit = _UNLIMITED

    def template(self, root: _Pairs) -> Template:
        pattern = rf"\A{_SPACE}{self._object(root, ())}{_SPACE}\z"
        nested = any(len(f.members) == 2 for f in self._spec.fields)
        if nested and self._spec.payload not in dict(root):
            raise _NotProvable
        if any(f.path not in self._paths for f in self._spec.required_fields):
            raise _NotProvable
        longest = min(MAX_RECORD_BYTES, self._fixed + self._text_limit)
        return Template(pattern, longest, tuple(self._paths))

    def _object(self, members: _Pairs, above: tuple[str, ...]) -> str:
        names = [name for name, _ in members]
        if len(set(names)) < len(names) or len(names) + len(self._paths) > _MAX_MEMBERS:
            raise _NotProvable
        self._fixed += len("{}")
        return rf"\{{{_SPACE}{f',{_SPACE}'.join(self._member((*above, n), v) for n, v in members)}\}}"

    def _member(self, place: tuple[str, ...], value: Any) -> str:
        if not _NAME.fullmatch(place[-1]):
            raise _NotProvable
        self._fixed += len(f'"{place[-1]}":')
        return f'"{place[-1]}"{_SPACE}:{_SPACE}{self._value(place, value)}{_SPACE}'

    def _value(self, place: tuple[str, ...], value: Any) -> str:
        if place == (self._spec.payload,):
            if not isinstance(value, _Pairs):
                raise _NotProvable
            return self._object(value, place)
        self._paths.append("$." + ".".join(place))
        if place in self._declared:
            return self._declared_value(self._declared[place])
        if isinstance(value, list):
            raise _NotProvable
        return f'(?:"{_CHARACTER}*"|{_NUMBER}|true|false|null)'  # any scalar: nobody reads it

    def _declared_value(self, f: Field) -> str:
        """What `core.validation.judge` finds nothing wrong with and COPY does not cut."""
        match f.type:
            case Varchar(max_bytes=limit):
                proof = self._text(1 if f.required else 0, limit)
            case Integer():
                proof = _integer(f)
            case Double():
                proof = _FLOAT
            case Timestamp(source="iso"):
                proof = _ISO
            case Timestamp():
                proof = _EPOCH_SECS
        return proof if f.required else f"(?:{proof}|null)"

    def _text(self, shortest: int, limit: int) -> str:
        """A string, or a whole number, of at most `limit` bytes. An expression counts characters: those beyond
        ASCII count for the most bytes that one can have."""
        if limit > _COUNTED_BYTES:
            self._text_limit = min(self._text_limit, limit)
            strings = [f'"{_CHARACTER}{"+" if shortest else "*"}"']
        else:
            wide = limit // _WIDEST_CHARACTER_BYTES
            strings = [f'"{_ASCII}{{{shortest},{limit}}}"']
            strings += [f'"{_CHARACTER}{{{shortest},{wide}}}"'] if wide else []
        numbers = [_LONG_INTEGER] if limit >= len("-123456789012345678") else []
        return f"(?:{'|'.join([*strings, *numbers])})"


def _integer(f: Field) -> str:
    if f.minimum is None and f.maximum is None:
        return _INTEGER
    low, high = f.minimum, f.maximum
    if low is None or high is None or not 0 <= low <= high <= 9:
        raise _NotProvable
    return f"[{low}-{high}]"
