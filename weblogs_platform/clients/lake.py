"""The lake: one S3 bucket, seen through a boto3 client.

Errors come back as the platform's own: refused (Terminal), unavailable or changed underneath (Transient).
Reading pins the ETag that was listed, so that bytes of two versions of an object never mix. Deliberately
absent: knowledge of streams, and deletion: nothing here removes an object.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from weblogs_platform.clients.patience import Patience, SlowestRead
from weblogs_platform.core.errors import (
    AccessRefused,
    LakeUnavailable,
    ObjectChanged,
    Terminal,
    WeblogsError,
    one_line,
)
from weblogs_platform.core.keys import LandingObject

_GONE = {"NoSuchKey", "404", "NoSuchVersion"}
_CHANGED = {"PreconditionFailed", "412"}
_REFUSED = {
    "AccessDenied",
    "403",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "NoSuchBucket",
}
_ARCHIVED = "InvalidObjectState"
_OF_KEYS = "KMS."
"""How the codes of an encryption key begin that is disabled, gone, or not this role's: waiting mends none."""
_READ_ATTEMPTS = 4
_ATTEMPTS = 3
_CONNECT_SECS = 5.0
_READ_SECS = 20.0


def request_bounds(connect_secs: float = _CONNECT_SECS, read_secs: float = _READ_SECS) -> Config:
    """How long one request may take and how often it is made: with the defaults, S3 that says nothing is given up
    after a minute. The run tries whole steps again above it, so that this stays short."""
    return Config(
        connect_timeout=connect_secs,
        read_timeout=read_secs,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )


class ObjectMissing(Terminal):
    """No object of that key."""


@dataclass(frozen=True)
class Lake:
    """`client` is a boto3 S3 client with `request_bounds`; `bucket` the one bucket of the platform. `slowest`: how long
    the content of an object may take."""

    client: Any
    bucket: str
    slowest: SlowestRead = field(default_factory=SlowestRead)

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def list_prefix(self, prefix: str) -> list[LandingObject]:
        """Every object under the prefix in key order; folder markers (empty keys ending in a slash) left out.

        Raises AccessRefused, LakeUnavailable.
        """
        found: list[LandingObject] = []
        with self._translated("list", prefix):
            for page in self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            ):
                found.extend(_landing_object(entry) for entry in page.get("Contents", ()))
        return sorted((o for o in found if not _is_folder_marker(o)), key=lambda o: o.key)

    def list_names(self, prefix: str) -> list[str]:
        """What stands one level below `prefix`: folders, each with its closing slash, and keys of objects."""
        found: list[str] = []
        with self._translated("list", prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/"
            )
            for page in pages:
                found.extend(entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
                found.extend(entry["Key"] for entry in page.get("Contents", ()))
        return sorted(name for name in found if name != prefix)  # which is its own marker

    def get(self, key: str) -> bytes:
        """A whole small object. Raises ObjectMissing, AccessRefused, LakeUnavailable."""
        with self._translated("read", key):
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            size, body = int(answer.get("ContentLength", 0)), answer["Body"]
            patience = self.slowest.of(size)
            try:
                with patience.reading(body):
                    return body.read()
            except (BotoCoreError, HTTPError, OSError) as error:
                if patience.is_over:
                    raise self._too_slow(key, size, patience) from error
                raise

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        try:
            with self._translated("look up", key):
                self.client.head_object(Bucket=self.bucket, Key=key)
        except ObjectMissing:
            return False
        return True

    def put(self, key: str, body: bytes, *, content_type: str = "application/json") -> None:
        """Writes a small object whole; S3 shows it only when it is complete."""
        with self._translated("write", key):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def put_file(self, key: str, source: IO[bytes]) -> None:
        """Writes an object from a file, which is closed; in parts when it is large, visible only when complete."""
        with self._translated("write", key):
            self.client.upload_fileobj(source, self.bucket, key)

    def copy(self, source: LandingObject, key: str) -> None:
        """Copies an object within the bucket, unless it changed or went since it was listed (ObjectChanged)."""
        with self._listed("copy", source):
            self.client.copy_object(
                Bucket=self.bucket,
                Key=key,
                CopySource={"Bucket": self.bucket, "Key": source.key},
                CopySourceIfMatch=f'"{source.etag}"',
            )

    def stream(self, source: LandingObject, block_bytes: int) -> Iterator[bytes]:
        """The object's bytes in blocks of at most `block_bytes`. A broken connection is resumed where it broke.

        Raises ObjectChanged when the object is no longer the listed one, or gone; AccessRefused, LakeUnavailable, also
        when it comes too slowly.
        """
        offset, failures = 0, 0
        patience = self.slowest.of(source.size_bytes)
        while offset < source.size_bytes:
            try:
                for block in self._blocks(source, offset, block_bytes, patience):
                    offset += len(block)
                    failures = 0
                    yield block
            except LakeUnavailable as error:
                failures += 1
                if patience.is_over:
                    raise self._too_slow(source.key, source.size_bytes, patience) from error
                if failures == _READ_ATTEMPTS:
                    raise

    def _blocks(
        self, source: LandingObject, offset: int, block_bytes: int, patience: Patience
    ) -> Iterator[bytes]:
        wanted = source.size_bytes - offset
        with self._listed("read", source):
            ranged = {"Range": f"bytes={offset}-"} if offset else {}
            body = self.client.get_object(
                Bucket=self.bucket, Key=source.key, IfMatch=f'"{source.etag}"', **ranged
            )["Body"]
            try:
                while wanted > 0:
                    with patience.reading(body):
                        block = body.read(min(block_bytes, wanted))
                    if not block:
                        break
                    wanted -= len(block)
                    yield block
            finally:
                body.close()
        if wanted:
            raise LakeUnavailable(f"reading {self._shown(source.key)}: the body ended {wanted} bytes early")

    def _too_slow(self, key: str, size: int, patience: Patience) -> LakeUnavailable:
        return LakeUnavailable(
            f"cannot read {self._shown(key)}: its {size:,} bytes did not come within {patience.secs:.0f} s; S3, or the "
            "way to it, is too slow"
        )

    def _shown(self, key: str) -> str:
        """The object's URL, for messages."""
        return one_line(self.url(key))

    @contextmanager
    def _listed(self, action: str, source: LandingObject) -> Generator[None]:
        """Errors of an access to an object that was there when it was listed."""
        try:
            with self._translated(action, source.key):
                yield
        except ObjectMissing as error:
            raise ObjectChanged(f"{self._shown(source.key)} was removed since it was listed") from error

    @contextmanager
    def _translated(self, action: str, key: str) -> Generator[None]:
        try:
            yield
        except WeblogsError:
            raise
        except ClientError as error:
            raise self._client_error(action, key, error) from error
        except (BotoCoreError, HTTPClientError, HTTPError, OSError) as error:
            raise LakeUnavailable(
                f"cannot {action} {self._shown(key)}: {_brief(error)}. Is S3 running? (`weblogs up`; on AWS, `weblogs doctor`)"
            ) from error

    def _client_error(self, action: str, key: str, error: ClientError) -> WeblogsError:
        detail = error.response.get("Error", {})
        code = str(detail.get("Code", "unknown"))
        what = f"cannot {action} {self._shown(key)}: {code}"
        if code in _GONE:
            return ObjectMissing(what)
        if code in _CHANGED:
            return ObjectChanged(f"{self._shown(key)} was rewritten since it was listed")
        if code == _ARCHIVED:
            return AccessRefused(f"{what}: it is archived; restore it in S3 first")
        return AccessRefused(what) if code in _REFUSED or code.startswith(_OF_KEYS) else LakeUnavailable(what)


def _landing_object(entry: dict[str, Any]) -> LandingObject:
    return LandingObject(entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"])


def _is_folder_marker(o: LandingObject) -> bool:
    return o.key.endswith("/") and o.size_bytes == 0


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
