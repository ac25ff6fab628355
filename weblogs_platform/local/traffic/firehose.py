"""Kinesis Data Firehose as its S3 objects show it: buffering by size and time, framing, names, gzip.

A buffer opens with its first record. It is delivered when the next record would take it over `buffer_bytes`
(counted before compression), or when it is `buffer_seconds` old. The object's name carries the arrival of
its oldest record, in UTC, which also chooses the hour's prefix: `<prefix>/YYYY/MM/DD/HH/<delivery
stream>-<version>-YYYY-MM-DD-HH-MM-SS-<uuid>`.

The uuid is derived from the records, not drawn: delivering the same records again overwrites the same
object, and other records never overwrite it. Deliberately absent: error prefixes, dynamic partitioning,
Parquet conversion.
"""

from __future__ import annotations

import hashlib
import math
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.traffic.record import Record, is_malformed

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US

DELIVERY_STREAMS = {
    "web_logs": "weblogs-firehose-5",
    "customer_interactions": "customer-interactions-firehose-1",
}
"""Delivery stream name and version by stream; a stream that is not named here is `<name>-firehose-1`."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How Firehose is set up. Raises InvalidName for values that Firehose would refuse too."""

    gzip: bool = False
    newlines: bool = False
    buffer_bytes: int = 5 * 1024 * 1024
    buffer_seconds: float = 300

    def __post_init__(self) -> None:
        if not 1 <= self.buffer_bytes <= 128 * 1024 * 1024:
            raise InvalidName(f"buffer bytes are 1 to {128 * 1024 * 1024} (128 MiB), got {self.buffer_bytes}")
        if not (math.isfinite(self.buffer_seconds) and 0 < self.buffer_seconds <= 900):
            raise InvalidName(f"buffer seconds are above 0 and at most 900, got {self.buffer_seconds}")


@dataclass(frozen=True, kw_only=True)
class DeliveredObject:
    """An object to be written: `body` as delivered, `tally` the records in it by their tags."""

    stream: str
    key: str
    body: bytes
    record_bytes: int
    tally: Mapping[int, int]


def hour_start_us(hour: LandingHour) -> int:
    """The hour's first instant in microseconds since 1970 UTC."""
    return int(hour.start.timestamp()) * SECOND_US


class Buffer:
    """The delivery stream's buffer. Records are added in order of arrival.

    Two malformed records side by side cannot be told apart by a reader that goes by JSON's structure, so the
    second one waits until a sound record has followed the first; what waits at the very end becomes an
    object of its own. So the number of broken records that a reader has to find is known exactly.
    """

    def __init__(self, spec: StreamSpec, delivery: Delivery) -> None:
        self._spec = spec
        self._delivery = delivery
        self._separator = b"\n" if delivery.newlines else b""
        self._window_us = int(delivery.buffer_seconds * SECOND_US)
        self._lines: list[bytes] = []
        self._tags: list[int] = []
        self._bytes = 0
        self._opened_us = 0
        self._waiting: list[Record] = []

    @property
    def due_us(self) -> int | None:
        """When the buffer has to be delivered, None while it is empty."""
        return self._opened_us + self._window_us if self._lines else None

    def add(self, record: Record) -> DeliveredObject | None:
        """Takes one record; returns the object that had to go before it, if any."""
        arrival_us, line, tags = record
        if tags and self._adjoins_malformed(tags):
            self._waiting.append(record)
            return None
        done = None
        size = len(line) + len(self._separator)
        if self._lines and (
            self._bytes + size > self._delivery.buffer_bytes
            or arrival_us >= self._opened_us + self._window_us
        ):
            done = self._deliver()
        self._append(arrival_us, line, tags, size)
        if self._waiting and not is_malformed(tags):
            held = self._waiting.pop(0)
            self._append(arrival_us, held[1], held[2], len(held[1]))
        return done

    def flush(self) -> DeliveredObject | None:
        """Returns what has been buffered, if anything."""
        return self._deliver() if self._lines else None

    def drain(self) -> Iterator[DeliveredObject]:
        """Yields everything: the end of an hour of history, or of a live run."""
        if self._lines:
            yield self._deliver()
        for arrival_us, line, tags in self._waiting:
            self._append(arrival_us, line, tags, len(line))
            yield self._deliver()
        self._waiting.clear()

    def _adjoins_malformed(self, tags: int) -> bool:
        if not is_malformed(tags):
            return False
        return bool(self._waiting) or (bool(self._tags) and is_malformed(self._tags[-1]))

    def _append(self, arrival_us: int, line: bytes, tags: int, size: int) -> None:
        if not self._lines:
            self._opened_us = arrival_us
        self._lines.append(line)
        self._tags.append(tags)
        self._bytes += size

    def _deliver(self) -> DeliveredObject:
        body = self._separator.join(self._lines) + self._separator
        delivered = DeliveredObject(
            stream=self._spec.name,
            key=self._key(body),
            body=gzipped(body) if self._delivery.gzip else body,
            record_bytes=len(body),
            tally=Counter(self._tags),
        )
        self._lines, self._tags, self._bytes = [], [], 0
        return delivered

    def _key(self, body: bytes) -> str:
        opened = time.gmtime(self._opened_us // SECOND_US)
        digest = hashlib.blake2b(self._opened_us.to_bytes(8, "big") + body, digest_size=16).digest()
        name = DELIVERY_STREAMS.get(self._spec.name, f"{self._spec.name.replace('_', '-')}-firehose-1")
        return (
            f"{self._spec.landing_prefix}/{time.strftime('%Y/%m/%d/%H', opened)}/"
            f"{name}-{time.strftime('%Y-%m-%d-%H-%M-%S', opened)}-{uuid.UUID(bytes=digest, version=4)}"
            f"{'.gz' if self._delivery.gzip else ''}"
        )


def gzipped(body: bytes) -> bytes:
    """One gzip member without a time, so that equal records give equal objects."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()
