"""What validation found: per object and per hour. Counts and places only, never values of records.

`records = good + bad` for every object; `good` includes the conformed ones. An object whose content cannot be
read at all (a broken gzip stream) counts as one bad record: the object itself.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weblogs_platform.core.errors import InvalidDocument, InvalidName
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

MAX_SAMPLES = 5
"""Bad records that a report names by place, per object."""


OTHER_MEMBERS = "$.(not a name)"
"""Stands for members whose names may be values."""

_NAME_PATH = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z_-]{0,39}[0-9]{0,2}){1,2}", re.ASCII)
"""Letters, and two digits at most: neither an account nor an address, nor a sentence, nor a line end."""

_COUNTS = ("reasons", "null_fields", "truncated", "present")


def _no_counts() -> dict[str, int]:
    return {}


@dataclass(frozen=True)
class Sample:
    """The place of one bad record: offset in bytes of the decompressed content, and why it is bad."""

    offset: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """One landing object under the rules `rules`.

    load_key: what COPY shall read: the landing object itself, its split copy, or None when no record is good.
    reasons: bad records by reason; a record with two reasons counts under both. null_fields: bad records by
    the required column that is missing, null or empty. truncated: good records whose value COPY will cut, by
    column. present: records by JSONPath of every member seen at root and payload level; unmapped of these are
    schema drift.
    """

    source: LandingObject
    rules: str
    compression: str
    load_key: str | None
    load_bytes: int
    invalid_key: str | None
    records: int
    good: int
    bad: int
    conformed: int
    data_bytes: int
    reasons: Mapping[str, int] = field(default_factory=_no_counts)
    null_fields: Mapping[str, int] = field(default_factory=_no_counts)
    truncated: Mapping[str, int] = field(default_factory=_no_counts)
    present: Mapping[str, int] = field(default_factory=_no_counts)
    samples: tuple[Sample, ...] = ()

    @property
    def load_compression(self) -> str:
        """How the object at load_key is compressed; split copies are Zstandard."""
        return self.compression if self.load_key == self.source.key else "zstd"

    def to_json(self) -> dict[str, Any]:
        data = {k: v for k, v in vars(self).items() if k not in ("source", "samples")}
        return {
            **{k: dict(sorted(v.items())) if k in _COUNTS else v for k, v in data.items()},
            "source": self.source.to_json(),
            "samples": [{"offset": s.offset, "reasons": list(s.reasons)} for s in self.samples],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FileReport:
        samples = tuple(Sample(s["offset"], tuple(s["reasons"])) for s in data["samples"])
        rest = {k: v for k, v in data.items() if k not in ("source", "samples")}
        return cls(source=LandingObject.from_json(data["source"]), samples=samples, **rest)


@dataclass(frozen=True, kw_only=True)
class HourReport:
    """All objects of one hour, in key order, under one set of rules.

    duplicates: good records that are byte for byte (white space aside) equal to an earlier one of the hour.
    They are counted and kept.
    """

    stream: str
    hour: LandingHour
    rules: str
    files: tuple[FileReport, ...]
    duplicates: int = 0

    @property
    def records(self) -> int:
        return sum(f.records for f in self.files)

    @property
    def good(self) -> int:
        return sum(f.good for f in self.files)

    @property
    def bad(self) -> int:
        return sum(f.bad for f in self.files)

    @property
    def conformed(self) -> int:
        return sum(f.conformed for f in self.files)

    @property
    def source_bytes(self) -> int:
        return sum(f.source.size_bytes for f in self.files)

    @property
    def data_bytes(self) -> int:
        return sum(f.data_bytes for f in self.files)

    @property
    def invalid_share(self) -> float:
        """Bad records as a share of all, 0.0 for an hour without records."""
        return self.bad / self.records if self.records else 0.0

    @property
    def reasons(self) -> dict[str, int]:
        return _sum(f.reasons for f in self.files)

    @property
    def null_fields(self) -> dict[str, int]:
        return _sum(f.null_fields for f in self.files)

    @property
    def truncated(self) -> dict[str, int]:
        return _sum(f.truncated for f in self.files)

    @property
    def present(self) -> dict[str, int]:
        return _sum(f.present for f in self.files)

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same report is the same bytes."""
        data = {
            "stream": self.stream,
            "hour": self.hour.partition_key,
            "rules": self.rules,
            "duplicates": self.duplicates,
            "files": [f.to_json() for f in self.files],
        }
        return json.dumps(data, sort_keys=True, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> HourReport:
        """Raises InvalidDocument when the bytes are not a report."""
        try:
            data = json.loads(body)
            return cls(
                stream=data["stream"],
                hour=LandingHour.from_partition_key(data["hour"]),
                rules=data["rules"],
                duplicates=data["duplicates"],
                files=tuple(FileReport.from_json(f) for f in data["files"]),
            )
        except (ValueError, KeyError, TypeError, InvalidName) as error:
            raise InvalidDocument(f"not a validation report: {type(error).__name__}: {error}") from error


def without_values(present: Mapping[str, int], spec: StreamSpec) -> dict[str, int]:
    """Counts by JSONPath; members that nobody declared and that do not look like names are counted as OTHER_MEMBERS,
    because a producer that uses a value as a key would carry it into every place that shows the report."""
    declared = {f.path for f in spec.fields}
    counts: Counter[str] = Counter()
    for path, count in present.items():
        shown = path if path in declared or _NAME_PATH.fullmatch(path) else OTHER_MEMBERS
        counts[shown] += count
    return dict(counts)


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
