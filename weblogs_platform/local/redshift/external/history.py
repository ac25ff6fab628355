"""The rows of svl_s3query_summary and sys_external_query_detail: what each scan of a query read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.external.scan import ExternalScan, ScanReport
from weblogs_platform.local.redshift.systables import LoadHistory, QueryContext, utc_now


@dataclass
class OpenScans:
    """The scans of the session's last query, until they are written."""

    history: LoadHistory
    _scans: list[ExternalScan] = field(default_factory=list)
    _context: QueryContext | None = None

    def begin(self, scans: Sequence[ExternalScan], context: QueryContext) -> None:
        """A query starts to read; that of the query before is written first."""
        self.write()
        self._scans, self._context = list(scans), context

    @property
    def failure(self) -> RedshiftError | None:
        """The error with which a scan ended, which the engine only has as text."""
        return next((report.failure for _, report in self._reports() if report.failure is not None), None)

    def write_ended(self) -> None:
        """Writes the rows when every pass over the tables is over."""
        if all(report.ended is not None for _, report in self._reports()):
            self.write()

    def write(self) -> None:
        """Writes the rows as the scans are now, durable when this returns."""
        context, self._context = self._context, None
        if context is not None:
            rows = [_row(context, segment, report) for segment, report in self._reports()]
            self._scans = []
            self.history.insert("external_scans", rows)

    def _reports(self) -> list[tuple[int, ScanReport]]:
        return list(enumerate(report for scan in self._scans for report in scan.reports))


def _row(context: QueryContext, segment: int, report: ScanReport) -> list[object]:
    table, counts = report.table, report.counts
    return [
        *context.row, segment, report.started, report.ended or utc_now(), report.failure is not None,
        f"{table.schema.name}.{table.name}", table.location, bool(table.partitions), report.total_partitions,
        report.qualified_partitions, counts.files, counts.requests, counts.scanned_rows, counts.scanned_bytes,
        counts.returned_rows, counts.returned_bytes,
    ]  # fmt: skip
