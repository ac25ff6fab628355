"""The S3 client of the server: COPY, UNLOAD and external tables reach S3 through it, each with its own credentials.

Nothing of the machine's AWS configuration is used. Errors name the bucket and key and never a secret.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session as CoreSession

from weblogs_platform.local.redshift.config import ServerConfig
from weblogs_platform.local.redshift.contract import RedshiftError, S3Credentials

_CLIENT_LOCK = threading.Lock()  # a session is not safe to make clients from on several threads


@dataclass(frozen=True)
class S3Object:
    """One object: `size` in bytes as stored, `etag` of the version that was seen."""

    bucket: str
    key: str
    size: int
    etag: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an s3:// URL; the key is taken exactly as written."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket:
        raise RedshiftError("XX000", f"{url!r} is not an S3 URL of the form s3://bucket/key")
    return bucket, key


def role_credentials(config: ServerConfig, user: str, role_arn: str) -> S3Credentials:
    """The keys of an IAM role (`default` for the cluster's own). Raises RedshiftError 42501 for unknown ones."""
    arn = config.default_role if role_arn == "default" else role_arn
    credentials = config.roles.get(arn) if arn is not None else None
    if credentials is None:
        raise RedshiftError(
            "42501",
            f"User {user} is not authorized to assume IAM Role {role_arn}",
            hint="The role is not one of those the server was started with.",
        )
    return credentials


@cache
def _session() -> boto3.Session:
    """A session that knows nothing of the configuration and credentials of the machine it runs on. Kept: it reads
    megabytes of service descriptions."""
    own = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    return boto3.Session(botocore_session=CoreSession(session_vars=own))


class S3Client:
    """boto3's client, to be closed, with errors as Redshift words them. Thread-safe."""

    def __init__(self, credentials: S3Credentials, *, endpoint: str | None, region: str) -> None:
        config = Config(
            region_name=region,
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=10,
            # A given endpoint is a server beside this one: no proxy, and no bucket in the host name.
            **({"s3": {"addressing_style": "path"}, "proxies": {}} if endpoint else {}),
        )
        with _CLIENT_LOCK:
            self.raw: Any = _session().client(
                "s3",
                endpoint_url=endpoint,
                region_name=region,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.session_token,
                config=config,
            )

    def close(self) -> None:
        self.raw.close()

    def call(self, bucket: str, key: str, request: Callable[[], Any]) -> Any:
        """What `request` returns. Raises RedshiftError XX000 for what S3 refuses, or when it cannot be reached."""
        try:
            return request()
        except ClientError as error:
            raise service_error(error, bucket, key) from error
        except BotoCoreError as error:
            raise transport_error(error, bucket, key) from error

    def list_objects(self, bucket: str, prefix: str) -> list[S3Object]:
        """Every object whose key begins with the prefix, in the bytes' order of the keys, folder markers too."""
        pages = self.raw.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = self.call(
            bucket, prefix, lambda: [item for page in pages for item in page.get("Contents", [])]
        )
        objects = [S3Object(bucket, item["Key"], item["Size"], item["ETag"]) for item in found]
        return sorted(objects, key=lambda item: item.key.encode("utf-8"))


def status_of(error: ClientError) -> int | None:
    """The HTTP status that S3 answered."""
    return cast("dict[str, Any]", error.response).get("ResponseMetadata", {}).get("HTTPStatusCode")


def service_error(error: ClientError, bucket: str, key: str) -> RedshiftError:
    """What S3 refused, as Redshift says it."""
    answer = cast("dict[str, Any]", error.response)
    status = status_of(error)
    code = answer.get("Error", {}).get("Code", "")
    text = {"404": "The specified key does not exist.", "403": "Access Denied"}.get(
        code, answer.get("Error", {}).get("Message", "")
    )
    if status == 412:
        text = "The object changed while it was read."
    return RedshiftError(
        "XX000", f"S3ServiceException:{text},Status {status},Error {code},Bucket {bucket},Key {key}"
    )


def transport_error(error: Exception, bucket: str, key: str) -> RedshiftError:
    """S3 did not answer."""
    reason = type(error).__name__
    return RedshiftError(
        "XX000", f"S3 could not be read ({reason}), Bucket {bucket}, Key {key}: is the S3 server running?"
    )
