"""What a derived table holds, period by period, and whether it agrees with the tables it is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.derived_facts import PeriodCounts, RepeatedKeys, filled_columns
from weblogs_platform.core.derived_statements import StalePeriods
from weblogs_platform.settings import PROJECT_ROOT


@dataclass(frozen=True)
class Agreement:
    """One figure of a period, as the sources have it and as the table has it."""

    expected: Decimal
    found: Decimal


@dataclass
class PeriodFacts:
    """One period of a table. `nulls` by column; `agreements` by measure; `previous_volume` is that of the period
    before, None when that has no rows. `stale`: a source has changes that the table has not seen, so they may differ."""

    rows: int = 0
    volume: Decimal = Decimal(0)
    previous_volume: Decimal | None = None
    repeated_keys: int = 0
    stale: bool = False
    nulls: Mapping[str, int] = field(default_factory=dict[str, int])
    agreements: dict[str, Agreement] = field(default_factory=dict[str, Agreement])


def examine(
    warehouse: Warehouse, table: DerivedTable, first: datetime, end: datetime
) -> dict[datetime, PeriodFacts]:
    """The facts of every period in [first, end), UTC, those without rows too, all of one moment."""
    with warehouse.transaction() as tx:
        counted = _counted(tx, table, first - table.step, end)
        facts = {start: counted.get(start, PeriodFacts()) for start in table.periods(first, end)}
        for start, found in facts.items():
            before = counted.get(start - table.step)
            found.previous_volume = before.volume if before else None
        for at, repeated in tx.fetch_all(RepeatedKeys(table), _between(first, end)):
            facts[_utc(at)].repeated_keys = int(repeated)
        for (at,) in tx.fetch_all(StalePeriods(table), _between(first, end)):
            facts[_utc(at)].stale = True
        for at, agreements in _agreements(tx, table, first, end).items():
            facts[at].agreements = agreements
    return facts


def _counted(
    tx: Transaction, table: DerivedTable, first: datetime, end: datetime
) -> dict[datetime, PeriodFacts]:
    columns = filled_columns(table)
    found: dict[datetime, PeriodFacts] = {}
    for at, rows, volume, *nulls in tx.fetch_all(PeriodCounts(table), _between(first, end)):
        found[_utc(at)] = PeriodFacts(
            rows=int(rows),
            volume=Decimal(str(volume or 0)),
            nulls={name: int(count) for name, count in zip(columns, nulls, strict=True)},
        )
    return found


def _agreements(
    tx: Transaction, table: DerivedTable, first: datetime, end: datetime
) -> dict[datetime, dict[str, Agreement]]:
    """What `sql/checks/<name>.sql` answers: a row a side and period, the measures as columns. A side without a row has
    0 of each."""
    statement = (PROJECT_ROOT / "sql" / "checks" / f"{table.name}.sql").read_text(encoding="utf-8")
    sides: dict[datetime, dict[str, dict[str, Decimal]]] = {}
    for row in tx.fetch_named(statement, _between(first, end)):
        side, at = row.pop("side"), _utc(row.pop("period_start"))
        sides.setdefault(at, {})[side] = {measure: _cents(value) for measure, value in row.items()}
    return {at: _compared(both) for at, both in sides.items()}


def _compared(sides: Mapping[str, Mapping[str, Decimal]]) -> dict[str, Agreement]:
    expected, found = sides.get("expected", {}), sides.get("found", {})
    zero = _cents(0)
    return {
        measure: Agreement(expected.get(measure, zero), found.get(measure, zero))
        for measure in {**expected, **found}
    }


def _cents(value: object) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def _between(first: datetime, end: datetime) -> dict[str, object]:
    return {"period_start": first.replace(tzinfo=None), "period_end": end.replace(tzinfo=None)}


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
