"""Judges one record: good as it stands, good once conformed, or bad with every reason.

A record that is judged good is one that COPY loads with every declared value intact, save for truncation,
which is counted. A row of CSV is judged as the JSON object of its cells, texts all of them. The judgement is exact and slow; `bulk.screen` proves most records good without it, and must
never be more lenient.

    reasons      malformed_json, not_an_object, nested_too_deep, record_too_large, invalid_utf8, invalid_unicode,
                 duplicate_key, null_required:<column>, wrong_type:<column>, out_of_range:<column>,
                 unparsable_timestamp:<column>, nul_character:<column>; of CSV also malformed_csv,
                 wrong_column_count, unusable_header

Messages are deliberately absent: a reason names the column, never the value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context
from decimal import Decimal as ExactNumber
from itertools import chain, islice
from typing import Any, NoReturn

from weblogs_platform.core.spec import (
    DELIVERED_AT,
    MAX_PRECISION,
    MAX_RECORD_BYTES,
    RECORD_NUMBER,
    BigInteger,
    Decimal,
    Double,
    Field,
    Integer,
    StreamSpec,
    Timestamp,
    Varchar,
)

ISO_TIMESTAMP = r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z?"
"""The spelling of a TIMESTAMP that is accepted: ISO 8601 in UTC. An offset other than Z is not, nor are a leap
second and the hour 24, which readers take for different times."""

MAX_EPOCH_SECS = 253_402_300_800
"""9999-12-31 24:00: a number from here on is no time in seconds (most likely milliseconds)."""

MAX_PRESENT = 500
"""Members of one record that are counted by name; a record may bring 20,000 of its own."""

_ISO = re.compile(ISO_TIMESTAMP, re.ASCII)
_DIGITS = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_MANY_DIGITS = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_PLAIN_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_NOT_ZERO = re.compile(r"[^eE]*[1-9]", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT_MAX = 2**31 - 1
_BIGINT_MAX = 2**63 - 1
_ROUNDING = Context(prec=2 * MAX_PRECISION, rounding=ROUND_HALF_UP)


class NumberText(str):
    """A JSON number as it was written: `1.10` stays `1.10`."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of a JSON object in order, repeated keys included."""


@dataclass(frozen=True)
class Stamp:
    """What a record does not say itself: when its file was delivered (UTC), and its place among the records of the
    file, counted from 1."""

    delivered_at: datetime
    record_number: int


@dataclass(frozen=True)
class Verdict:
    """reasons: empty when the record is good. conformed: the bytes to load instead of the record's own, or
    None when it loads as it stands. truncated: columns whose value COPY will cut. present: JSONPaths of the
    members at root and in the payload, as they will be loaded, the first MAX_PRESENT of them."""

    reasons: tuple[str, ...]
    conformed: bytes | None = None
    truncated: tuple[str, ...] = ()
    present: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not self.reasons


def judge(raw: bytes, spec: StreamSpec, stamp: Stamp | None = None) -> Verdict:
    """Judges the bytes of one whole JSON object (no framing problem is left in them). `stamp` is for sources that
    have one: their good records are conformed to their declared members and the stamps."""
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
    outer = dict(root)
    payload = outer.get(spec.payload)
    members = payload if isinstance(payload, Members) else Members()
    inner = dict(members)
    if len(outer) < len(root) or len(inner) < len(members):
        return Verdict(("duplicate_key",))  # which of them counts would be an accident
    flat = spec.payload not in outer and not outer.keys().isdisjoint(spec.payload_members)
    if flat:
        outer, inner = _enveloped(outer, spec)
    envelope = Members([*outer.items(), (spec.payload, Members(inner.items()))]) if flat else root
    verdict = _judge_fields(outer, inner, spec, stamp)
    if "\\u" in text and _SURROGATE.search(dump(envelope)):
        return Verdict(("invalid_unicode", *verdict.reasons), present=verdict.present)
    if stamp is not None and verdict.good:
        return _conformed(_stamped(outer, spec, stamp), verdict)
    return _conformed(envelope, verdict) if flat and verdict.good else verdict


def parse_members(raw: bytes) -> Members | None:
    """The members of a JSON object, numbers as they were written; None where the bytes are no such object, or one
    with a member twice."""
    try:
        root = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return root if isinstance(root, Members) and _names_once(root) else None


def _names_once(value: Any) -> bool:
    if isinstance(value, Members):
        return len(dict(value)) == len(value) and all(_names_once(item) for _, item in value)
    return not isinstance(value, list) or all(map(_names_once, value))  # pyright: ignore[reportUnknownArgumentType]


def judge_cells(cells: Mapping[str, str], spec: StreamSpec, stamp: Stamp) -> Verdict:
    """Judges a row of CSV by its cells that are not empty, named by their columns. `present` is left to whoever
    knows the header."""
    verdict = _judge_fields(dict(cells), {}, spec, stamp)
    known = Verdict(verdict.reasons, truncated=verdict.truncated)
    return _conformed(_stamped(cells, spec, stamp), known) if known.good else known


def _stamped(members: Mapping[str, Any], spec: StreamSpec, stamp: Stamp) -> Members:
    declared = [(f.member, members[f.member]) for f in spec.source_fields if f.member in members]
    delivered_at = stamp.delivered_at.replace(tzinfo=None).isoformat(timespec="seconds")
    number = NumberText(stamp.record_number)
    return Members([*declared, (DELIVERED_AT.member, delivered_at), (RECORD_NUMBER.member, number)])


def _conformed(envelope: Members, verdict: Verdict) -> Verdict:
    body = dump(envelope).encode()
    if len(body) > MAX_RECORD_BYTES:
        return Verdict(("record_too_large",), present=verdict.present)
    return Verdict((), body, verdict.truncated, verdict.present)


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


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_quoted = json.JSONEncoder(ensure_ascii=False).encode
_DECODER = json.JSONDecoder(
    object_pairs_hook=Members, parse_float=NumberText, parse_int=NumberText, parse_constant=_no_constant
)


def _enveloped(root: dict[str, Any], spec: StreamSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """A flat record's members at root and in the payload, as the jsonpaths expect them."""
    outer = {spec.flat_names[name]: value for name, value in root.items() if name in spec.flat_names}
    return outer, {name: value for name, value in root.items() if name not in spec.flat_names}


def _judge_fields(
    outer: dict[str, Any], inner: dict[str, Any], spec: StreamSpec, stamp: Stamp | None
) -> Verdict:
    reasons: list[str] = []
    truncated: list[str] = []
    for f in spec.source_fields:
        value = (inner if f.in_payload else outer).get(f.member)
        if is_null(value):
            if f.required:
                reasons.append(f"null_required:{f.column}")
            continue  # COPY makes an empty string NULL where the column is not text
        problem = _type_problem(f, value) or _time_problem(f, value, stamp)
        if problem:
            reasons.append(f"{problem}:{f.column}")
        elif (
            isinstance(f.type, Varchar) and len(_as_text(value).encode("utf-8", "replace")) > f.type.max_bytes
        ):
            truncated.append(f.column)
    return Verdict(tuple(reasons), None, tuple(truncated), _present(outer, inner, spec))


def _present(outer: dict[str, Any], inner: dict[str, Any], spec: StreamSpec) -> tuple[str, ...]:
    at_root = (f"$.{name}" for name in outer if name != spec.payload or not inner)
    in_payload = (f"$.{spec.payload}.{name}" for name in inner)
    return tuple(islice(chain(at_root, in_payload), MAX_PRESENT))


def _type_problem(f: Field, value: Any) -> str | None:
    match f.type:
        case Varchar():
            return _text_problem(value)
        case Integer():
            return _integer_problem(f, value, _INT_MAX)
        case BigInteger():
            return _integer_problem(f, value, _BIGINT_MAX)
        case Decimal():
            return _decimal_problem(f, f.type, value)
        case Double():
            return None if _finite(value) is not None else "wrong_type"
        case Timestamp(source="iso"):
            return None if isinstance(value, str) and _is_iso(value) else "unparsable_timestamp"
        case Timestamp():
            seconds = _finite(value)
            if seconds is None:
                return "unparsable_timestamp"
            return None if 0 < seconds < MAX_EPOCH_SECS and seconds >= (f.minimum or 0) else "out_of_range"


def _text_problem(value: Any) -> str | None:
    if isinstance(value, (Members, list)):
        return "wrong_type"
    return "nul_character" if isinstance(value, str) and "\0" in value else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else _quoted(value)


def _integer_problem(f: Field, value: Any, type_max: int) -> str | None:
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        too_long = isinstance(value, str) and _MANY_DIGITS.fullmatch(value)
        return "out_of_range" if too_long else "wrong_type"
    number = int(value)
    low = -type_max - 1 if f.minimum is None else f.minimum
    high = type_max if f.maximum is None else f.maximum
    return None if low <= number <= high else "out_of_range"


def _decimal_problem(f: Field, column: Decimal, value: Any) -> str | None:
    """The value itself must be within the bounds, and what it is rounded to within the type."""
    if not isinstance(value, str) or not _PLAIN_DECIMAL.fullmatch(value):
        return "wrong_type"
    if len(value) > MAX_PRECISION:
        return "out_of_range"
    number = ExactNumber(value)
    rounded = _ROUNDING.quantize(number, ExactNumber(1).scaleb(-column.scale))
    fits = abs(rounded) < ExactNumber(10) ** (column.precision - column.scale)
    above = f.minimum is None or number >= f.minimum
    below = f.maximum is None or number <= f.maximum
    return None if fits and above and below else "out_of_range"


def _time_problem(f: Field, value: Any, stamp: Stamp | None) -> str | None:
    """Whether a good time lies too long after the delivery."""
    if f.max_ahead_hours is None or stamp is None or not isinstance(f.type, Timestamp):
        return None
    latest = stamp.delivered_at + timedelta(hours=f.max_ahead_hours)
    if f.type.source == "epoch_secs":
        return "out_of_range" if float(value) > latest.timestamp() else None
    time = datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=UTC)
    return "out_of_range" if time > latest else None


def _finite(value: Any) -> float | None:
    """The number that COPY would make of it for a FLOAT, or None when it would not."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    tiny = abs(number) < 1e-300 and _NOT_ZERO.match(value)
    return None if math.isinf(number) or tiny else number


def _is_iso(text: str) -> bool:
    if not _ISO.fullmatch(text):
        return False
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).year > 0
    except ValueError:
        return False
