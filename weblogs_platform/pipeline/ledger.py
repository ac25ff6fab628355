"""Reading the ledger, `shopware_ops.load_history`: which objects' records are in the tables."""

from __future__ import annotations

from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import LastChange, LoadedBetween

LoadedHours = dict[LandingHour, tuple[LoadedFile, ...]]


def loaded_hour(warehouse: Warehouse, spec: StreamSpec, hour: LandingHour) -> tuple[LoadedFile, ...]:
    """The objects whose records are loaded for one hour, in key order."""
    with warehouse.transaction() as tx:
        return read_hour(tx, spec, hour)


def read_hour(tx: Transaction, spec: StreamSpec, hour: LandingHour) -> tuple[LoadedFile, ...]:
    """The same within a transaction."""
    return _read(tx, spec, hour, hour.plus(1)).get(hour, ())


def loaded_between(
    warehouse: Warehouse, spec: StreamSpec, first: LandingHour, end: LandingHour
) -> LoadedHours:
    """The hours in [first, end) that have loaded objects."""
    with warehouse.transaction() as tx:
        return _read(tx, spec, first, end)


def last_change(warehouse: Warehouse, spec: StreamSpec, hour: LandingHour) -> int:
    """The number of the last change of the table that concerned this event hour; 0 when none did."""
    with warehouse.transaction() as tx:
        [(number,)] = tx.fetch_all(LastChange(), (spec.qualified_table, hour.sql))
        return int(number)


def _read(tx: Transaction, spec: StreamSpec, first: LandingHour, end: LandingHour) -> LoadedHours:
    grouped: dict[LandingHour, list[LoadedFile]] = {}
    for start, *columns in tx.fetch_all(LoadedBetween(), (spec.name, first.sql, end.sql)):
        hour = LandingHour(start.replace(tzinfo=first.start.tzinfo))
        grouped.setdefault(hour, []).append(LoadedFile(*columns))
    return {hour: tuple(files) for hour, files in grouped.items()}
