"""What a run delivered, and so what a correct reader has to find: the expectation that tests and the demo
compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from weblogs_platform.local.traffic.firehose import DeliveredObject
from weblogs_platform.local.traffic.record import (
    DUPLICATE,
    FAULT_MASK,
    FAULTS,
    FLAT,
    LATE,
    MALFORMED_FAULTS,
    MISTYPED_FAULTS,
    NULL_FAULTS,
)


@dataclass
class StreamSummary:
    """Counts of one stream. `records = good + bad`; `duplicates`, `flat` and `late` are parts of `good`,
    except that a late record may be bad as well. `bytes` as delivered, `record_bytes` before gzip."""

    objects: int = 0
    bytes: int = 0
    record_bytes: int = 0
    records: int = 0
    good: int = 0
    duplicates: int = 0
    flat: int = 0
    late: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])

    @property
    def bad(self) -> int:
        return self.records - self.good

    @property
    def nulls(self) -> int:
        return sum(self.faults[name] for name in NULL_FAULTS)

    @property
    def malformed(self) -> int:
        return sum(self.faults[name] for name in MALFORMED_FAULTS)

    @property
    def mistyped(self) -> int:
        return sum(self.faults[name] for name in MISTYPED_FAULTS)

    def add(self, delivered: DeliveredObject) -> None:
        self.objects += 1
        self.bytes += len(delivered.body)
        self.record_bytes += delivered.record_bytes
        for tags, count in delivered.tally.items():
            self._add_records(tags, count)

    def _add_records(self, tags: int, count: int) -> None:
        self.records += count
        fault = tags & FAULT_MASK
        if fault:
            self.faults[FAULTS[fault]] += count
        else:
            self.good += count
        self.duplicates += count * bool(tags & DUPLICATE)
        self.flat += count * bool(tags & FLAT)
        self.late += count * bool(tags & LATE)

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        names = ("objects", "bytes", "record_bytes", "records", "good", "bad", "duplicates", "flat", "late")
        return {**{name: getattr(self, name) for name in names}, "faults": dict(sorted(self.faults.items()))}


@dataclass
class TrafficSummary:
    """Counts by stream name."""

    streams: dict[str, StreamSummary] = field(default_factory=dict[str, StreamSummary])

    @classmethod
    def of(cls, objects: Iterable[DeliveredObject]) -> TrafficSummary:
        """Counts `objects`, keeping none of them."""
        summary = cls()
        for delivered in objects:
            summary.add(delivered)
        return summary

    def add(self, delivered: DeliveredObject) -> None:
        self.streams.setdefault(delivered.stream, StreamSummary()).add(delivered)

    def counting(self, objects: Iterable[DeliveredObject]) -> Iterator[DeliveredObject]:
        """Passes `objects` through, counting them."""
        for delivered in objects:
            self.add(delivered)
            yield delivered

    def as_dict(self) -> Mapping[str, Mapping[str, int | dict[str, int]]]:
        return {name: stream.as_dict() for name, stream in self.streams.items()}

    def lines(self) -> Iterator[str]:
        """The summary for a person, a few lines a stream."""
        for name, stream in self.streams.items():
            yield (
                f"{name}: {stream.records:,} records in {stream.objects:,} objects, "
                f"{stream.bytes / 1e6:,.1f} MB; {stream.good:,} good, {stream.bad:,} bad"
            )
            if stream.bad:
                yield f"  bad: {', '.join(f'{fault} {n:,}' for fault, n in sorted(stream.faults.items()))}"
            parts = (("duplicates", stream.duplicates), ("flat", stream.flat), ("late", stream.late))
            if any(count for _, count in parts):
                yield f"  among them: {', '.join(f'{label} {n:,}' for label, n in parts if n)}"
