"""What a derived table declares about itself: the tables that are computed from the stream tables, by event time.

A derived table is replaced period by period (an hour or a day, UTC), never appended to. Its statement is
`sql/kpis/<name>.sql`: one INSERT of every row whose period lies in [:period_start, :period_end), which may also
use `:run_id`. Deliberately absent: how it is run (`pipeline.refresh`) and how Dagster shows it (`assets.derived`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from weblogs_platform.core.errors import InvalidName, InvalidSpec

Grain = Literal["hour", "day"]
Team = Literal["sales", "marketing", "operations", "support"]

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_TABLE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", re.ASCII)
_COLUMN = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", re.ASCII)
_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True, kw_only=True)
class DerivedColumn:
    """One column. `type` is its Redshift type as in the DDL; `description` says the formula, in the words of the
    people who read the figure; `lineage` names the columns it is computed from, as schema.table.column.

    headline: how a period's rows become the one number that Dagster plots, or None.
    """

    name: str
    type: str
    description: str
    lineage: tuple[str, ...]
    nullable: bool = False
    personal: bool = False
    headline: Literal["sum", "avg"] | None = None


@dataclass(frozen=True, kw_only=True)
class DerivedTable:
    """One table. `period_column` holds the date or time by which a row belongs to a period of the grain; `key` is
    unique over the whole table; `sources` are the tables (schema.table) whose changes make its periods stale."""

    schema: str
    name: str
    team: Team
    description: str
    grain: Grain
    period_column: str
    key: tuple[str, ...]
    columns: tuple[DerivedColumn, ...]
    sources: tuple[str, ...]
    volume_band: tuple[float, float] = (0.5, 2.0)
    """What share of the previous period's rows a period has as a rule, from and to."""

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise InvalidSpec(f"derived table {self.name!r}: " + "; ".join(problems))

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def headlines(self) -> tuple[DerivedColumn, ...]:
        return tuple(c for c in self.columns if c.headline)

    @property
    def step(self) -> timedelta:
        """How long a period is."""
        return _STEPS[self.grain]

    @property
    def rows_move(self) -> bool:
        """Whether late data can move a row to another period: its key does not say to which it belongs."""
        return self.period_column not in self.key

    def period_of(self, moment: datetime) -> datetime:
        """Start of the period that holds `moment` (timezone-aware), in UTC."""
        hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
        return hour if self.grain == "hour" else hour.replace(hour=0)

    def periods(self, first: datetime, end: datetime) -> tuple[datetime, ...]:
        """Starts of the periods in [first, end). Raises InvalidName as `check_bounds` does."""
        self.check_bounds(first, end)
        return tuple(first + n * self.step for n in range((end - first) // self.step))

    def check_bounds(self, first: datetime, end: datetime) -> None:
        """Raises InvalidName unless both are starts of periods, in UTC, with at least one period between them."""
        for moment in (first, end):
            if moment.tzinfo is not UTC or self.period_of(moment) != moment:
                raise InvalidName(f"{self.name} is computed by whole {self.grain}s in UTC, got {moment!r}")
        if first >= end:
            raise InvalidName(f"no {self.grain} of {self.name} lies between {first} and {end}")

    def _problems(self) -> Iterator[str]:
        names = [c.name for c in self.columns]
        for name in (self.schema, self.name, *names):
            if not _IDENTIFIER.fullmatch(name):
                yield f"{name!r} is not a lower-case identifier"
        if len(set(names)) < len(names):
            yield "columns must be unique"
        if not self.key or not {self.period_column, *self.key} <= set(names):
            yield "the period column and the key must be columns"
        if any(c.nullable for c in self.columns if c.name in {self.period_column, *self.key}):
            yield "neither the period column nor the key may be null"
        if any(c.name == self.period_column and c.type not in {"DATE", "TIMESTAMP"} for c in self.columns):
            yield "the period column is a DATE or a TIMESTAMP"
        if not self.sources or not all(_TABLE.fullmatch(source) for source in self.sources):
            yield "a derived table has sources, each as schema.table"
        for lineage in (one for c in self.columns for one in c.lineage):
            if not _COLUMN.fullmatch(lineage) or lineage.rpartition(".")[0] not in self.sources:
                yield f"lineage {lineage!r} is no schema.table.column of a source"
