"""Puts objects into S3 with the delivery role, a few at a time. It never lists, reads or deletes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from weblogs_platform.core.errors import AccessRefused, LakeUnavailable
from weblogs_platform.local.traffic.firehose import DeliveredObject


class PutObject(Protocol):
    """The one call of a boto3 S3 client that delivery needs."""

    # The parameters have boto3's names.
    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> Any: ...  # noqa: N803


class ObjectWriter:
    """Writes to one bucket. `workers` uploads run at once; twice as many objects are held at most."""

    def __init__(self, client: PutObject, bucket: str, *, workers: int = 4) -> None:
        self._client = client
        self._bucket = bucket
        self._workers = workers

    def write(self, objects: Iterable[DeliveredObject]) -> Iterator[DeliveredObject]:
        """Yields each object once it is stored, in order. An error ends the writing after the uploads under
        way.

        Raises AccessRefused or LakeUnavailable, naming the object.
        """
        pending: deque[tuple[Future[None], DeliveredObject]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="delivery") as pool:
            for delivered in objects:
                pending.append((pool.submit(self._put, delivered), delivered))
                while pending and (len(pending) >= 2 * self._workers or pending[0][0].done()):
                    yield _stored(*pending.popleft())
            while pending:
                yield _stored(*pending.popleft())

    def _put(self, delivered: DeliveredObject) -> None:
        place = f"s3://{self._bucket}/{delivered.key}"
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=delivered.key,
                Body=delivered.body,
                ContentType="application/octet-stream",
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status < 500 and code != "SlowDown":
                raise AccessRefused(f"{place}: S3 refused the delivery ({code})") from error
            raise LakeUnavailable(f"{place}: S3 failed ({code})") from error
        except BotoCoreError as error:
            raise LakeUnavailable(
                f"{place}: S3 does not answer; start it with `weblogs up` ({error})"
            ) from error


def _stored(future: Future[None], delivered: DeliveredObject) -> DeliveredObject:
    future.result()
    return delivered
