"""What templates must hold for a stream: records that `core.validation.judge` finds nothing wrong with, and of which
COPY cuts nothing."""

from __future__ import annotations

from weblogs_platform.bulk.templates import DOUBLE, ISO_TIMESTAMP, Layout, Value, integer, text
from weblogs_platform.core.spec import (
    BigInteger,
    Decimal,
    Double,
    Field,
    Integer,
    StreamSpec,
    Timestamp,
    Varchar,
)

_EPOCH_SECS = Value(r"[1-9][0-9]{0,10}(?:\.[0-9]{1,40})?")
_NOTHING = Value(r"[^\x00-\xff]")


def layout_of(spec: StreamSpec) -> Layout:
    """The stream's layout: its fields, in the envelope that flat records lack."""
    values = {f.members: _value(f) if f.required else _value(f).or_null() for f in spec.fields}
    envelope = {(spec.payload,)}
    nested = envelope if any(len(f.members) == 2 for f in spec.fields) else set[tuple[str, ...]]()
    return Layout(values, frozenset(envelope), frozenset(nested | {f.members for f in spec.required_fields}))


def _value(f: Field) -> Value:
    match f.type:
        case Varchar(max_bytes=limit):
            string = text(1 if f.required else 0, limit)
            return string | integer(18) if limit >= len("-123456789012345678") else string
        case Integer():
            return _integer(f)
        case BigInteger() | Decimal():
            return _NOTHING
        case Double():
            return DOUBLE
        case Timestamp(source="iso"):
            return ISO_TIMESTAMP
        case Timestamp():
            return _EPOCH_SECS if f.minimum is None else _NOTHING


def _integer(f: Field) -> Value:
    low, high = f.minimum, f.maximum
    if low is None and high is None:
        return integer(9)
    if low is not None and high is not None and 0 <= low <= high <= 9:
        return Value(f"[{low}-{high}]")
    return _NOTHING  # a range that digits do not show: only null is proven
