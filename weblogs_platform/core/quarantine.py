"""A quarantined record: its place, which is its identity, and what stands of it in a quarantine object.

A place is object, ETag and byte offset in the decompressed content: a rewritten object has other places. What is
exported is the same JSON line with a few members more, and may be edited and given back: `raw` (or `raw_base64`) and
`header` are the record then, the place says which, everything else is ignored. Errors name lines and places, never
values.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from weblogs_platform.core.csv_rows import MAX_HEADER_BYTES
from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import MAX_RECORD_BYTES, StreamSpec

MAX_EDITED_BYTES = 64 * 1024 * 1024
"""An edited export is read as a whole; a larger one is given back in parts."""

_EXPORTED = frozenset(
    {"stream", "landing_hour", "object", "etag", "offset", "length", "reasons", "number", "first_seen", "run"}
    | {"header", "raw", "raw_base64", "raw_object"}
)


@dataclass(frozen=True, order=True)
class Place:
    """Which record it is: byte `offset` in the decompressed content of the object `key` of that ETag."""

    key: str
    etag: str
    offset: int


@dataclass(frozen=True)
class Entry:
    """One bad record. reasons: why it is in quarantine; first_reasons: why it was put there. raw: its bytes, None where
    `raw_object` (a copy of the whole source) holds them. header: that of its CSV. number: which record of its file it was,
    for stamped sources."""

    place: Place
    length: int
    reasons: tuple[str, ...]
    first_reasons: tuple[str, ...]
    raw: bytes | None = None
    raw_object: str | None = None
    header: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class Edit:
    """What someone made of a record: its bytes, and the header where they are CSV."""

    raw: bytes
    header: str | None


@dataclass(frozen=True)
class Selection:
    """Which entries are meant. `reasons` match whole (`null_required:user_id`) or by their kind (`null_required`);
    without any, and without `places`, all."""

    reasons: frozenset[str] = frozenset()
    places: frozenset[Place] | None = None

    def has(self, entry: Entry) -> bool:
        if self.places is not None and entry.place not in self.places:
            return False
        named = {*entry.reasons, *(reason.partition(":")[0] for reason in entry.reasons)}
        return not self.reasons or not self.reasons.isdisjoint(named)


def parse_entry(line: bytes) -> Entry:
    """One line of a quarantine object. Raises InvalidDocument."""
    try:
        data = json.loads(line)
        place = Place(data["object"], data["etag"], data["offset"])
        reasons = tuple(data["reasons"])
        return Entry(
            place=place,
            length=data["length"],
            reasons=reasons,
            first_reasons=reasons,
            raw=_raw_of(data),
            raw_object=data.get("raw_object"),
            header=data.get("header"),
            number=data.get("number"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidDocument(f"not a line of a quarantine object: {type(error).__name__}") from error


def export_line(
    entry: Entry, spec: StreamSpec, hour: LandingHour, *, seen: datetime, run: str | None, raw: bool
) -> str:
    """The entry as a JSON line; with `raw`, its bytes too."""
    data: dict[str, object] = {
        "stream": spec.name,
        "landing_hour": hour.partition_key,
        "object": entry.place.key,
        "etag": entry.place.etag,
        "offset": entry.place.offset,
        "length": entry.length,
        "reasons": list(entry.reasons),
        "first_seen": seen.isoformat(timespec="seconds") + "Z",
        "run": run,
    }
    if raw:
        data |= {} if entry.header is None else {"header": entry.header}
        data |= {"raw_object": entry.raw_object} if entry.raw is None else raw_member(entry.raw)
    return json.dumps(data)


def raw_member(raw: bytes) -> dict[str, str]:
    """Raw bytes as text where that is exact, else in base64."""
    try:
        return {"raw": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode("ascii")}


def read_edits(body: bytes, spec: StreamSpec) -> dict[LandingHour, dict[Place, Edit]]:
    """The records of an edited export by landing hour. Raises InvalidDocument, naming the first line that is wrong:
    no JSON object, a member that no export has, no place of this stream, a place twice, no bytes, or too many."""
    if len(body) > MAX_EDITED_BYTES:
        raise InvalidDocument(
            f"the edited export has {len(body):,} bytes, more than {MAX_EDITED_BYTES:,}: give it back in parts"
        )
    edits: dict[LandingHour, dict[Place, Edit]] = {}
    for number, line in _lines(body):
        try:
            _take(line, spec, edits)
        except _Refused as refused:
            raise InvalidDocument(f"line {number} of the edited export {refused}") from None
    if not edits:
        raise InvalidDocument("the edited export has no lines")
    return edits


class _Refused(Exception):
    """Why a line is not taken."""


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(body.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _take(line: bytes, spec: StreamSpec, edits: dict[LandingHour, dict[Place, Edit]]) -> None:
    place, edit = _edited(line)
    hour = spec.landing_hour_of(place.key)
    if hour is None:
        raise _Refused(f"names an object that is not of {spec.name}")
    if place in edits.setdefault(hour, {}):
        raise _Refused("names the same record (object, etag, offset) as an earlier line")
    edits[hour][place] = edit


def _edited(line: bytes) -> tuple[Place, Edit]:
    data = _object(line)
    if not data.keys() <= _EXPORTED:
        raise _Refused(f"has members that no export has; there are: {', '.join(sorted(_EXPORTED))}")
    key, etag, offset = data.get("object"), data.get("etag"), data.get("offset")
    if not isinstance(key, str) or not isinstance(etag, str) or type(offset) is not int:
        raise _Refused("does not say which record it is: object, etag and offset, as exported")
    try:
        raw, header = _raw_of(data), data.get("header")
        encoded_header = None if header is None else header.encode()
    except (ValueError, TypeError, AttributeError):
        raise _Refused("has a raw, raw_base64 or header that is no such text") from None
    if raw is None:
        raise _Refused("has no bytes: give raw (text) or raw_base64, or leave the line out")
    if len(raw) > MAX_RECORD_BYTES or (encoded_header and len(encoded_header) > MAX_HEADER_BYTES):
        raise _Refused(f"is too large: a record has at most {MAX_RECORD_BYTES:,} bytes")
    return Place(key, etag, offset), Edit(raw, header)


def _object(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _Refused("is not JSON, or names a member twice") from None
    if not isinstance(data, dict):
        raise _Refused("is not a JSON object")
    return cast("dict[str, Any]", data)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _raw_of(data: Mapping[str, Any]) -> bytes | None:
    if "raw_base64" in data:
        try:
            return base64.b64decode(data["raw_base64"], validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
    return data["raw"].encode() if "raw" in data else None
