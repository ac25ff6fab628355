"""The data of the benchmark: seeded objects on the local disk, for the bare read, and the same bytes in the lake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.bench_set import bench_set
from weblogs_platform.streams import WEB_LOGS


@dataclass(frozen=True)
class Size:
    """How much: bytes before gzip, in so many objects, of which a share of the records is bad."""

    total_bytes: int = 200_000_000
    objects: int = 48
    bad_share: float = 0.02
    seed: int = 1


@dataclass(frozen=True)
class DataSet:
    """Objects of one hour in a folder: file names are the names they have under the hour's prefix."""

    label: str
    files: tuple[Path, ...]

    @property
    def stored_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    def deliver(self, client: Any, bucket: str, hour: LandingHour) -> None:
        """Puts the objects under the hour's landing prefix."""
        prefix = WEB_LOGS.landing_hour_prefix(hour)
        for path in self.files:
            client.put_object(Bucket=bucket, Key=prefix + path.name, Body=path.read_bytes())


def make(folder: Path, size: Size, *, gzip: bool, newlines: bool = True) -> DataSet:
    """Generates the objects into a new folder."""
    folder.mkdir(parents=True)
    files: list[Path] = []
    for delivered in bench_set(
        total_bytes=size.total_bytes,
        objects=size.objects,
        bad_share=size.bad_share,
        gzip=gzip,
        newlines=newlines,
        seed=size.seed,
    ):
        files.append(folder / delivered.key.rpartition("/")[2])
        files[-1].write_bytes(delivered.body)
    return DataSet("gzip" if gzip else "plain", tuple(files))
