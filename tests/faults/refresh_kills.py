"""`kill -9` of the refresh of a derived table: until it is committed the table is as it was, afterwards as the tests'
own computation has it (`tests/kpis/oracle.py`, in Python, from what was delivered), and the next refresh brings it home.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.laboratory import Laboratory, WrongResult
from tests.faults.oracle import TABLES as STREAMS
from tests.faults.oracle import Row
from tests.faults.report import Report
from tests.faults.worker import Job
from tests.kpis.agreement import differences
from tests.kpis.inputs import Contact, Count, Delivered, Event, Record, Sale
from tests.kpis.oracle import every_table
from tests.kpis.shop import Rows
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.kpis import TABLES
from weblogs_platform.pipeline.refresh import stale_periods

AT_PLACES = "kill -9 of a refresh of a derived table, at each place that it comes to"
IN_COMMIT = "kill -9 of a refresh, within 30 ms of sending its commit"
AT_CHANCE = "kill -9 of a refresh, at a random moment"

_FIRST_DAY = datetime(2023, 1, 1)  # noqa: DTZ001 - tables have no zones
_DAY = timedelta(days=1)


def at_every_place(
    day: Day, report: Report, tables: Sequence[DerivedTable] = TABLES, *, every: int = 1
) -> None:
    """Kills a refresh of each of these tables at each place, one after the other."""
    lab = day.laboratory
    for table in tables:
        places = lab.workers.run(day.job(table, traces=True))
        for place in places[lab.chance.randrange(every) :: every]:
            with report.watching(AT_PLACES):
                before = day.changed(table)
                if lab.workers.run(day.job(table, kill_at=place)) is not None:
                    raise WrongResult(f"{table.name}: the refresh never came to {place}")
                report.happened(AT_PLACES)
                if day.check_whole(table, before) != (place == "refresh:committed"):
                    raise WrongResult(f"{table.name}: killed at {place}")
                day.bring_home(table)


def around_commit(day: Day, report: Report, times: int) -> None:
    """Kills refreshes while their commit is on its way."""
    lab = day.laboratory
    for n in range(times):
        table = TABLES[n % len(TABLES)]
        with report.watching(IN_COMMIT):
            before = day.changed(table)
            job = day.job(table, hold_at="refresh:before_commit")
            if lab.killed_in_commit(job):
                report.happened(IN_COMMIT)
            # The server may be at it still: who takes the lock waits for it.
            day.wait_for_the_lock()
            day.check_whole(table, before)
            day.bring_home(table)


def at_random(day: Day, report: Report, times: int) -> None:
    """Kills refreshes at any moment of the time that a refresh takes."""
    lab = day.laboratory
    for n in range(times):
        table = TABLES[n % len(TABLES)]
        with report.watching(AT_CHANCE):
            before = day.changed(table)
            if lab.workers.killed_after(day.job(table), lab.chance.uniform(0.02, 0.6)):
                report.happened(AT_CHANCE)
            day.wait_for_the_lock()
            day.check_whole(table, before)
            day.bring_home(table)


class Day:
    """A day that nobody else touches, with an hour of each stream."""

    def __init__(self, lab: Laboratory) -> None:
        self.laboratory = lab
        taken = {hour.start.date() for hour in lab.hours}
        first = next(d for n in range(1000) if (d := _FIRST_DAY + n * _DAY).date() not in taken)
        self.start = first.replace(tzinfo=UTC)
        # Events happen up to five hours before the end of their landing hour.
        self.hours = {
            stream: lab.hour(stream, 1, start=first + timedelta(hours=8 + n))
            for n, stream in enumerate(STREAMS)
        }
        for hour in self.hours.values():
            hour.bring_home()

    def job(self, table: DerivedTable, **how: Any) -> Job:
        return Job("web_logs", self.start.replace(tzinfo=None), refreshes=table.name, **how)

    def changed(self, table: DerivedTable) -> Rows:
        """Changes what the table is computed from; the table's rows, as they still are."""
        feeds = [stream for stream, qualified in STREAMS.items() if qualified in table.sources]
        for stream in feeds or STREAMS:
            self.hours[stream].deliver(bad_share=0)
            self.hours[stream].bring_home()
        for below in TABLES:
            if below.qualified in table.sources:
                said = self.laboratory.workers.run(self.job(below, attempts=3))
                if said is None or said[0] != "refreshed":
                    raise WrongResult(f"{below.name}, below {table.name}: {said}")
        return self.rows(table)

    def rows(self, table: DerivedTable) -> Rows:
        """The day's rows by key, without the columns that say which run made them."""
        names = [c.name for c in table.columns if c.name not in {"run_id", "loaded_at"}]
        sql = (
            f"SELECT {', '.join(names)} FROM {table.qualified} WHERE {table.period_column} >= CAST(:first AS TIMESTAMP) "
            f"AND {table.period_column} < CAST(:end AS TIMESTAMP)"
        )
        bounds = {"first": f"{self.start:%Y-%m-%d}", "end": f"{self.start + _DAY:%Y-%m-%d}"}
        with self.laboratory.servers.warehouse.transaction() as tx:
            found = [dict(zip(names, row, strict=True)) for row in tx.fetch_all(sql, bounds)]
        by_key = {tuple(row[name] for name in table.key): row for row in found}
        if len(by_key) != len(found):
            raise WrongResult(f"{table.name} has a key twice")
        return by_key

    def check_whole(self, table: DerivedTable, before: Rows) -> bool:
        """Whether all of the new state is there (then nothing is stale); if not, it is all of the old one, and stale.
        Raises WrongResult when it is something between."""
        problems = self._differences(table)
        is_new = not problems
        if not is_new and self.rows(table) != before:
            told = "; ".join(problems[:5])
            raise WrongResult(f"{table.name} of {self.start:%Y-%m-%d} is half refreshed: {told}")
        if bool(self._stale(table)) == is_new:
            raise WrongResult(
                f"{table.name} of {self.start:%Y-%m-%d}: new is {is_new}, stale is {not is_new}"
            )
        return is_new

    def bring_home(self, table: DerivedTable) -> None:
        """The same refresh, without a fault. Raises WrongResult unless it holds what the oracle says."""
        said = self.laboratory.workers.run(self.job(table))
        problems = self._differences(table)
        if said is None or said[0] != "refreshed" or problems or self._stale(table):
            raise WrongResult(f"{table.name} came home with {said}: " + "; ".join(problems[:5]))

    def wait_for_the_lock(self) -> None:
        with self.laboratory.servers.warehouse.transaction() as tx:
            tx.execute("LOCK shopware_ops.refresh_lock")

    def _differences(self, table: DerivedTable) -> list[str]:
        expected = every_table(list(_delivered(self.laboratory)))[table.name]
        day = {
            tuple(row[k] for k in table.key): row
            for row in expected
            if f"{row[table.period_column]:%Y-%m-%d}" == f"{self.start:%Y-%m-%d}"
        }
        return list(differences(table.name, self.rows(table), day))

    def _stale(self, table: DerivedTable) -> list[datetime]:
        return stale_periods(
            self.laboratory.servers.warehouse, table, first=self.start, end=self.start + _DAY
        )


def _delivered(lab: Laboratory) -> list[Delivered]:
    """All that is loaded, in the words of the oracle of derived tables."""
    return [_RECORDS[hour.stream](row) for hour in lab.hours for row in hour.loaded.rows.elements()]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _event(row: Row) -> Delivered:
    kind, browser, device, page, user, session, ingested, _, landed, at = row
    record = Event(
        session=session, at=_utc(at), ingested=_utc(ingested), kind=kind, user=user, page=page, browser=browser,
        device=device,
    )  # fmt: skip
    return _from(record, landed)


def _contact(row: Row) -> Delivered:
    customer, kind, channel, rating, _, at, _, landed, _ = row
    return _from(Contact(customer=customer, at=_utc(at), kind=kind, channel=channel, rating=rating), landed)


def _sale(row: Row) -> Delivered:
    transaction, store, product, quantity, revenue, discount, at, delivered, number, *_ = row
    amount = None if discount is None else str(discount)
    record = Sale(
        transaction=transaction, at=_utc(at), store=store, product=product, quantity=quantity, revenue=str(revenue),
        discount=amount,
    )  # fmt: skip
    return _from(record, delivered, number)


def _count(row: Row) -> Delivered:
    inventory, product, warehouse, stock, threshold, at, delivered, number, *_ = row
    record = Count(
        inventory=inventory,
        at=_utc(at),
        product=product,
        warehouse=warehouse,
        stock=stock,
        threshold=threshold,
    )
    return _from(record, delivered, number)


def _from(record: Record, delivered: datetime, number: int = 1) -> Delivered:
    return Delivered(record, _utc(delivered), number)


_RECORDS = {"web_logs": _event, "customer_interactions": _contact, "pos": _sale, "inventory": _count}
