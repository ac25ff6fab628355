"""What a share of the records becomes: null fields, malformed text, wrong types, the flat shape, a second
delivery.

A fault takes a good record and returns a bad one; it knows the stream only by its spec. Faults in the JSON
text lie within the payload's strings or its time, so that a reader that resumes at the next record loses
nothing but the broken one. Their draws come from a generator of their own: another share alters the same
traffic in other places.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from random import Random
from typing import Any, TypeVar

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.spec import Field, Integer, StreamSpec, Varchar
from weblogs_platform.local.traffic.firehose import SECOND_US
from weblogs_platform.local.traffic.record import DUPLICATE, FAULTS, FLAT, MALFORMED_FAULTS, Record

Choice = TypeVar("Choice")

LONGEST_REDELIVERY_US = 15 * 60 * SECOND_US
"""At least once: the second copy of a record arrives at most that much later, often in another object."""


@dataclass(frozen=True, kw_only=True)
class FaultShares:
    """Shares of the records, each 0 to 1. All but `late` exclude one another, so their sum is at most 1."""

    null: float = 0.0
    malformed: float = 0.0
    mistyped: float = 0.0
    flat: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            share = getattr(self, item.name)
            if not (math.isfinite(share) and 0 <= share <= 1):
                raise InvalidName(f"the {item.name} share is between 0 and 1, got {share}")
        if self.altered + self.duplicate > 1:
            raise InvalidName(
                f"the shares of faults add up to {self.altered + self.duplicate:g}, more than 1"
            )

    @property
    def altered(self) -> float:
        return self.null + self.malformed + self.mistyped + self.flat


class FaultInjector:
    """Applies the shares to the records of one stream."""

    def __init__(self, spec: StreamSpec, shares: FaultShares) -> None:
        self._spec = spec
        self._shares = shares
        self._mistyped = tuple(_mistyped_values(spec))
        if shares.mistyped and not self._mistyped:
            raise InvalidName(f"stream {spec.name!r} has text fields only: no value can have the wrong type")

    def late_us(self, rng: Random) -> int:
        """How much earlier than its delivery a visit happened: 0, or 2 to 36 hours."""
        if not self._shares.late or rng.random() >= self._shares.late:
            return 0
        return int((2 + 34 * rng.random()) * 3600) * SECOND_US

    def inject(self, rng: Random, records: list[Record]) -> list[Record]:
        """The records as they are delivered, second copies included; not in order of arrival."""
        altered, unique = self._shares.altered, 1.0 - self._shares.duplicate
        if not altered and unique >= 1.0:
            return records
        delivered: list[Record] = []
        for record in records:
            luck = rng.random()
            if luck < altered:
                delivered.append(self._alter(rng, luck, record))
                continue
            if luck >= unique:
                delay_us = SECOND_US + int(rng.random() * (LONGEST_REDELIVERY_US - SECOND_US))
                delivered.append((record[0] + delay_us, record[1], record[2] | DUPLICATE))
            delivered.append(record)
        return delivered

    def _alter(self, rng: Random, luck: float, record: Record) -> Record:
        shares = self._shares
        if luck < shares.null:
            return self._null(rng, record)
        if luck < shares.null + shares.malformed:
            return _malformed(rng, record)
        if luck < shares.null + shares.malformed + shares.mistyped:
            return self._mistype(rng, record)
        return self._flat(record)

    def _null(self, rng: Random, record: Record) -> Record:
        kind = _pick(rng, ("null", "missing", "empty", "all_null_flat"))
        envelope = json.loads(record[1])
        if kind == "all_null_flat":
            return _changed(record, kind, self._all_null(envelope))
        members = _pick(rng, self._spec.required_fields).members
        holder = envelope if len(members) == 1 else envelope[members[0]]
        if kind == "missing":
            del holder[members[-1]]
        else:
            holder[members[-1]] = None if kind == "null" else ""
        return _changed(record, kind, envelope)

    def _all_null(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """The record of the other producer version that gave the old system its nulls."""
        payload: dict[str, Any] = envelope[self._spec.payload]
        nulls = dict.fromkeys(reversed([name for name in payload if name != "timestamp"]))
        taken_in = envelope["timestamp"]
        return {"source": None, "timestamp": payload["timestamp"], **nulls, "ingestion_timestamp": taken_in}

    def _flat(self, record: Record) -> Record:
        envelope = json.loads(record[1])
        flat = {"source": "web", **envelope[self._spec.payload], "ingestion_timestamp": envelope["timestamp"]}
        return record[0], _dumped(flat), record[2] | FLAT

    def _mistype(self, rng: Random, record: Record) -> Record:
        members, kind, value = _pick(rng, self._mistyped)
        envelope = json.loads(record[1])
        holder = envelope if len(members) == 1 else envelope[members[0]]
        holder[members[-1]] = value
        return _changed(record, kind, envelope)


def _mistyped_values(spec: StreamSpec) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Values that no column of the field's type takes: where, which fault, what."""
    for field in spec.fields:
        if isinstance(field.type, Varchar):
            continue
        yield field.members, "wrong_type", "the day before yesterday"
        if isinstance(field.type, Integer):
            yield field.members, "out_of_range", _too_large(field)


def _too_large(field: Field) -> int:
    return 1 << 33 if field.maximum is None else field.maximum + 4


def _malformed(rng: Random, record: Record) -> Record:
    kind = _pick(rng, MALFORMED_FAULTS)
    return record[0], _MALFORMED[kind](record[1], rng), record[2] | FAULTS.index(kind)


def _inside_string(line: bytes, rng: Random) -> int:
    """A position after the first character of one of the payload's string values."""
    places = tuple(match.end() + 1 for match in re.finditer(rb'": "', line))
    return _pick(rng, places[1:])


def _truncated(line: bytes, rng: Random) -> bytes:
    return line[: _inside_string(line, rng)]


def _broken_quotes(line: bytes, rng: Random) -> bytes:
    at = _inside_string(line, rng) - 1  # further in, a backslash before it would make it right
    return line[:at] + b'"' + line[at:]


def _stray_text(_line: bytes, rng: Random) -> bytes:
    return b"WARN producer-%d restarted, record lost " % rng.getrandbits(16)


def _invalid_utf8(line: bytes, rng: Random) -> bytes:
    at = _inside_string(line, rng)
    return line[:at] + _pick(rng, (b"\xff", b"\xc3\x28", b"\xe9t\xe9", b"\xed\xa0\x80")) + line[at:]


def _nan(line: bytes, _rng: Random) -> bytes:
    return line[: line.rindex(b": ")] + b": NaN}}"


_MALFORMED: Mapping[str, Callable[[bytes, Random], bytes]] = {
    "truncated": _truncated,
    "broken_quotes": _broken_quotes,
    "stray_text": _stray_text,
    "invalid_utf8": _invalid_utf8,
    "nan": _nan,
}


def _pick(rng: Random, choices: tuple[Choice, ...]) -> Choice:
    return choices[int(rng.random() * len(choices))]


def _changed(record: Record, kind: str, content: dict[str, Any]) -> Record:
    return record[0], _dumped(content), record[2] | FAULTS.index(kind)


def _dumped(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
