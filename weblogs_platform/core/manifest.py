"""COPY manifests: immutable, content-addressed, every entry mandatory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.report import FileReport


@dataclass(frozen=True)
class ManifestEntry:
    """One object that COPY has to read: its URL and its size in bytes as stored."""

    url: str
    size_bytes: int


@dataclass(frozen=True)
class Manifest:
    """What one COPY reads; all entries share one compression, because that is an option of the COPY."""

    compression: str
    entries: tuple[ManifestEntry, ...]
    rows: int

    def to_bytes(self) -> bytes:
        """The document that COPY reads, in canonical form."""
        entries = [
            {"url": e.url, "mandatory": True, "meta": {"content_length": e.size_bytes}} for e in self.entries
        ]
        return json.dumps({"entries": entries}, ensure_ascii=False, indent=1).encode()


def manifests_for(bucket: str, files: Sequence[FileReport], *, each: bool = False) -> tuple[Manifest, ...]:
    """One manifest for each compression of the objects that have records to load, in key order; or, with `each`, one
    for each object."""
    to_load = [f for f in files if f.load_key is not None]
    groups = [[f for f in to_load if f.load_compression == c] for c in ("plain", "gzip", "zstd")]
    if each:
        groups = [[f] for f in to_load]
    return tuple(_manifest(bucket, group) for group in groups if group)


def _manifest(bucket: str, group: Sequence[FileReport]) -> Manifest:
    entries = tuple(ManifestEntry(f"s3://{bucket}/{f.load_key}", f.load_bytes) for f in group)
    return Manifest(group[0].load_compression, entries, sum(f.good for f in group))


def urls_in(body: bytes) -> list[str]:
    """The URLs of a manifest document. Raises InvalidDocument."""
    try:
        return [entry["url"] for entry in json.loads(body)["entries"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidDocument(f"not a COPY manifest: {error}") from error
