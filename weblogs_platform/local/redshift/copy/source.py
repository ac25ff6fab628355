"""Where COPY reads from: objects in S3, by key prefix or by manifest, streamed and decompressed.

Everything is read with the credentials of the COPY alone. Errors name the bucket and key and never a secret.
A transient fault is retried a bounded number of times, in the middle of an object too (from where it stopped, and
only the same version of it). Decompression happens only where the statement says so, and checks the CRC.
"""

from __future__ import annotations

import bz2
import json
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import HTTPError

from weblogs_platform.clients.patience import Patience, SlowestRead
from weblogs_platform.local.redshift.contract import RedshiftError, S3Credentials
from weblogs_platform.local.redshift.copy.statement import Compression
from weblogs_platform.local.redshift.copy.zstandard import decompressed_zstd
from weblogs_platform.local.redshift.s3 import (
    S3Client,
    S3Object,
    service_error,
    split_url,
    status_of,
    transport_error,
)

CHUNK_BYTES = 8 * 1024 * 1024  # of decompressed data handed on at a time
_READ_BYTES = 1024 * 1024
_PIECE_BYTES = 4 * 1024 * 1024
_SMALL_FILE_LIMIT_BYTES = 64 * 1024 * 1024  # of a manifest or a jsonpaths file
_STREAM_ATTEMPTS = 4
_GZIP_WITH_HEADER = 31
_SLOWEST = SlowestRead()
_BROKEN = (
    ReadTimeoutError,
    ResponseStreamingError,
    HTTPClientError,
    IncompleteReadError,
    HTTPError,
    OSError,
)
"""What botocore, urllib3 and the socket raise for a connection that breaks within a body."""


class S3Source:
    """Reads one COPY's objects."""

    def __init__(
        self,
        credentials: S3Credentials,
        *,
        endpoint: str | None,
        region: str,
        slowest: SlowestRead = _SLOWEST,
    ) -> None:
        self._slowest = slowest
        self._s3 = S3Client(credentials, endpoint=endpoint, region=region)
        self._client = self._s3.raw

    def close(self) -> None:
        self._s3.close()

    def list_prefix(self, url: str) -> list[S3Object]:
        """Every object whose key begins with the prefix, in key order; folder markers are no files.
        Raises RedshiftError when there is none."""
        bucket, prefix = split_url(url)
        objects = self._s3.list_objects(bucket, prefix)
        files = [item for item in objects if item.size or not item.key.endswith("/")]
        if not files:
            raise RedshiftError(
                "XX000", f"The specified S3 prefix '{prefix}' does not exist in bucket '{bucket}'"
            )
        return files

    def manifest_objects(self, url: str) -> list[S3Object]:
        """The objects that a manifest names, in its order; those missing and not mandatory are left out.
        Raises RedshiftError for a malformed manifest, a missing mandatory file, and when no file is there."""
        entries = read_manifest(self.read_small(url), url)
        with ThreadPoolExecutor(max_workers=8) as pool:
            found = list(pool.map(self._head, entries))
        for entry, item in zip(entries, found, strict=True):
            if item is None and entry.mandatory:
                raise RedshiftError("XX000", f"{_missing(entry.url)}: it is mandatory in manifest {url}")
        files = [item for item in found if item is not None]
        if not files:
            raise RedshiftError("XX000", f"None of the files of manifest {url} exists")
        return files

    def _head(self, entry: ManifestEntry) -> S3Object | None:
        bucket, key = split_url(entry.url)
        try:
            answer = self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise service_error(error, bucket, key) from error
        except BotoCoreError as error:
            raise transport_error(error, bucket, key) from error
        return S3Object(bucket, key, answer["ContentLength"], answer["ETag"])

    def read_small(self, url: str) -> bytes:
        """A whole object, such as a manifest. Raises RedshiftError, also for one over 64 MB."""
        bucket, key = split_url(url)
        answer = self._s3.call(bucket, key, lambda: self._client.get_object(Bucket=bucket, Key=key))
        size = int(answer["ContentLength"])
        if size > _SMALL_FILE_LIMIT_BYTES:
            raise RedshiftError(
                "XX000", f"{url} has {size} bytes: too large for a manifest or jsonpaths file"
            )
        item = S3Object(bucket, key, size, answer["ETag"])
        return b"".join(self._stream(item, answer["Body"]))

    def chunks(self, item: S3Object, compression: Compression) -> Iterator[bytes]:
        """The decompressed bytes of an object, at most about CHUNK_BYTES at a time, none of them empty."""
        raw = self._stream(item, None)
        plain = raw if compression == "none" else decompressed(raw, compression, item.url)
        gathered: list[bytes] = []
        size = 0
        for block in plain:
            gathered.append(block)
            size += len(block)
            if size >= CHUNK_BYTES:
                yield b"".join(gathered)
                gathered, size = [], 0
        if size:
            yield b"".join(gathered)

    def _stream(self, item: S3Object, body: Any) -> Iterator[bytes]:
        """The object's bytes as stored; after a broken connection it goes on where it stopped. Raises RedshiftError when
        they come too slowly."""
        position = 0
        failures = 0
        patience = self._slowest.of(item.size)
        while position < item.size:
            body = body or self._open(item, position)
            try:
                with patience.reading(body):
                    block = body.read(_READ_BYTES)
            except _BROKEN as error:
                failures += 1
                if patience.is_over:
                    raise _too_slow(item, patience) from error
                if failures >= _STREAM_ATTEMPTS:
                    raise transport_error(error, item.bucket, item.key) from error
                body = None
                continue
            if not block:
                raise RedshiftError("XX000", f"{item.url} ended after {position} of {item.size} bytes")
            position += len(block)
            yield block

    def _open(self, item: S3Object, position: int) -> Any:
        span = {"Range": f"bytes={position}-"} if position else {}
        return self._s3.call(
            item.bucket,
            item.key,
            lambda: self._client.get_object(Bucket=item.bucket, Key=item.key, IfMatch=item.etag, **span)[
                "Body"
            ],
        )


def _missing(url: str) -> str:
    bucket, key = split_url(url)
    return f"S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey,Bucket {bucket},Key {key}"


def _too_slow(item: S3Object, patience: Patience) -> RedshiftError:
    reason = f"its {item.size:,} bytes did not come within {patience.secs:.0f} s"
    return RedshiftError("XX000", f"S3 could not be read ({reason}), Bucket {item.bucket}, Key {item.key}")


# -- manifest --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ManifestEntry:
    url: str
    mandatory: bool


_MANIFEST_KEYS = {
    "entries",
    "schema",
    "meta",
    "author",
}  # the last three: as UNLOAD ... MANIFEST VERBOSE writes them
_ENTRY_KEYS = {"url", "mandatory", "meta"}


def read_manifest(content: bytes, url: str) -> list[ManifestEntry]:
    """The entries of a manifest. Raises RedshiftError XX000, saying what is wrong with which entry."""
    try:
        parsed: object = json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise _bad_manifest(url, f"it is not JSON in UTF-8 ({error})") from error
    if not isinstance(parsed, dict):
        raise _bad_manifest(url, "it must be one JSON object")
    manifest = cast("dict[str, object]", parsed)
    _refuse_unknown(manifest, _MANIFEST_KEYS, url, "it")
    entries = manifest.get("entries")
    if not isinstance(entries, list) or not entries:
        raise _bad_manifest(url, "`entries` must be an array of files, not empty")
    found = [_entry(item, number, url) for number, item in enumerate(cast("list[object]", entries), start=1)]
    _refuse_repeated(found, url)
    return found


def _entry(item: object, number: int, url: str) -> ManifestEntry:
    if not isinstance(item, dict):
        raise _bad_manifest(url, f"entry {number} must be an object")
    entry = cast("dict[str, object]", item)
    _refuse_unknown(entry, _ENTRY_KEYS, url, f"entry {number}")
    target = entry.get("url")
    if not isinstance(target, str) or not target.startswith("s3://") or not split_url(target)[1]:
        raise _bad_manifest(url, f"`url` of entry {number} must be an S3 object, s3://bucket/key")
    mandatory = entry.get("mandatory", False)
    if not isinstance(mandatory, bool):
        raise _bad_manifest(url, f"`mandatory` of entry {number} must be true or false")
    if not isinstance(entry.get("meta", {}), dict):
        raise _bad_manifest(url, f"`meta` of entry {number} must be an object")
    return ManifestEntry(target, mandatory)


def _refuse_unknown(value: dict[str, object], known: set[str], url: str, what: str) -> None:
    unknown = sorted(set(value) - known)
    if unknown:
        raise _bad_manifest(url, f"{what} has the unknown key `{unknown[0]}`")


def _refuse_repeated(entries: Sequence[ManifestEntry], url: str) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.url in seen:
            raise _bad_manifest(url, f"it names {entry.url} twice")
        seen.add(entry.url)


def _bad_manifest(url: str, problem: str) -> RedshiftError:
    return RedshiftError("XX000", f"Manifest {url} cannot be used: {problem}")


# -- decompression ---------------------------------------------------------------------------------------------------


class _Decompressor(Protocol):
    """One gzip or bzip2 member, fed piece by piece; what it gives out at once is bounded."""

    @property
    def finished(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...
    def feed(self, data: bytes) -> bytes: ...
    def starved(self) -> bool: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP_WITH_HEADER)

    @property
    def finished(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, _PIECE_BYTES)

    def starved(self) -> bool:
        return not self._inner.unconsumed_tail


class _Bzip2:
    def __init__(self) -> None:
        self._inner = bz2.BZ2Decompressor()

    @property
    def finished(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> bytes:
        return self._inner.decompress(data, _PIECE_BYTES)

    def starved(self) -> bool:
        return self._inner.needs_input


def decompressed(blocks: Iterator[bytes], compression: Compression, url: str) -> Iterator[bytes]:
    """The plain bytes of one or more members, in pieces of at most 4 MB. Raises RedshiftError, naming the
    file, for data that is not compressed, damaged (CRC) or cut off. Zero bytes behind the last member are padding."""
    if compression == "zstd":
        yield from _unzstandard(blocks, url)
        return
    start = _Gzip if compression == "gzip" else _Bzip2
    member: _Decompressor | None = None
    padding = b""
    for block in blocks:
        data = block
        while data or (member and not member.starved()):
            if member is None:
                data = data.lstrip(padding)
                if not data:
                    break
                member = start()
            try:
                plain = member.feed(data)
            except (zlib.error, OSError) as error:
                raise _damaged(url, compression, str(error)) from error
            if plain:
                yield plain
            data = b""
            if member.finished:
                data, member, padding = member.rest, None, b"\0"
    if member is not None:
        raise _damaged(url, compression, "it is cut off")


def _unzstandard(blocks: Iterator[bytes], url: str) -> Iterator[bytes]:
    try:
        yield from decompressed_zstd(blocks)
    except OSError as error:
        raise _damaged(url, "zstd", str(error)) from error


def _damaged(url: str, compression: Compression, reason: str) -> RedshiftError:
    return RedshiftError("XX000", f"{url} could not be read as {compression.upper()}: {reason}")
