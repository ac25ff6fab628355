"""Object keys: what the platform lists under landing, and the names it derives from them.

A derived name comes from the source's key, its ETag and the rules alone, so that a re-run writes the same
objects, and a rewritten source or changed rules never overwrite what an older manifest lists.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour


@dataclass(frozen=True)
class LandingObject:
    """One object as a listing shows it. `etag` is without its quotes; `modified` is UTC."""

    key: str
    etag: str
    size_bytes: int
    modified: datetime

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same content at the same place: key and ETag."""
        return (self.key, self.etag)

    def to_json(self) -> dict[str, object]:
        return {
            "key": self.key,
            "etag": self.etag,
            "size_bytes": self.size_bytes,
            "modified": self.modified.astimezone(UTC).isoformat(),
        }

    @classmethod
    def from_json(cls, data: dict[str, object]) -> LandingObject:
        return cls(
            key=str(data["key"]),
            etag=str(data["etag"]),
            size_bytes=int(str(data["size_bytes"])),
            modified=datetime.fromisoformat(str(data["modified"])),
        )


class Zone(StrEnum):
    """The prefixes that the platform writes."""

    VALIDATED = "validated"
    INVALID = "invalid"
    REPORTS = "reports"
    MANIFESTS = "manifests"


_PART = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
_DERIVED = re.compile(
    rf"(validated|invalid|reports|manifests)/([a-z][a-z0-9_]*)/(\d{{4}}/\d\d/\d\d/\d\d)/({_PART})-([0-9a-f]{{20}})\.({_PART})",
    re.ASCII,
)


REPLAY_LABEL = "replay"
"""The label of what a replay writes for COPY."""


@dataclass(frozen=True)
class DerivedKey:
    """`<zone>/<stream>/YYYY/MM/DD/HH/<label>-<20 hex digits>.<suffix>`; the label is for people."""

    zone: Zone
    stream: str
    hour: LandingHour
    label: str
    digest: str
    suffix: str

    def __str__(self) -> str:
        return f"{self.zone}/{self.stream}/{self.hour.path}/{self.label}-{self.digest}.{self.suffix}"

    @classmethod
    def parse(cls, key: str) -> DerivedKey:
        """Raises InvalidName when the key is not one of ours."""
        match = _DERIVED.fullmatch(key)
        if not match:
            raise InvalidName(f"{key!r} is not a key that the platform writes")
        zone, stream, path, label, digest, suffix = match.groups()
        return cls(Zone(zone), stream, LandingHour.from_path(path), label, digest, suffix)

    @classmethod
    def of_source(
        cls, zone: Zone, stream: str, hour: LandingHour, source: LandingObject, rules: str, suffix: str
    ) -> DerivedKey:
        """The name of what is made from one landing object under the given rules."""
        identity = f"{source.key}\0{source.etag}\0{rules}"
        return cls(zone, stream, hour, _label(source.key), _digest(identity.encode()), suffix)

    @classmethod
    def of_content(cls, zone: Zone, stream: str, hour: LandingHour, label: str, body: bytes) -> DerivedKey:
        """A content-addressed name: the same body has the same key, another body another."""
        return cls(zone, stream, hour, label, _digest(body), "json")


def hour_report_key(stream: str, hour: LandingHour, rules: str) -> str:
    """Where the latest report of an hour under these rules stands; the one derived object that is rewritten."""
    return f"{Zone.REPORTS}/{stream}/{hour.path}/hour.{rules}.json"


def jsonpaths_key(stream: str) -> str:
    """Where the stream's jsonpaths file stands in the bucket."""
    return f"jsonpaths/{stream}.json"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]


def _label(key: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", key.rsplit("/", 1)[-1].removesuffix(".gz"))
    return name[:80].strip("_") or "object"
