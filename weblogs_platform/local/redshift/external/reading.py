"""Reading objects for one scan, and counting what that took: objects, requests, bytes."""

from __future__ import annotations

import io
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from botocore.exceptions import BotoCoreError

from weblogs_platform.local.redshift.s3 import S3Client, S3Object, split_url

_ATTEMPTS = 3
_WHOLE_BYTES = 1024 * 1024  # an object up to this size is read in one request


@dataclass
class ReadCounts:
    """What has been read so far. `scanned_bytes` are those of data files, as they came over the wire."""

    files: int = 0
    requests: int = 0
    scanned_bytes: int = 0
    scanned_rows: int = 0
    returned_rows: int = 0
    returned_bytes: int = 0


class ObjectReader:
    """Thread-safe. Raises RedshiftError XX000 for what S3 refuses."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._mutex = threading.Lock()
        self.counts = ReadCounts()

    def list(self, location: str) -> list[S3Object]:
        """Every object whose URL begins with the location."""
        return self._client.list_objects(*split_url(location))

    def whole(self, item: S3Object) -> bytes:
        """An object's content, that of a manifest for one: not counted as scanned."""
        return self._get(item, {})

    def _get(self, item: S3Object, span: dict[str, str]) -> bytes:
        def request() -> bytes:
            for _ in range(_ATTEMPTS - 1):
                with suppress(BotoCoreError):  # the connection broke while the body came
                    return self._body(item, span)
            return self._body(item, span)

        return self._client.call(item.bucket, item.key, request)

    def _body(self, item: S3Object, span: dict[str, str]) -> bytes:
        answer = self._client.raw.get_object(Bucket=item.bucket, Key=item.key, IfMatch=item.etag, **span)
        return answer["Body"].read()

    def _scanned(self, item: S3Object, span: dict[str, str]) -> bytes:
        data = self._get(item, span)
        with self._mutex:
            self.counts.requests += 1
            self.counts.scanned_bytes += len(data)
        return data

    def open(self, item: S3Object) -> Any:
        """A data file as Arrow reads it: whole when it is small, else in the spans that are needed."""
        with self._mutex:
            self.counts.files += 1
        if item.size <= _WHOLE_BYTES:
            return pa.BufferReader(self._scanned(item, {}))
        return pa.PythonFile(_Spans(self, item), mode="r")

    def span(self, item: S3Object, start: int, length: int) -> bytes:
        """Bytes of a data file."""
        return self._scanned(item, {"Range": f"bytes={start}-{start + length - 1}"})


class _Spans(io.RawIOBase):
    """An object as a file that can be read at any place; each read is one request."""

    def __init__(self, reader: ObjectReader, item: S3Object) -> None:
        self._reader = reader
        self._item = item
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._item.size}[whence]
        self._position = base + offset
        return self._position

    def size(self) -> int:
        return self._item.size

    def read(self, size: int = -1, /) -> bytes:
        left = max(self._item.size - self._position, 0)
        length = left if size < 0 else min(size, left)
        if not length:
            return b""
        data = self._reader.span(self._item, self._position, length)
        self._position += len(data)
        return data
