"""One run over periods of a derived table: one refresh for the whole range, then the events of each period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.derived_checks import evaluate_period
from assets.events import PartitionEvents
from assets.keys import derived_key
from assets.partition_runs import surprise
from assets.retry import Backoff
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core import failpoints
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import Transient, WeblogsError
from weblogs_platform.pipeline.derived_facts import PeriodFacts, examine
from weblogs_platform.pipeline.refresh import PeriodOutcome, RefreshOutcome, refresh


@dataclass(frozen=True)
class DerivedRun:
    """A run of one table over the partitions of its context, which follow each other."""

    context: dg.AssetExecutionContext
    warehouse: Warehouse
    table: DerivedTable
    backoff: Backoff

    def events(self) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckEvaluation]:
        """Raises dg.Failure when the refresh or the checks could not be made; the rows are then the old ones, or
        stand as they were committed."""
        window = self.context.partition_time_window
        first, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
        try:
            failpoints.reach("derived:begins")
            outcome = self._refreshed(first, end)
            failpoints.reach("derived:refreshed")
            facts = self.backoff.call(lambda: examine(self.warehouse, self.table, first, end), self._warn)
        except WeblogsError as error:
            # Dagster would record what the server said to the driver, and that may quote values.
            raise dg.Failure(f"{self.table.qualified}: {error}", allow_retries=False) from None
        except Exception as error:  # noqa: BLE001 - its text may quote values, whatever it is
            raise dg.Failure(f"{self.table.qualified}: {surprise(error)}", allow_retries=False) from None
        if outcome is not None:
            yield self._result(outcome)
            failpoints.reach("derived:recorded")
        for start, found in facts.items():
            yield from self._evaluations(start, found)

    def _refreshed(self, first: datetime, end: datetime) -> RefreshOutcome | None:
        """None when only checks were asked for."""
        if derived_key(self.table) not in self.context.selected_asset_keys:
            return None
        run_id = self.context.run.run_id
        return self.backoff.call(
            lambda: refresh(self.warehouse, self.table, first, end, run_id=run_id), self._warn
        )

    def _result(self, outcome: RefreshOutcome) -> dg.MaterializeResult[Any]:
        """One result, of which Dagster makes an event for each period, with that period's figures."""
        key = derived_key(self.table)
        for period in outcome.periods:
            partition = self._partition_key(period.start)
            self.context.add_asset_metadata(
                _metadata(outcome, period), asset_key=key, partition_key=partition
            )
        # Rows are made anew each time: what is computed from them has to look again.
        return dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(self.context.run.run_id[:8]))

    def _evaluations(self, start: datetime, facts: PeriodFacts) -> Iterator[dg.AssetCheckEvaluation]:
        key = derived_key(self.table)
        events = PartitionEvents(self.context.instance, self._partition_key(start), {}, {})
        selected = {c.name for c in self.context.selected_asset_check_keys}
        for check in evaluate_period(self.table, start, facts, datetime.now(UTC)):
            if check.declaration.name in selected:
                yield events.evaluation(key, check)

    def _partition_key(self, start: datetime) -> str:
        partitions = self.context.assets_def.partitions_def
        if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
            raise TypeError(f"{self.table.qualified} has no partitions by time")
        return start.strftime(partitions.fmt)

    def _warn(self, error: Transient, delay_secs: float) -> None:
        message = f"{self.table.qualified}: {error}; again in {delay_secs:g} s"
        self.context.log.warning(message)


def _metadata(outcome: RefreshOutcome, period: PeriodOutcome) -> Mapping[str, dg.MetadataValue]:
    figures = {
        name: dg.MetadataValue.float(float(value))
        for name, value in period.headlines.items()
        if value is not None
    }
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(period.rows),
        **figures,
        "periods_in_run": dg.MetadataValue.int(len(outcome.periods)),
        "seconds": dg.MetadataValue.float(round(outcome.seconds, 3)),
    }
