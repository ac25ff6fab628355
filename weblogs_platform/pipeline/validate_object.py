"""Validation of one landing object: read once, and split only when something in it cannot be loaded as it is.

Outputs, all named from the source's key, ETag and rules: the split copy (good records, byte for byte, conformed
ones re-spelled), the quarantine (JSON lines with raw bytes, place and reasons), a copy of the whole source where
its bytes are too many for a line or cannot be read at all, and the fingerprints of its good records.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from weblogs_platform.bulk import zstandard
from weblogs_platform.bulk.fingerprints import FINGERPRINT
from weblogs_platform.bulk.object_scan import BLOCK_BYTES, ObjectScan
from weblogs_platform.bulk.rows import RowScan
from weblogs_platform.bulk.scan import Scan
from weblogs_platform.bulk.screen import Screen
from weblogs_platform.clients.lake import Lake
from weblogs_platform.core import failpoints
from weblogs_platform.core.compression import UnreadableContent, decompressed, is_gzip, trusted_part
from weblogs_platform.core.keys import DerivedKey, LandingObject, Zone
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import raw_member
from weblogs_platform.core.report import MAX_SAMPLES, FileReport, Sample, without_values
from weblogs_platform.core.spec import StreamSpec

_OCTETS = "application/octet-stream"

SPOOL_BYTES = 16 * 1024 * 1024
"""Content is kept in memory up to this size, and on disk beyond, until it is known whether it must be split."""


@dataclass(frozen=True)
class Validated:
    """The report of one object and the fingerprints of its good records."""

    report: FileReport
    fingerprints: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Names:
    """The derived keys of one source."""

    spec: StreamSpec
    hour: LandingHour
    source: LandingObject

    def key(self, zone: Zone, suffix: str) -> str:
        made = DerivedKey.of_source(
            zone, self.spec.name, self.hour, self.source, self.spec.rules_digest, suffix
        )
        return str(made)

    @property
    def fingerprints(self) -> str:
        """Where the fingerprints of the source's good records stand."""
        return self.key(Zone.REPORTS, f"{FINGERPRINT.replace('.', '_')}.fingerprints")


class Splitter:
    """Collects what a scan says: good bytes, and quarantine lines. `changed` once they differ from the source.

    `numbered`: the records are stamped, which come one by one; a bad one is told with its number, to be stamped once
    it is repaired.
    """

    def __init__(self, source: LandingObject, raw_object: str, *, numbered: bool) -> None:
        self._source, self._raw_object, self._numbered = source, raw_object, numbered
        self._number = 0
        self.good_bytes: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - closed by close()
        self.invalid: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - closed by close()
        self.changed = False
        self.needs_raw_object = False
        self.samples: list[Sample] = []
        self._header: dict[str, str] = {}

    def close(self) -> None:
        self.good_bytes.close()
        self.invalid.close()

    def heading(self, text: str) -> None:
        self._header = {"header": text}

    def good(self, run: memoryview) -> None:
        self.good_bytes.write(run)

    def conformed(self, body: bytes) -> None:
        self._number += 1
        self.changed = True
        self.good_bytes.write(body + b"\n")

    def bad(self, offset: int, length: int, raw: bytes | None, reasons: tuple[str, ...]) -> None:
        self._number += 1
        self.changed = True
        self.needs_raw_object |= raw is None
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(Sample(offset, reasons))
        entry = {
            "object": self._source.key,
            "etag": self._source.etag,
            "offset": offset,
            "length": length,
            "reasons": list(reasons),
            **({"number": self._number} if self._numbered else {}),
            **self._header,
            **(raw_member(raw) if raw is not None else {"raw_object": self._raw_object}),
        }
        self.invalid.write(json.dumps(entry, ensure_ascii=True).encode() + b"\n")


def validate_object(
    lake: Lake, spec: StreamSpec, hour: LandingHour, source: LandingObject, screen: Screen
) -> Validated:
    """Reads one object and writes what is derived from it.

    Raises ObjectChanged when it was rewritten meanwhile, LakeUnavailable, AccessRefused.
    """
    names = Names(spec, hour, source)
    blocks = lake.stream(source, BLOCK_BYTES)
    head = next(blocks, b"")
    content = itertools.chain([head], blocks)
    try:
        if is_gzip(head):
            validated = _scanned(lake, names, screen, decompressed(content, BLOCK_BYTES), "gzip")
        else:
            validated = _scanned(lake, names, screen, content, "plain")
    except UnreadableContent as unreadable:
        validated = _of_damaged(lake, names, screen, unreadable)
    failpoints.reach("object:parts_written")
    lake.put(names.fingerprints, validated.fingerprints.tobytes(), content_type=_OCTETS)
    failpoints.reach("object:fingerprints_written")
    return validated


def _scanned(
    lake: Lake,
    names: Names,
    screen: Screen,
    content: Iterable[bytes],
    compression: str,
    damage: UnreadableContent | None = None,
) -> Validated:
    """Judges the content, or what can be trusted of one with `damage`, and writes what is made of it."""
    spec, source = names.spec, names.source
    splitter = Splitter(source, names.key(Zone.INVALID, "raw"), numbered=spec.stamped)
    scan = _scan_of(spec, screen, splitter, source)
    try:
        size = 0
        for block in content:
            size += len(block)
            scan.feed(block)
            failpoints.reach("object:block_scanned")
        if damage:
            scan.close_before(damage.trusted, source.size_bytes, damage.reason)
        else:
            scan.close()
        failpoints.reach("object:scanned")
        return Validated(_written(lake, names, scan, splitter, size, compression), scan.fingerprints())
    finally:
        splitter.close()


def _of_damaged(lake: Lake, names: Names, screen: Screen, damage: UnreadableContent) -> Validated:
    """Reads the object again, as far as it can be trusted; the rest is one bad record. Of a batch source's file nothing
    is: a row that a cut went through may look whole, and the file is delivered again as one."""
    if names.spec.stamped:
        damage = UnreadableContent(damage.reason)
    content = trusted_part(lake.stream(names.source, BLOCK_BYTES), damage.trusted) if damage.trusted else ()
    return _scanned(lake, names, screen, content, "gzip", damage)


def _scan_of(spec: StreamSpec, screen: Screen, splitter: Splitter, source: LandingObject) -> ObjectScan:
    if spec.content == "csv":
        return RowScan(spec, screen, splitter, spec.delivered_at(source.key))
    return Scan(spec, screen, splitter, spec.delivered_at(source.key) if spec.stamped else None)


def read_quarantine(body: bytes) -> Iterator[dict[str, object]]:
    """The entries of a quarantine object, with `raw` as bytes (absent where `raw_object` holds them). Those of a CSV
    whose header was usable have it as `header`: with it, a row can be repaired by itself."""
    for line in body.splitlines():
        entry = json.loads(line)
        if "raw_base64" in entry:
            entry["raw"] = base64.b64decode(entry.pop("raw_base64"))
        elif "raw" in entry:
            entry["raw"] = entry["raw"].encode()
        yield entry


def _written(
    lake: Lake, names: Names, scan: ObjectScan, splitter: Splitter, size: int, compression: str
) -> FileReport:
    split = splitter.changed or scan.rewritten
    load_key = names.source.key if scan.good else None
    load_bytes = names.source.size_bytes if scan.good else 0
    if split and scan.good:
        load_key = names.key(Zone.VALIDATED, "json.zst")
        with zstandard.compressed(splitter.good_bytes, SPOOL_BYTES) as copy:
            load_bytes = _put(lake, load_key, copy, "application/zstd")
        failpoints.reach("object:split_written")
    invalid_key = names.key(Zone.INVALID, "jsonl") if scan.bad else None
    if invalid_key:
        if splitter.needs_raw_object:
            lake.copy(names.source, names.key(Zone.INVALID, "raw"))
            failpoints.reach("object:raw_copied")
        _put(lake, invalid_key, splitter.invalid)
        failpoints.reach("object:quarantine_written")
    return FileReport(
        source=names.source,
        rules=names.spec.rules_digest,
        compression=compression,
        load_key=load_key,
        load_bytes=load_bytes,
        invalid_key=invalid_key,
        records=scan.records,
        good=scan.good,
        bad=scan.bad,
        conformed=scan.conformed,
        data_bytes=size,
        reasons=dict(scan.reasons),
        null_fields={r.split(":")[1]: n for r, n in scan.reasons.items() if r.startswith("null_required:")},
        truncated=dict(scan.truncated),
        present=without_values(dict(scan.present.most_common(_MAX_PATHS)), names.spec),
        samples=tuple(splitter.samples),
    )


_MAX_PATHS = 200
"""Members that a report counts by name: the commonest. A record may bring 20,000 of its own."""


def _put(lake: Lake, key: str, file: IO[bytes], content_type: str = "application/json") -> int:
    """Writes the file, at once when it is in memory; how many bytes that was."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size <= SPOOL_BYTES:
        lake.put(key, file.read(), content_type=content_type)
    else:
        lake.put_file(key, file)
    return size
