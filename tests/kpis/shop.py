"""A shop whose files go the real way: dropped into S3, validated, loaded; its tables refreshed and read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests import calendar_shares
from tests.kpis.inputs import Contact, Count, Delivered, Event, Record, Sale
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.kpis import TABLES
from weblogs_platform.kpis.sales import POS_DAILY
from weblogs_platform.pipeline.load import LoadOutcome, load_hour
from weblogs_platform.pipeline.refresh import RefreshOutcome, refresh, stale_periods
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, INVENTORY, POS, WEB_LOGS

SPECS: dict[type, StreamSpec] = {
    Event: WEB_LOGS,
    Contact: CUSTOMER_INTERACTIONS,
    Sale: POS,
    Count: INVENTORY,
}
DAY = timedelta(days=1)
Row = dict[str, Any]
Rows = dict[tuple[Any, ...], Row]


@dataclass
class Shop:
    """The days [first, end) belong to one test; what it delivers must happen and land in them."""

    lake: Lake
    warehouse: Warehouse
    delivery: Any
    bucket: str
    first: datetime
    delivered: list[Delivered] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        return self.first + timedelta(hours=calendar_shares.KPIS.hours)

    def at(self, day: int, hour: int = 12, minute: int = 0, second: float = 0) -> datetime:
        """A moment of the window; its days count from 0."""
        return self.first + timedelta(days=day, hours=hour, minutes=minute, seconds=second)

    def event(self, session: str, at: datetime, **more: Any) -> Event:
        """An event of a visit whose name no other test uses."""
        return Event(session=f"{self.first:%Y%m%d}-{session}", at=at, **{"ingested": at, **more})

    def sale(self, transaction: str, at: datetime, **more: Any) -> Sale:
        return Sale(transaction=f"{self.first:%Y%m%d}-{transaction}", at=at, **more)

    def count(self, inventory: str, at: datetime, **more: Any) -> Count:
        return Count(inventory=f"{self.first:%Y%m%d}-{inventory}", at=at, **more)

    def deliver(self, at: datetime, *records: Record) -> list[LoadOutcome]:
        """One file of each source with records, dropped at that time and loaded."""
        self.drop(at, *records)
        return self.load(at)

    def drop(self, at: datetime, *records: Record) -> None:
        """The same without loading."""
        assert self.first <= at < self.end
        for kind, spec in SPECS.items():
            mine = [record for record in records if isinstance(record, kind)]
            if mine:
                key = spec.landing_hour_prefix(LandingHour.containing(at)) + _NAMES[kind].format(at=at)
                self.delivery.put_object(Bucket=self.bucket, Key=key, Body=_BODIES[kind](mine))
            self.delivered += [Delivered(record, at, n) for n, record in enumerate(mine, start=1)]

    def load(self, at: datetime) -> list[LoadOutcome]:
        """Takes the landing hour of all sources to their tables."""
        hour, outcomes = LandingHour.containing(at), []
        for kind, spec in SPECS.items():
            mine = [d for d in self.delivered if isinstance(d.record, kind) and d.landing_hour == hour.start]
            if mine:
                report = validate_hour(self.lake, spec, hour)
                assert (report.good, report.bad) == (len(mine), 0)
                outcomes.append(load_hour(self.lake, self.warehouse, spec, hour, run_id="load"))
        return outcomes

    def refresh(
        self, table: DerivedTable, *, first: datetime | None = None, end: datetime | None = None
    ) -> RefreshOutcome:
        return refresh(self.warehouse, table, first or self.first, end or self.end, run_id="refresh")

    def refresh_all(self) -> None:
        """Every table over all days on which something happened, whatever a table is computed from before it."""
        happened = [d.record.happened for d in self.delivered]
        days = POS_DAILY.period_of(min(happened)), POS_DAILY.period_of(max(happened)) + DAY
        for table in TABLES:
            self.refresh(table, first=days[0], end=days[1])

    def refresh_stale(self) -> dict[str, list[datetime]]:
        """Only what is stale, each period by itself; what that was."""
        refreshed = {table.name: list(self._refreshed_stale(table)) for table in TABLES}
        return {name: periods for name, periods in refreshed.items() if periods}

    def stale(self, table: DerivedTable) -> list[datetime]:
        return stale_periods(self.warehouse, table, first=self.first, end=self.end)

    def rows(self, table: DerivedTable) -> Rows:
        """The window's rows by key, without the columns that say which run made them."""
        with self.warehouse.transaction() as tx:
            return self._rows(tx, table)

    def all_rows(self) -> dict[str, Rows]:
        with self.warehouse.transaction() as tx:
            return {table.name: self._rows(tx, table) for table in TABLES}

    def _refreshed_stale(self, table: DerivedTable) -> Iterator[datetime]:
        for start in self.stale(table):
            self.refresh(table, first=start, end=start + table.step)
            yield start

    def _rows(self, tx: Transaction, table: DerivedTable) -> Rows:
        names = [c.name for c in table.columns if c.name not in ("run_id", "loaded_at")]
        sql = (
            f"SELECT {', '.join(names)} FROM {table.qualified} WHERE {table.period_column} >= CAST(:first AS TIMESTAMP) "
            f"AND {table.period_column} < CAST(:end AS TIMESTAMP)"
        )
        found = tx.fetch_all(sql, {"first": f"{self.first:%Y-%m-%d}", "end": f"{self.end:%Y-%m-%d}"})
        rows = [dict(zip(names, row, strict=True)) for row in found]
        by_key = {tuple(row[name] for name in table.key): row for row in rows}
        assert len(by_key) == len(rows), f"{table.name} has a key twice"
        return by_key


def _epoch(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _events(events: list[Event]) -> bytes:
    return b"".join(
        _json(
            {
                "timestamp": e.ingested.replace(tzinfo=None).isoformat(),
                "payload": {
                    "event_type": e.kind,
                    "browser": e.browser,
                    "device_type": e.device,
                    "page": e.page,
                    "user_id": e.user,
                    "session_id": e.session,
                    "timestamp": _epoch(e.at),
                },
            }
        )
        for e in events
    )


def _contacts(contacts: list[Contact]) -> bytes:
    return b"".join(
        _json(
            {
                "timestamp": c.at.replace(tzinfo=None).isoformat(),
                "payload": {
                    "customer_id": c.customer,
                    "interaction_type": c.kind,
                    "channel": c.channel,
                    "rating": c.rating,
                    "message_excerpt": None,
                    "timestamp": _epoch(c.at),
                },
            }
        )
        for c in contacts
    )


def _sales(sales: list[Sale]) -> bytes:
    lines = [
        f"{s.transaction},{s.store},{s.product},{s.quantity},{s.revenue},{s.discount or ''},{_epoch(s.at)!r}"
        for s in sales
    ]
    header = "transaction_id,store_id,product_id,quantity,revenue,discount_applied,timestamp"
    return "\r\n".join([header, *lines, ""]).encode()


def _counts(counts: list[Count]) -> bytes:
    return _json(
        [
            {
                "inventory_id": c.inventory,
                "product_id": c.product,
                "warehouse_id": c.warehouse,
                "stock_level": c.stock,
                "restock_threshold": c.threshold,
                "last_updated": _epoch(c.at),
            }
            for c in counts
        ]
    )


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


_NAMES = {
    Event: "events-{at:%M-%S}",
    Contact: "contacts-{at:%M-%S}",
    Sale: "{at:%M%S}.csv",
    Count: "{at:%M%S}.json",
}
"""What follows the prefix of the landing hour."""
_BODIES: dict[type, Any] = {Event: _events, Contact: _contacts, Sale: _sales, Count: _counts}
