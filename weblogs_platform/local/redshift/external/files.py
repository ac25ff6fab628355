"""The objects that a query has to read: those below the locations of its partitions, or those that Delta Lake's
manifests name there. Hidden ones (`_`, `.` or `#` before the name, `~` behind it) are passed over."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.external.metadata import Partition
from weblogs_platform.local.redshift.external.reading import ObjectReader
from weblogs_platform.local.redshift.s3 import S3Object, split_url

_LISTED_ONE_BY_ONE = 64  # above that, one listing of everything takes fewer requests
_READERS = 8


@dataclass(frozen=True)
class DataFile:
    """An object and the partition that it belongs to."""

    item: S3Object
    partition: Partition


def parquet_files(reader: ObjectReader, root: str, partitions: Sequence[Partition]) -> list[DataFile]:
    """What stands below the partitions' locations, in the order of the keys."""
    found = _listed(reader, root, partitions)
    for partition, items in found:
        if any(item.url == partition.location for item in items):
            raise RedshiftError(
                "0A000", f"a manifest or file as LOCATION is not supported: {partition.location}"
            )
    return [DataFile(item, partition) for partition, items in found for item in items]


def delta_files(reader: ObjectReader, root: str, partitions: Sequence[Partition]) -> list[DataFile]:
    """What the manifests at the partitions' locations name. Raises RedshiftError XX000, as Spectrum words it, for a
    manifest or file that is missing, a manifest without entries, and entries of other buckets and folders."""
    found = _listed(reader, root, partitions, empty=True)
    for partition, items in found:
        if not items:
            raise RedshiftError("XX000", f"Error fetching Delta Lake manifest {partition.location}")
    manifests = [(partition, item) for partition, items in found for item in items]
    with ThreadPoolExecutor(_READERS) as pool:
        bodies = list(pool.map(lambda pair: reader.whole(pair[1]), manifests))
    entries = [
        (partition, manifest, url)
        for (partition, manifest), body in zip(manifests, bodies, strict=True)
        for url in _entries(manifest, body)
    ]
    known = _existing(reader, {url for _, _, url in entries})
    for _, manifest, url in entries:
        if url not in known:
            raise RedshiftError(
                "XX000", f"File {url} listed in Delta Lake manifest {manifest.url} was not found."
            )
    return [DataFile(known[url], partition) for partition, _, url in entries]


def _entries(manifest: S3Object, body: bytes) -> list[str]:
    """The URLs of one manifest, all in one folder of its own bucket."""
    try:
        urls = [line.strip() for line in body.decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise RedshiftError("XX000", f"Invalid S3 Path. Manifest {manifest.url} is not text") from error
    if not urls:
        raise RedshiftError("XX000", f"Empty Delta Lake manifests are not valid. {manifest.url}")
    for url in urls:
        if not url.startswith(("s3://", "s3a://")) or not posixpath.basename(url):
            raise RedshiftError("XX000", f"Invalid S3 Path. {url!r} in manifest {manifest.url}")
    urls = ["s3://" + url.partition("://")[2] for url in urls]
    for url in urls:
        bucket, _ = split_url(url)
        if bucket != manifest.bucket:
            raise RedshiftError(
                "XX000",
                f"Delta Lake manifest in bucket {manifest.bucket} cannot contain entries in bucket {bucket}.",
            )
    if len({posixpath.dirname(url) for url in urls}) > 1:
        raise RedshiftError(
            "XX000", f"Delta Lake files are expected to be in the same folder: {manifest.url}"
        )
    return urls


def _existing(reader: ObjectReader, urls: set[str]) -> dict[str, S3Object]:
    """Those of the URLs that are there."""
    folders = {posixpath.dirname(url) + "/" for url in urls}
    if len(folders) > _LISTED_ONE_BY_ONE:
        common = posixpath.commonpath([folder.removeprefix("s3://") for folder in folders])
        folders = {f"s3://{common}/"}
    with ThreadPoolExecutor(_READERS) as pool:
        listings = list(pool.map(reader.list, sorted(folders)))
    return {item.url: item for listing in listings for item in listing if item.url in urls}


def _listed(
    reader: ObjectReader, root: str, partitions: Sequence[Partition], *, empty: bool = False
) -> list[tuple[Partition, list[S3Object]]]:
    """The visible objects at each location: the object of that very name, or what stands in the folder. Those without
    a byte only where `empty` asks for them, and never a folder's own."""
    below = _folder(root)
    if len(partitions) > _LISTED_ONE_BY_ONE and all(part.location.startswith(below) for part in partitions):
        found = _grouped(reader.list(below), partitions)
        return [(partition, _visible(partition.location, items, empty=empty)) for partition, items in found]
    with ThreadPoolExecutor(_READERS) as pool:
        listings = pool.map(lambda partition: reader.list(partition.location), partitions)
        return [
            (partition, _visible(partition.location, items, empty=empty))
            for partition, items in zip(partitions, listings, strict=True)
        ]


def _folder(location: str) -> str:
    return location if location.endswith("/") else f"{location}/"


def _visible(location: str, items: Iterable[S3Object], *, empty: bool) -> list[S3Object]:
    folder = _folder(location)
    return [
        item
        for item in items
        if (item.size or (empty and not item.url.endswith("/")))
        and (item.url == location or (item.url.startswith(folder) and _shown(item.url, folder)))
    ]


def _shown(url: str, folder: str) -> bool:
    names = url.removeprefix(folder).split("/")
    return not any(name.startswith((".", "_", "#")) or name.endswith("~") for name in names)


def _grouped(
    items: Sequence[S3Object], partitions: Sequence[Partition]
) -> list[tuple[Partition, list[S3Object]]]:
    """One listing, shared out to the locations that are its objects' folders (or the objects themselves)."""
    by_place: dict[str, list[S3Object]] = {part.location.rstrip("/"): [] for part in partitions}
    for item in items:
        place = item.url
        while place and place not in by_place:
            place = posixpath.dirname(place) if place.count("/") > 2 else ""
        if place:
            by_place[place].append(item)
    return [(partition, by_place[partition.location.rstrip("/")]) for partition in partitions]
