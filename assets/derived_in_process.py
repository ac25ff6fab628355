"""Refreshes of derived tables in this process: for the command line, and for whoever has no Dagster daemon.

The runs are those that the automation would start: the same jobs, events and checks, in the instance that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg

from assets.in_process import errors_by_step, execute
from assets.keys import PERIOD_FORMATS, derived_key, refresh_job_name, refresh_step
from assets.stale import StaleRun, stale_runs
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.derived import DerivedTable

ROUNDS = 5
"""Tables stand on tables that stand on tables: no declared one is deeper than this."""


@dataclass
class RefreshedTable:
    """What the refreshes of one table came to. `failed_checks`: those of severity ERROR, `<period> <check>`."""

    periods: int = 0
    rows: int = 0
    failed_checks: list[str] = field(default_factory=list[str])
    failed: str | None = None

    @property
    def is_well(self) -> bool:
        return self.failed is None and not self.failed_checks


@dataclass
class Refresher:
    """Runs refreshes and counts what came of them; `on_table` is told of each table of a run that is made."""

    definitions: dg.Definitions
    tables: Sequence[DerivedTable]
    instance: dg.DagsterInstance
    on_table: Callable[[str], None]
    done: dict[str, RefreshedTable] = field(init=False)

    def __post_init__(self) -> None:
        self.done = {table.name: RefreshedTable() for table in self.tables}

    def refresh_stale(self, warehouse: Warehouse, first: datetime, now: datetime) -> None:
        """Refreshes what is stale from `first` on, and what becomes stale by it. A table that failed is not tried
        again."""
        for _ in range(ROUNDS):
            tables = [table for table in self.tables if not self.done[table.name].failed]
            runs = stale_runs(warehouse, tables, first, now)
            if not runs:
                return
            for run in runs:
                self.run(run)

    def refresh_range(self, first: datetime, end: datetime) -> None:
        """Refreshes all periods that lie in [first, end), stale or not."""
        for grain, fmt in PERIOD_FORMATS.items():
            tables = [table for table in self.tables if table.grain == grain]
            if tables:
                keys = tuple(derived_key(table) for table in tables)
                last = tables[0].periods(first, end)[-1]
                self.run(StaleRun(refresh_job_name(grain), first.strftime(fmt), last.strftime(fmt), keys))

    def run(self, run: StaleRun) -> None:
        """One run. Raises KeyboardInterrupt when it was interrupted; other failures are counted."""
        made: set[str] = set()
        job = self.definitions.resolve_job_def(run.job).get_subset(asset_selection=set(run.keys))
        result = execute(job, self.instance, run.tags, lambda entry: self._take(entry, made))
        if not result.success:
            reasons = errors_by_step(result)
            for name in {key.path[-1] for key in run.keys} - made:
                others = "; ".join(reasons.values()) or "the run failed before it began"
                self.done[name].failed = reasons.get(refresh_step(name)) or f"not made: {others}"

    def _take(self, entry: dg.EventLogEntry, made: set[str]) -> None:
        if (materialized := entry.asset_materialization) is not None:
            name = materialized.asset_key.path[-1]
            rows = materialized.metadata.get("dagster/partition_row_count")
            self.done[name].periods += 1
            self.done[name].rows += (rows.value or 0) if isinstance(rows, dg.IntMetadataValue) else 0
            if name not in made:
                made.add(name)
                self.on_table(name)
        check = entry.asset_check_evaluation
        if check and not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
            failed = f"{check.partition} {check.check_name}: {check.description}"
            self.done[check.asset_key.path[-1]].failed_checks.append(failed)
