"""What a stream declares about itself; everything else (jsonpaths, COPY, validation, assets) derives from it.

A spec is a frozen value. It is checked when it is made, so that a wrong declaration fails at import of
`streams`, not in the middle of a load. Deliberately absent: how anything is done with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Literal

from weblogs_platform.core.errors import InvalidName, InvalidSpec
from weblogs_platform.core.layout import HourFolders, Layout
from weblogs_platform.core.partitions import LandingHour

MAX_RECORD_BYTES = 4 * 1024 * 1024
"""Redshift's limit for one JSON object, braces included."""

RULES_VERSION = 3
"""Raised whenever validation itself changes its judgement, so that reports of older rules are not reused."""

FIRST_PARTITION = LandingHour.from_argument("2015-05-01")
"""The first landing hour of a stream that does not say another. Event times before it are those of a wrong clock."""

MAX_PRECISION = 38
"""Digits that a DECIMAL of Redshift has at most."""

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_PATH = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*){1,2}", re.ASCII)


@dataclass(frozen=True)
class Varchar:
    """VARCHAR(n): at most `max_bytes` bytes of UTF-8."""

    max_bytes: int

    @property
    def ddl(self) -> str:
        return f"VARCHAR({self.max_bytes})"


@dataclass(frozen=True)
class Integer:
    """INTEGER, 32 bits."""

    ddl: str = "INTEGER"


@dataclass(frozen=True)
class BigInteger:
    """BIGINT, 64 bits."""

    ddl: str = "BIGINT"


@dataclass(frozen=True)
class Decimal:
    """DECIMAL(precision, scale), for money. Records spell it in plain decimal notation; COPY would cut digits beyond
    the scale, so it is staged as text and the INSERT rounds it, half away from zero."""

    precision: int
    scale: int

    @property
    def ddl(self) -> str:
        return f"DECIMAL({self.precision}, {self.scale})"


@dataclass(frozen=True)
class Double:
    """FLOAT, which is DOUBLE PRECISION."""

    ddl: str = "DOUBLE PRECISION"


@dataclass(frozen=True)
class Timestamp:
    """TIMESTAMP without time zone, UTC. `source` says how the record spells it: ISO 8601 text, or seconds
    since 1970 as a number, which COPY's TIMEFORMAT cannot take beside ISO text and the INSERT converts."""

    source: Literal["iso", "epoch_secs"] = "iso"
    ddl: str = "TIMESTAMP"


ColumnType = Varchar | Integer | BigInteger | Decimal | Double | Timestamp


@dataclass(frozen=True, kw_only=True)
class Field:
    """One mapped field: where it stands in the record, and the column it becomes.

    `minimum` and `maximum` bound numbers, both included; `minimum` also times in seconds since 1970. `max_ahead_hours`: how much later than its delivery a
    record's time may be; the delivery says when that was, never the clock. `stamped`: not the producer's, but
    written by the platform (see STAMPS).
    """

    column: str
    type: ColumnType
    path: str
    description: str
    required: bool = False
    personal: bool = False
    minimum: int | None = None
    maximum: int | None = None
    default_sql: str | None = None
    max_ahead_hours: int | None = None
    stamped: bool = False

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The object members that lead to the value: `$.payload.page` is `("payload", "page")`."""
        return tuple(self.path.split(".")[1:])

    @cached_property
    def member(self) -> str:
        """The last of them, which holds the value."""
        return self.members[-1]

    @cached_property
    def in_payload(self) -> bool:
        """Whether the value stands in the payload, and not at the root."""
        return len(self.members) == 2


DELIVERED_AT = Field(
    column="delivered_at",
    type=Timestamp(),
    path="$.delivered_at",
    stamped=True,
    description="When the file was delivered, as its name says, UTC.",
)
RECORD_NUMBER = Field(
    column="record_number",
    type=BigInteger(),
    path="$.record_number",
    stamped=True,
    description="Which record of its file it was, counted from 1, bad ones too.",
)
STAMPS = (DELIVERED_AT, RECORD_NUMBER)
"""The last fields of a source whose records have a key and come again: by these the latest is known. Validation
writes each good record anew with its declared members and these; what a producer sends under their names is not used.
"""


OnVanished = Literal["keep", "replace"]
"""What becomes of the rows of an object that is gone from landing: they stay, or the hour is loaded anew without."""

OnRewritten = Literal["replace", "ignore", "alert"]
"""What a new version of a loaded object does: the hour is loaded anew with it; or the loaded version stays, the new
one is noted in `shopware_ops.rewritten_objects`, and with `alert` a check fails and names it."""


Duplicates = Literal["keep", "drop"]
"""What becomes of a record that equals a loaded one: it is loaded too and counted, or it is dropped."""


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """A source of records: a Firehose stream, or files that another system drops. Its landing prefix and the layout
    below it, what its objects hold, fields in the order of its table, and the policies of its data.

    `flat_names` says which member of a *flat* record (one without the payload object) belongs into the
    envelope, and under which name; its other members belong into the payload. `event_time` names the columns
    that say when the event happened, the first usable one counts, else the landing hour. `entity` is the column
    whose equal values make records one thing (a session, a transaction): a change of one record concerns the
    event hours of the others.

    `duplicates="drop"`: of records with equal values in `duplicate_fields` (None: in all source fields, as the table
    stores them; null equals null), in landing hours at most `duplicate_window_hours` apart, the one that is loaded
    first stays, whatever its hour.

    `lakehouse`: whether the stream table is copied into the lake as a Delta table.
    """

    name: str
    landing_prefix: str
    schema: str
    table: str
    description: str
    owner: str
    fields: tuple[Field, ...]
    event_time: tuple[str, ...] = ()
    entity: str | None = None
    content: Literal["json", "csv"] = "json"
    layout: Layout = field(default_factory=HourFolders)
    payload: str = "payload"
    flat_names: Mapping[str, str] = field(default_factory=lambda: {"ingestion_timestamp": "timestamp"})
    invalid_share_threshold: float = 0.5
    freshness_hours: int = 3
    first_hour: LandingHour = FIRST_PARTITION
    on_vanished: OnVanished = "keep"
    on_rewritten: OnRewritten = "replace"
    duplicates: Duplicates = "keep"
    duplicate_window_hours: int = 24
    duplicate_fields: tuple[str, ...] | None = None
    lakehouse: bool = True

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise InvalidSpec(f"stream {self.name!r}: " + "; ".join(problems))

    def _problems(self) -> Iterator[str]:
        for label, name in (("name", self.name), ("schema", self.schema), ("table", self.table)):
            if not _IDENTIFIER.fullmatch(name):
                yield f"{label} {name!r} is not a lower-case identifier"
        if self.landing_prefix.strip("/") != self.landing_prefix or not self.landing_prefix:
            yield f"landing_prefix {self.landing_prefix!r} must not begin or end with a slash"
        if not 0 < self.invalid_share_threshold <= 1:
            yield "invalid_share_threshold is a share in (0, 1]"
        if len(set(self.flat_names.values())) < len(self.flat_names):
            yield "flat_names gives two members one name"
        columns = [f.column for f in self.fields]
        if not columns or len(set(columns)) != len(columns):
            yield "columns must be there and unique"
        if not any(f.required for f in self.fields):
            yield "at least one field must be required, or an empty object would be a valid record"
        yield from self._policy_problems()
        yield from self._time_problems()
        yield from self._stamp_problems()
        for f in self.fields:
            yield from self._field_problems(f)

    def _time_problems(self) -> Iterator[str]:
        declared = {f.column: f.type for f in self.fields}
        for column in (*self.event_time, *([self.entity] if self.entity else [])):
            if column not in declared:
                yield f"no column {column!r}"
        if not all(isinstance(declared.get(c, Double()), (Double, Timestamp)) for c in self.event_time):
            yield "event_time columns are timestamps, or numbers of seconds since 1970"

    def _policy_problems(self) -> Iterator[str]:
        if self.on_vanished == "replace" and self.on_rewritten != "replace":
            yield "on_vanished='replace' loads what landing holds now, so that on_rewritten cannot keep older versions"
        if self.duplicates == "drop":
            yield from self._duplicate_problems()

    def _duplicate_problems(self) -> Iterator[str]:
        declared = {f.column for f in self.fields}
        if unknown := [c for c in self.duplicate_fields or () if c not in declared]:
            yield f"no column {unknown[0]!r} to compare"
        if self.duplicate_fields == ():
            yield "duplicate_fields must name a column, or be None for the whole record"
        for f in self.compared_fields:
            if f.default_sql:
                yield f"{f.column} has a default, which is not what the record said: name other duplicate_fields"
        if self.duplicate_window_hours < 0:
            yield "duplicate_window_hours must not be negative"
        replaces = "replace" in (self.on_vanished, self.on_rewritten)
        if self.duplicate_window_hours > 0 and replaces:
            yield (
                "an hour that is replaced would take away rows for which other hours dropped their equals: "
                "duplicates='drop' over several hours needs on_vanished='keep' and on_rewritten='ignore' or 'alert'"
            )

    def _stamp_problems(self) -> Iterator[str]:
        stamps = tuple(f for f in self.fields if f.stamped)
        if stamps and (stamps != STAMPS or self.fields[-len(STAMPS) :] != STAMPS):
            yield "stamps are STAMPS, at the end of the fields"
        if stamps and any(f.in_payload for f in self.fields):
            yield "the fields of stamped records stand at the root"
        if not stamps and (self.content == "csv" or any(f.max_ahead_hours is not None for f in self.fields)):
            yield "CSV, and times that are bound to their delivery, need STAMPS: only such records are written anew"

    def _field_problems(self, f: Field) -> Iterator[str]:
        if not _IDENTIFIER.fullmatch(f.column):
            yield f"column {f.column!r} is not a lower-case identifier"
        if not _PATH.fullmatch(f.path) or (f.in_payload and f.members[0] != self.payload):
            yield f"path {f.path!r} of {f.column} is neither $.name nor $.{self.payload}.name"
        if f.required and f.default_sql:
            yield f"{f.column} cannot be required and have a default"
        if isinstance(f.type, Decimal) and not 0 <= f.type.scale <= f.type.precision <= MAX_PRECISION:
            yield f"{f.column} is no DECIMAL that Redshift has"

    @cached_property
    def rules_digest(self) -> str:
        """12 hex digits that change when a record could be judged differently."""
        rules = {
            "version": RULES_VERSION,
            "payload": self.payload,
            "flat_names": dict(self.flat_names),
            "fields": [_rules_of(f) for f in self.fields],
        }
        if self.stamped:
            rules |= {"content": self.content, "layout": repr(self.layout)}
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def stamped(self) -> bool:
        """Whether every good record is written anew with STAMPS."""
        return any(f.stamped for f in self.fields)

    @cached_property
    def source_fields(self) -> tuple[Field, ...]:
        """The fields that records bring themselves: all but the stamps."""
        return tuple(f for f in self.fields if not f.stamped)

    @cached_property
    def source_members(self) -> frozenset[str]:
        """Their members."""
        return frozenset(f.member for f in self.source_fields)

    @cached_property
    def compared_fields(self) -> tuple[Field, ...]:
        """The fields by whose values duplicates are known."""
        if self.duplicate_fields is None:
            return self.source_fields
        return tuple(f for f in self.fields if f.column in self.duplicate_fields)

    @cached_property
    def payload_members(self) -> frozenset[str]:
        """The declared members of the payload."""
        return frozenset(f.member for f in self.fields if f.in_payload)

    @cached_property
    def flat_marks(self) -> frozenset[str]:
        """Members that a flat record has and neither an envelope nor a payload: by these it is known. Where there is
        no envelope, the first declared one: a record's own identity."""
        if not self.payload_members:
            return frozenset({self.fields[0].member})
        return frozenset(self.flat_names) - {self.payload} - {m for f in self.fields for m in f.members}

    @property
    def qualified_table(self) -> str:
        return f"{self.schema}.{self.table}"

    def field_of(self, column: str) -> Field:
        """The field of that column, which is declared."""
        return next(f for f in self.fields if f.column == column)

    @property
    def required_fields(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if f.required)

    def landing_hour_prefix(self, hour: LandingHour) -> str:
        """The S3 prefix of one hour's landing objects."""
        return self.layout.hour_prefix(self.landing_prefix, hour)

    def landing_day_prefix(self, day: date) -> str:
        """The S3 prefix of one day's landing objects."""
        return self.layout.day_prefix(self.landing_prefix, day)

    def landing_hour_of(self, key: str) -> LandingHour | None:
        """The hour that a landing object belongs to; None for a key that does not fit the layout."""
        return self.layout.hour_of(self.landing_prefix, key)

    def delivered_at(self, key: str) -> datetime:
        """When a landing object was delivered, as its name says, UTC. Raises InvalidName when it says nothing."""
        delivered_at = self.layout.delivered_at(self.landing_prefix, key)
        if delivered_at is None:
            raise InvalidName(f"{key!r} is not named {self.layout.example(self.landing_prefix)}")
        return delivered_at


_NOT_RULES = ("description", "personal", "type", "max_ahead_hours", "stamped")


def _rules_of(f: Field) -> dict[str, object]:
    """What of a field decides how a record is judged."""
    rules = {k: v for k, v in asdict(f).items() if k not in _NOT_RULES}
    # Left out where they do not apply, so that they change no digest of those who have none.
    later = {k: v for k in ("max_ahead_hours", "stamped") if (v := getattr(f, k))}
    return {**rules, "type": repr(f.type), **later}
