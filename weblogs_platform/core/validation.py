"""Judges one record: good as it stands, good once conformed, or bad with every reason.

A record that is judged good is one that COPY loads with every declared value intact, save for truncation,
which is counted. The judgement is exact and slow; `bulk.screen` proves most records good without it, and must
never be more lenient.

    reasons      malformed_json, not_an_object, nested_too_deep, record_too_large, invalid_utf8, invalid_unicode,
                 duplicate_key, null_required:<column>, wrong_type:<column>, out_of_range:<column>,
                 unparsable_timestamp:<column>, nul_character:<column>

Messages are deliberately absent: a reason names the column, never the value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from weblogs_platform.core.spec import Double, Field, Integer, StreamSpec, Timestamp, Varchar

ISO_TIMESTAMP = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z?"
"""The spelling of a TIMESTAMP that is accepted: ISO 8601 in UTC. An offset other than Z is not."""

MAX_EPOCH_SECS = 253_402_300_800
"""9999-12-31 24:00: a number from here on is no time in seconds (most likely milliseconds)."""

_ISO = re.compile(ISO_TIMESTAMP, re.ASCII)
_DIGITS = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT_MAX = 2**31 - 1


class NumberText(str):
    """A JSON number as it was written: `1.10` stays `1.10`."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of a JSON object in order, repeated keys included."""

    def get(self, key: str) -> Any:
        """The value of the last member of that key; None when there is none."""
        return next((value for name, value in reversed(self) if name == key), None)

    def keys(self) -> list[str]:
        return [name for name, _ in self]


@dataclass(frozen=True)
class Verdict:
    """reasons: empty when the record is good. conformed: the bytes to load instead of the record's own, or
    None when it loads as it stands. truncated: columns whose value COPY will cut. present: JSONPaths of the
    members at root and in the payload, as they will be loaded."""

    reasons: tuple[str, ...]
    conformed: bytes | None = None
    truncated: tuple[str, ...] = ()
    present: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not self.reasons


def judge(raw: bytes, spec: StreamSpec) -> Verdict:
    """Judges the bytes of one whole JSON object (no framing problem is left in them)."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Verdict(("invalid_utf8",))
    try:
        root = _DECODER.decode(text)
    except RecursionError:
        return Verdict(("nested_too_deep",))
    except ValueError:
        return Verdict(("malformed_json",))
    if not isinstance(root, Members):
        return Verdict(("not_an_object",))
    if _repeats(root, spec):
        return Verdict(("duplicate_key",))
    flat = _is_flat(root, spec)
    envelope = _enveloped(root, spec) if flat else root
    verdict = _judge_fields(envelope, spec)
    if "\\u" in text and _SURROGATE.search(dump(envelope)):
        return Verdict(("invalid_unicode", *verdict.reasons), present=verdict.present)
    if flat and verdict.good:
        return Verdict((), dump(envelope).encode(), verdict.truncated, verdict.present)
    return verdict


def dump(value: Any) -> str:
    """JSON text of a parsed value; numbers exactly as they were written."""
    if isinstance(value, Members):
        return "{" + ", ".join(f"{_quoted(name)}: {dump(item)}" for name, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dump(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, NumberText):
        return str(value)
    return _quoted(value)


def is_null(value: Any) -> bool:
    """What a required field must not be: null, absent, or an empty string."""
    return value is None or value == ""


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=Members, parse_float=NumberText, parse_int=NumberText, parse_constant=_no_constant
)


def _repeats(root: Members, spec: StreamSpec) -> bool:
    """Whether a key comes twice where declared values stand: which of them counts would be an accident."""
    payload = root.get(spec.payload)
    levels = [root] + ([payload] if isinstance(payload, Members) else [])
    return any(len(set(level.keys())) < len(level) for level in levels)


def _is_flat(root: Members, spec: StreamSpec) -> bool:
    if spec.payload in root.keys():
        return False
    inner = {f.members[-1] for f in spec.fields if len(f.members) == 2}
    return not inner.isdisjoint(root.keys())


def _enveloped(root: Members, spec: StreamSpec) -> Members:
    """A flat record in the shape that the jsonpaths expect."""
    outer = Members((spec.flat_names[name], value) for name, value in root if name in spec.flat_names)
    inner = Members((name, value) for name, value in root if name not in spec.flat_names)
    return Members([*outer, (spec.payload, inner)])


def _judge_fields(root: Members, spec: StreamSpec) -> Verdict:
    reasons: list[str] = []
    truncated: list[str] = []
    for f in spec.fields:
        value = _value_at(root, f)
        if is_null(value):
            if f.required:
                reasons.append(f"null_required:{f.column}")
            continue  # COPY makes an empty string NULL where the column is not text
        problem = _type_problem(f, value)
        if problem:
            reasons.append(f"{problem}:{f.column}")
        elif (
            isinstance(f.type, Varchar) and len(_as_text(value).encode("utf-8", "replace")) > f.type.max_bytes
        ):
            truncated.append(f.column)
    return Verdict(tuple(reasons), None, tuple(truncated), tuple(_present(root, spec)))


def _value_at(root: Members, f: Field) -> Any:
    value: Any = root
    for member in f.members:
        value = value.get(member) if isinstance(value, Members) else None
    return value


def _present(root: Members, spec: StreamSpec) -> Iterator[str]:
    for name, value in root:
        if name == spec.payload and isinstance(value, Members):
            yield from (f"$.{spec.payload}.{inner}" for inner in value.keys())
        else:
            yield f"$.{name}"


def _type_problem(f: Field, value: Any) -> str | None:
    match f.type:
        case Varchar():
            return _text_problem(value)
        case Integer():
            return _integer_problem(f, value)
        case Double():
            return None if _finite(value) is not None else "wrong_type"
        case Timestamp(source="iso"):
            return None if isinstance(value, str) and _is_iso(value) else "unparsable_timestamp"
        case Timestamp():
            seconds = _finite(value)
            if seconds is None:
                return "unparsable_timestamp"
            return None if 0 < seconds < MAX_EPOCH_SECS else "out_of_range"


def _text_problem(value: Any) -> str | None:
    if isinstance(value, (Members, list)):
        return "wrong_type"
    return "nul_character" if isinstance(value, str) and "\0" in value else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else _quoted(value)


def _integer_problem(f: Field, value: Any) -> str | None:
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        too_long = isinstance(value, str) and value.lstrip("+-").isdecimal()
        return "out_of_range" if too_long else "wrong_type"
    number = int(value)
    low = -_INT_MAX - 1 if f.minimum is None else f.minimum
    high = _INT_MAX if f.maximum is None else f.maximum
    return None if low <= number <= high else "out_of_range"


def _finite(value: Any) -> float | None:
    """The number that COPY would make of it for a FLOAT, or None when it would not."""
    if not isinstance(value, str) or len(value) > 400 or not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    tiny = 0 < abs(number) < 1e-300
    return None if math.isinf(number) or tiny else number


def _is_iso(text: str) -> bool:
    if not _ISO.fullmatch(text):
        return False
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).year > 0
    except ValueError:
        return False
