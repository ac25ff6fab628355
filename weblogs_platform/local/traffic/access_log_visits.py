"""Requests of an access log become web-log events in the hours in which they happened.

A session is one client with one User-Agent, as long as no more than 30 minutes pass between two requests. A
log knows no accounts: the user id is a number derived from the client's address with a key. The same key
gives the same number, in every log; who has the key, or guesses it, can find the address again, so that
with the built-in key this is no anonymisation. Every request is an event of type View, images and scripts
too: the log does not say what a page is.

The log may be in any order. Hours are gathered first, in temporary files where they are many, so that
memory holds about one hour. Delivery is that of `history`: by arrival, cut at the full hour.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.local.traffic.access_log import Request, Unparsable, parse_line
from weblogs_platform.local.traffic.firehose import SECOND_US, Buffer, DeliveredObject, Delivery
from weblogs_platform.local.traffic.model import iso_micros
from weblogs_platform.local.traffic.record import Record
from weblogs_platform.local.traffic.user_agents import browser_and_device
from weblogs_platform.streams import WEB_LOGS

SESSION_GAP_SECS = 30 * 60
PSEUDONYM_KEY = b"weblogs-platform"
HELD_REQUESTS = 200_000
"""Requests kept in memory before they go to temporary files."""

HOUR_SECS = 3600


@dataclass
class AccessLogReport:
    """What became of the lines: `lines = events + unparsable`, empty lines left out."""

    SAMPLES = 5

    lines: int = 0
    unparsable: Counter[str] = field(default_factory=Counter[str])
    samples: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    @property
    def events(self) -> int:
        return self.lines - self.unparsable.total()

    def count(self, number: int, parsed: Request | Unparsable) -> None:
        self.lines += 1
        if isinstance(parsed, Unparsable):
            self.unparsable[parsed.reason] += 1
            if len(self.samples) < self.SAMPLES:
                self.samples.append((number, parsed.reason))


def access_log_objects(
    lines: Iterable[tuple[int, bytes]],
    report: AccessLogReport,
    *,
    delivery: Delivery | None = None,
    key: bytes = PSEUDONYM_KEY,
) -> Iterator[DeliveredObject]:
    """The objects of a log given as (line number, line); `report` is filled before the first object comes.

    Raises InvalidDocument when there are lines and none is in the combined format.
    """
    with tempfile.TemporaryDirectory(prefix="weblogs-access-log-") as folder:
        hours = _Hours(Path(folder))
        for number, line in lines:
            parsed = parse_line(line)
            report.count(number, parsed)
            if isinstance(parsed, Request):
                hours.add(parsed)
        if report.lines and not report.events:
            number, reason = report.samples[0]
            raise InvalidDocument(f"no line of {report.lines} is a request; line {number}: {reason}")
        buffer = Buffer(WEB_LOGS, delivery or Delivery())
        for records in _records(hours, _Sessions(key)):
            for record in records:
                if done := buffer.add(record):
                    yield done
            yield from buffer.drain()


class _Hours:
    """Requests by hour, in memory up to HELD_REQUESTS and in a file per hour beyond."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: defaultdict[int, list[Request]] = defaultdict(list)
        self._count = 0

    def add(self, request: Request) -> None:
        self._held[request.at_secs // HOUR_SECS].append(request)
        self._count += 1
        if self._count >= HELD_REQUESTS:
            self._spill()

    def __iter__(self) -> Iterator[tuple[int, list[Request]]]:
        """(hour's start in seconds, its requests in order of time, then of the log), hour by hour."""
        spilled = {int(path.name) for path in self._folder.iterdir()}
        for hour in sorted(spilled | self._held.keys()):
            earlier = self._read(hour) if hour in spilled else []
            requests = earlier + self._held.pop(hour, [])
            requests.sort(key=lambda request: request.at_secs)
            yield hour * HOUR_SECS, requests

    def _spill(self) -> None:
        for hour, requests in self._held.items():
            with (self._folder / str(hour)).open("a", encoding="utf-8") as file:
                file.writelines(
                    json.dumps((item.at_secs, item.client, item.agent, item.page)) + "\n" for item in requests
                )
        self._held.clear()
        self._count = 0

    def _read(self, hour: int) -> list[Request]:
        with (self._folder / str(hour)).open(encoding="utf-8") as file:
            return [Request(*json.loads(line)) for line in file]


class _Sessions:
    """Who is on a visit. Requests are given in order of time."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key).digest()
        self._open: dict[tuple[str, str], tuple[str, int]] = {}

    def of(self, request: Request) -> str:
        """The session that the request belongs to, a UUID."""
        visitor = (request.client, request.agent)
        session, last_secs = self._open.get(visitor, ("", -SESSION_GAP_SECS - 1))
        if request.at_secs - last_secs > SESSION_GAP_SECS:
            digest = self._digest(f"{request.client}\n{request.agent}\n{request.at_secs}", 16)
            session = str(uuid.UUID(bytes=digest, version=4))
        self._open[visitor] = (session, request.at_secs)
        return session

    def user_id(self, client: str) -> int:
        """The client's pseudonym: a whole number below 2**52, which every JSON reader keeps exactly."""
        return int.from_bytes(self._digest(client, 8), "big") >> 12

    def close_before(self, at_secs: int) -> None:
        """Forgets the visits that a request at `at_secs` or later cannot belong to."""
        oldest_secs = at_secs - SESSION_GAP_SECS
        self._open = {who: visit for who, visit in self._open.items() if visit[1] >= oldest_secs}

    def _digest(self, text: str, size: int) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=size, key=self._key).digest()


def _records(hours: Iterable[tuple[int, list[Request]]], sessions: _Sessions) -> Iterator[list[Record]]:
    for start_secs, requests in hours:
        sessions.close_before(start_secs)
        records: list[Record] = []
        second, place = -1, 0
        for request in requests:
            second, place = (second, place + 1) if request.at_secs == second else (request.at_secs, 0)
            records.append(_record(request, min(place, SECOND_US - 1), sessions))
        yield records


def _record(request: Request, place: int, sessions: _Sessions) -> Record:
    """The event. A log counts in seconds: `place`, the request's number in its second, becomes the
    microsecond of the ingestion time, so that two equal requests are two events and not a duplicate."""
    arrival_us = request.at_secs * SECOND_US + place
    browser, device = browser_and_device(request.agent)
    payload = {
        "event_type": "View",
        "browser": browser,
        "device_type": device,
        "page": request.page,
        "user_id": sessions.user_id(request.client),
        "session_id": sessions.of(request),
        "timestamp": float(request.at_secs),
    }
    line = json.dumps({"timestamp": iso_micros(arrival_us), "payload": payload}, ensure_ascii=False)
    return arrival_us, line.encode(), 0
