"""The lakehouse copy of an hour: what the stream table holds of it, as one commit of a Delta table.

The table is opened before the warehouse is asked, and the commit is refused when anybody wrote the hour since it was
opened. So what is written is never older than what it replaces, whoever is slow. Where external tables are, the hour
becomes a partition of the stream's. That the hour was copied and can be read is noted in `shopware_ops.refresh_history`
last; the Delta log decides, the note only makes it quick to ask what is stale.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

import pyarrow as pa

from weblogs_platform.clients.lakehouse import CopiedTable, Lakehouse, batch_of
from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core import failpoints
from weblogs_platform.core.derived_statements import RecordRefreshes
from weblogs_platform.core.errors import CountMismatch, LakehouseAhead
from weblogs_platform.core.lakehouse import PREFIX, HourDigest, HourStates, ReadSlice, copy_name
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.lake_tables import hide_hour, show_hours

SLICE_ROWS = 50_000
"""Rows that are in memory at a time, on average: a slice is what the hashes of the rows say."""


@dataclass(frozen=True)
class Side:
    """An hour as one side has it: its state, and the figures of `HourDigest`."""

    state: int
    digest: tuple[Any, ...]

    @property
    def rows(self) -> int:
        return int(self.digest[0])


@dataclass(frozen=True)
class Agreement:
    """The hour in the stream table and in its copy."""

    table: Side
    copy: Side

    @property
    def differences(self) -> tuple[str, ...]:
        """What the copy has otherwise, in words; nothing when the two agree."""
        if self.table.state != self.copy.state:
            return (f"the copy is of state {self.copy.state}, the table is at {self.table.state}",)
        if self.table.rows != self.copy.rows:
            return (f"the copy has {self.copy.rows} rows, the table {self.table.rows}",)
        return () if self.table.digest == self.copy.digest else ("the rows differ",)


@dataclass(frozen=True)
class CopyOutcome:
    """What one copy did: `written`, or `nothing` because the state was there. `version` is the Delta table's."""

    action: Literal["written", "nothing"]
    agreement: Agreement
    version: int
    seconds: float


def copy_hour(
    lakehouse: Lakehouse, warehouse: Warehouse, spec: StreamSpec, hour: LandingHour, *, run_id: str
) -> CopyOutcome:
    """Brings the copy of a landing hour to what the stream table holds; does nothing when it is there.

    Raises LakehouseConflict (try again), LakehouseAhead, CountMismatch and the clients' errors. Then the copy is as it
    was, or as another writer made it.
    """
    began = time.monotonic()
    table = lakehouse.open(spec)
    failpoints.reach("lakehouse:opened")
    with warehouse.transaction() as tx:
        state, noted = _states(tx, spec, hour)
        source = Side(state, _digest(tx, spec, hour))
        copied = table.state_of(hour)
        if copied > state:
            raise LakehouseAhead(
                f"{spec.name} {hour.partition_key}: the lakehouse holds state {copied}, the warehouse is at {state}: "
                "was it restored? docs/OPERATIONS.md says how to have the copy written anew"
            )
        failpoints.reach("lakehouse:before_write")
        if copied < state:
            table.replace_hour(hour, state, _batches(tx, spec, hour, source.rows))
            failpoints.reach("lakehouse:committed")
    table.refreshed()
    if state:
        _publish(table, warehouse, hour, shows=noted < state)
    if noted < state:
        _note(warehouse, spec, hour, source, run_id)
    failpoints.reach("lakehouse:noted")
    agreement = Agreement(source, Side(table.state_of(hour), table.digest(hour)))
    action = "written" if copied < state else "nothing"
    return CopyOutcome(action, agreement, table.table.version(), time.monotonic() - began)


def compare_hour(
    lakehouse: Lakehouse, warehouse: Warehouse, spec: StreamSpec, hour: LandingHour
) -> Agreement:
    """The hour on both sides, no row written."""
    table = lakehouse.open(spec)
    with warehouse.transaction() as tx:
        source = Side(_states(tx, spec, hour)[0], _digest(tx, spec, hour))
    return Agreement(source, Side(table.state_of(hour), table.digest(hour)))


def stale_hours(
    warehouse: Warehouse, spec: StreamSpec, first: LandingHour, end: LandingHour
) -> list[LandingHour]:
    """Landing hours in [first, end), in order, whose present state is not noted as copied."""
    with warehouse.transaction() as tx:
        rows = tx.fetch_all(HourStates(), _parameters(spec, first, end))
    return [LandingHour(start.replace(tzinfo=UTC)) for start, state, noted in rows if int(noted) < int(state)]


def _publish(table: CopiedTable, warehouse: Warehouse, hour: LandingHour, *, shows: bool) -> None:
    """Brings the hour's manifest, and where `shows` its partition, to the newest version. Looks again afterwards:
    another writer may have committed and published meanwhile, and what was published here be older."""
    url, files = table.lake.url(PREFIX), table.files_of(hour)
    while True:
        if shows and not files:
            hide_hour(warehouse, table.spec, url, hour)
        table.publish_manifest(hour, files)
        failpoints.reach("lakehouse:manifest_published")
        if shows and files:
            show_hours(warehouse, table.spec, url, [hour])
        failpoints.reach("lakehouse:shown")
        table.refreshed()
        newest = table.files_of(hour)
        if newest == files:
            return
        files, shows = newest, True


def _batches(tx: Transaction, spec: StreamSpec, hour: LandingHour, rows: int) -> Iterator[pa.RecordBatch]:
    """The hour's rows. Here is where UNLOAD would come in (docs/decisions/0013)."""
    slices = max(1, -(-rows // SLICE_ROWS))
    found = 0
    for number in range(slices if rows else 0):
        part = tx.fetch_all(ReadSlice(spec, slices), (hour.sql, number))
        found += len(part)
        if part:
            yield batch_of(spec, hour, part)
    if found != rows:
        raise CountMismatch(
            f"{spec.name} {hour.partition_key}: read {found} of {rows} rows for the lakehouse; nothing was written"
        )
    failpoints.reach("lakehouse:read")


def _states(tx: Transaction, spec: StreamSpec, hour: LandingHour) -> tuple[int, int]:
    """The hour's state, and the one that is noted as copied; 0 where there is none."""
    rows = tx.fetch_all(HourStates(), _parameters(spec, hour, hour.plus(1)))
    return (int(rows[0][1]), int(rows[0][2])) if rows else (0, 0)


def _parameters(spec: StreamSpec, first: LandingHour, end: LandingHour) -> tuple[str, ...]:
    bounds = (first.sql, end.sql)
    return (spec.name, *bounds, spec.name, *bounds, copy_name(spec), *bounds)


def _digest(tx: Transaction, spec: StreamSpec, hour: LandingHour) -> tuple[Any, ...]:
    [figures] = tx.fetch_all(HourDigest(spec), (hour.sql,))
    return figures


def _note(warehouse: Warehouse, spec: StreamSpec, hour: LandingHour, side: Side, run_id: str) -> None:
    line = (copy_name(spec), hour.sql, spec.qualified_table, side.state, side.rows, run_id)
    with warehouse.transaction() as tx:
        tx.insert_lines(RecordRefreshes, [line])
