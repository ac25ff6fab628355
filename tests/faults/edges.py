"""Hours, days, months and years that end between records: an event belongs to its own hour, wherever it landed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.faults.kept_hours import check_quiet, keeper_of
from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES, Traffic
from tests.faults.report import Report
from weblogs_platform.streams import stream_named

EDGES = "hours, days, months and years that end between records"

_ENDS = (
    "2019-12-31T23", "2020-02-28T23", "2020-02-29T23", "2020-04-30T23", "2020-06-10T23", "2021-02-28T23", "2021-06-10T11",
)  # fmt: skip
"""Hours that are the last of a year, the day before a leap day, a leap day, a month, a day, a February; and any hour."""

_DAY = timedelta(days=1)


def edges(lab: Laboratory, report: Report, n: int) -> None:
    """Events in the last millisecond and at the very beginning of hours, in objects of the hour before and after."""
    first = datetime.fromisoformat(f"{_ENDS[n % len(_ENDS)]}:00:00")
    plain = lab.traffic
    lab.traffic = _AtEdges(plain)
    stream = tuple(TABLES)[n % len(TABLES)]
    try:
        hours = [Hour(lab, stream, first + timedelta(hours=k)) for k in (0, 1)]
        lab.hours += hours
        for hour in hours:
            for _ in range(2):
                hour.deliver(records=6)
        with keeper_of(lab, stream_named(stream), hours[1].start + timedelta(minutes=1)) as keeper:
            before = _change_no(lab, stream)
            report.happened(EDGES)
            keeper.settle()
            for hour in hours:
                hour.check_home()
            _check_event_hours(lab, hours, before)
            check_quiet(keeper, hours[1])
    finally:
        lab.traffic = plain


class _AtEdges(Traffic):
    """The traffic of another, with events where hours end and begin."""

    def __init__(self, other: Traffic) -> None:
        self.__dict__ = other.__dict__

    def moment(self, hour: datetime) -> tuple[float, datetime]:
        end = hour + timedelta(hours=1)
        milli = timedelta(milliseconds=1)
        moments = (
            hour - milli,
            hour,
            hour + milli,
            end - milli,
            end,
            end + milli,
            hour - _DAY,
            hour - _DAY - milli,
        )
        at = self.chance.choice(moments)
        return at.replace(tzinfo=UTC).timestamp(), at


def _change_no(lab: Laboratory, stream: str) -> int:
    with lab.servers.warehouse.transaction() as tx:
        [(last,)] = tx.fetch_all(
            "SELECT COALESCE(MAX(change_no), 0) FROM shopware_ops.changed_hours WHERE source_table = %s",
            (TABLES[stream],),
        )
    return int(last)


def _check_event_hours(lab: Laboratory, hours: list[Hour], after: int) -> None:
    """What is told of changed event hours are those of the rows, whatever hour they landed in."""
    stream = hours[0].stream
    wanted: Counter[datetime] = Counter()
    for hour in hours:
        for row in hour.expected.rows.elements():
            wanted[row[-1].replace(minute=0, second=0, microsecond=0)] += 1
    with lab.servers.warehouse.transaction() as tx:
        rows = tx.fetch_all(
            "SELECT event_hour, SUM(changed_rows) FROM shopware_ops.changed_hours WHERE source_table = %s "
            "AND change_no > %s AND event_hour >= CAST(%s AS TIMESTAMP) AND event_hour < CAST(%s AS TIMESTAMP) "
            "GROUP BY event_hour",
            (TABLES[stream], after, f"{min(wanted)}", f"{max(wanted) + timedelta(hours=1)}"),
        )
    found = {start: int(count) for start, count in rows}
    if found != dict(wanted):
        raise WrongResult(
            f"{stream} {hours[0].start:%Y-%m-%dT%H}: event hours {found} instead of {dict(wanted)}"
        )
