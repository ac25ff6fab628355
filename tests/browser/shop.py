"""The shop's traffic for a hand-made hour, delivered as Firehose does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.streams import WEB_LOGS


@dataclass(frozen=True)
class Shop:
    """Writes web-log objects with the delivery role, and counts rows as the platform's owner."""

    endpoints: Endpoints

    @cached_property
    def _s3(self) -> Any:
        return self.endpoints.s3("delivery")

    def deliver(self, hour: LandingHour, *, good: int, bad: int = 0, name: str = "a") -> None:
        """One object: good records, then bad ones without their event type, with nothing between them."""
        records = [_record(hour, n, "Click") for n in range(good)]
        records += [_record(hour, n, None) for n in range(good, good + bad)]
        self.deliver_bytes(hour, name, "".join(records).encode())

    def deliver_misspelt(self, hour: LandingHour, count: int) -> None:
        """An object of as many good records, and of such whose `user_id` is called otherwise, which a repair knows."""
        bad = [_record(hour, n, "Click").replace('"user_id"', '"userId"') for n in range(count)]
        good = [_record(hour, n, "Click") for n in range(count, 2 * count)]
        self.deliver_bytes(hour, "misspelt", "".join([*good, *bad]).encode())

    def deliver_bytes(self, hour: LandingHour, name: str, body: bytes) -> None:
        """An object of this content."""
        key = f"{WEB_LOGS.landing_hour_prefix(hour)}web-logs-{name}"
        self._s3.put_object(Bucket=self.endpoints.bucket, Key=key, Body=body)

    def rows(self, hour: LandingHour) -> int:
        query = f"SELECT COUNT(*) FROM {WEB_LOGS.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP)"
        return self._number(query, hour.sql)

    def events_of_sessions(self, day: LandingHour) -> int:
        """Events of the visits that began on a day, as the KPI table has them."""
        query = (
            "SELECT COALESCE(SUM(total_events), 0) FROM shopware_kpis.web_session "
            "WHERE session_start >= CAST(%s AS TIMESTAMP) AND session_start < CAST(%s AS TIMESTAMP)"
        )
        return self._number(query, day.sql, day.plus(24).sql)

    def _number(self, query: str, *parameters: str) -> int:
        with self.endpoints.connect() as connection:
            cursor = connection.cursor()
            cursor.execute(query, parameters)
            [(number,)] = cursor.fetchall()
            return int(number)


def _record(hour: LandingHour, number: int, event_type: str | None) -> str:
    payload = {
        "event_type": event_type,
        "browser": "Edge",
        "device_type": "Desktop",
        "page": "app",
        "user_id": 5000 + number,
        "session_id": f"session-{hour.path}-{number}",
        "timestamp": hour.start.timestamp() + number,
    }
    return json.dumps({"timestamp": hour.start.replace(tzinfo=None).isoformat(), "payload": payload})
