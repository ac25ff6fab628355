"""Records as producers write them, objects made of them, and what a test expects to find afterwards.

Deliberately independent of the platform's own validation: rows are computed here from the JSON alone.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from weblogs_platform.core.spec import Double, Field, Integer, StreamSpec, Timestamp
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, WEB_LOGS

Row = tuple[Any, ...]

INGESTED = "2025-07-17T20:40:36.066373"
EVENT_SECS = 1746269854.2904353


def web_log(n: int = 1, **payload: Any) -> dict[str, Any]:
    """A sound web-log event; `payload` replaces members, and leaves out those that are `...`."""
    sound = {
        "event_type": "Click",
        "browser": "Edge",
        "device_type": "Desktop",
        "page": "explore/tags/categories",
        "user_id": 5000 + n,
        "session_id": f"101ac20c-{n:04}",
        "timestamp": EVENT_SECS,
    }
    return {"timestamp": INGESTED, "payload": _changed(sound, payload)}


def interaction(n: int = 1, **payload: Any) -> dict[str, Any]:
    """A sound customer interaction; `payload` as in `web_log`."""
    sound = {
        "customer_id": 7000 + n,
        "interaction_type": "Feedback",
        "channel": "Email",
        "rating": 4,
        "message_excerpt": f"Number {n} came late",
        "timestamp": EVENT_SECS,
    }
    return {"timestamp": INGESTED, "payload": _changed(sound, payload)}


def record(spec: StreamSpec, n: int = 1, **payload: Any) -> dict[str, Any]:
    """A sound record of a declared stream."""
    return {WEB_LOGS.name: web_log, CUSTOMER_INTERACTIONS.name: interaction}[spec.name](n, **payload)


def _changed(sound: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**sound, **changes}.items() if value is not ...}


def encoded(value: object, **how: Any) -> bytes:
    """JSON as Firehose passes it on, UTF-8."""
    return json.dumps(value, **{"ensure_ascii": False, **how}).encode()


def flat(spec: StreamSpec, n: int = 1, **payload: Any) -> dict[str, Any]:
    """The same record as the other producer version writes it: no payload object."""
    envelope = record(spec, n, **payload)
    return {"source": None, **envelope["payload"], "ingestion_timestamp": envelope["timestamp"]}


def row_of(spec: StreamSpec, raw: bytes) -> Row:
    """The declared columns of the row that a sound record becomes; an envelope or flat."""
    parsed = json.loads(raw, parse_float=_Number, parse_int=_Number)
    if "payload" not in parsed:
        parsed = {"timestamp": parsed.get("ingestion_timestamp"), "payload": parsed}
    return tuple(_cell(f, _member(parsed, f)) for f in spec.fields)


class _Number(str):
    """The text of a JSON number."""

    __slots__ = ()


def _member(parsed: dict[str, Any], f: Field) -> Any:
    value: Any = parsed
    for member in f.path.removeprefix("$.").split("."):
        value = value.get(member)
        if value is None:
            return None
    return value


def _cell(f: Field, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(f.type, Integer):
        return int(value)
    if isinstance(f.type, Double):
        return float(value)
    if isinstance(f.type, Timestamp):
        return _timestamp(f.type, value)
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _timestamp(declared: Timestamp, value: str) -> datetime:
    if declared.source == "epoch_secs":
        return datetime.fromtimestamp(float(value), UTC).replace(tzinfo=None)
    return datetime.fromisoformat(value).replace(tzinfo=None)


@dataclass(frozen=True)
class Quarantined:
    """What the quarantine must say of one bad record."""

    offset: int
    raw: bytes
    reasons: tuple[str, ...]


@dataclass
class Content:
    """An object's content, written piece by piece, with the rows and the quarantine that it must lead to."""

    spec: StreamSpec
    body: bytearray = field(default_factory=bytearray)
    rows: list[Row] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    compressed: bytes | None = None

    @property
    def stored(self) -> bytes:
        """The bytes of the object: the content itself, unless it was `gzipped`."""
        return bytes(self.body) if self.compressed is None else self.compressed

    def gzipped(self) -> Content:
        """Stores what was written so far as one gzip member."""
        self.compressed = gzip.compress(bytes(self.body), mtime=0)
        return self

    def good(self, value: object, row: Row | None = None) -> Content:
        """A sound record, as bytes or as a value to encode."""
        raw = value if isinstance(value, bytes) else encoded(value)
        self.body += raw
        self.rows.append(row_of(self.spec, raw) if row is None else row)
        return self

    def bad(self, value: object, *reasons: str) -> Content:
        """A record that has to be quarantined for just these reasons."""
        raw = value if isinstance(value, bytes) else encoded(value)
        self.quarantined.append(Quarantined(len(self.body), raw, reasons))
        self.body += raw
        return self

    def between(self, raw: bytes) -> Content:
        """Bytes that are no record and leave no trace."""
        self.body += raw
        return self

    @property
    def reasons(self) -> dict[str, int]:
        every = [reason for one in self.quarantined for reason in one.reasons]
        return {reason: every.count(reason) for reason in sorted(set(every))}
