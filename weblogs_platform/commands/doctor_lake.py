"""What `weblogs doctor` asks of S3: the bucket, the process's rights by prefix, the jsonpaths files, the clock."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from weblogs_platform.clients.lake import Lake
from weblogs_platform.commands.findings import Finding
from weblogs_platform.core.errors import LakeUnavailable, WeblogsError
from weblogs_platform.core.keys import Zone, jsonpaths_key
from weblogs_platform.pipeline.provision import jsonpaths_body
from weblogs_platform.streams import STREAMS

OWN_PREFIXES = (*(str(zone) for zone in Zone), "jsonpaths", "lakehouse")
SKEW_SECS = 120
"""Requests that are signed 15 minutes off are refused; hours are called late long before."""
_CREDENTIALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")
_ROLE = "to the policy of the role that this process has"
_WRONG_DIGEST = "AAAAAAAAAAAAAAAAAAAAAA=="


def look_at_lake(lake: Lake, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """All findings; the first alone when S3 cannot be reached at all."""
    reached = _reach(lake, clock)
    yield from reached
    if reached[0].level == "problem":
        return
    for spec in STREAMS:
        yield _landing(lake, spec.landing_prefix)
    for prefix in OWN_PREFIXES:
        yield _own(lake, prefix)
    yield _jsonpaths(lake)


@contextmanager
def probe(lake: Lake, prefix: str, body: bytes = b'{"probe": 1}') -> Generator[str]:
    """The key of a small object under the prefix, deleted afterwards where that is allowed."""
    key = f"{prefix}/doctor/{secrets.token_hex(8)}.json"
    lake.put(key, body)
    try:
        yield key
    finally:
        with suppress(ClientError, BotoCoreError):
            lake.client.delete_object(Bucket=lake.bucket, Key=key)


def skew(of: str, theirs: datetime, ours: datetime) -> Finding:
    """Whether two clocks agree."""
    secs = (ours - theirs).total_seconds()
    if abs(secs) <= SKEW_SECS:
        return Finding("clock", "ok", f"the clocks of {of} and of this machine agree within {SKEW_SECS} s")
    return Finding(
        "clock",
        "problem",
        f"this machine's clock is {abs(secs):.0f} s {'ahead of' if secs > 0 else 'behind'} that of {of}",
        "set the clock: `timedatectl set-ntp true`, or `chronyc makestep`",
        "which hours are due and which are late is read off the clock; at 15 minutes S3 refuses every request",
    )


def _reach(lake: Lake, clock: Callable[[], datetime]) -> list[Finding]:
    code, answer = _ask(lake.client.list_objects_v2, Bucket=lake.bucket, Prefix="jsonpaths/", MaxKeys=1)
    if answer is None:
        return [Finding("s3", "problem", f"S3 does not answer: {code}", "see that s3.endpoint, region and network are right (`weblogs settings`); on one machine, `weblogs up`")]  # fmt: skip
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    clocks = [skew("S3", parsedate_to_datetime(date), clock())] if date else []
    if code == "NoSuchBucket":
        todo = f"correct s3.bucket, or create it:\naws s3api create-bucket --bucket {lake.bucket}"
        return [Finding("bucket", "problem", f"there is no bucket {lake.bucket}", todo), *clocks]
    if code in _CREDENTIALS:
        todo = "give the process a role, or keys that are valid; `aws sts get-caller-identity` says whose they are"
        return [
            Finding("s3", "problem", f"S3 does not know this process's credentials: {code}", todo),
            *clocks,
        ]
    if code in {"", "AccessDenied"}:
        return [Finding("s3", "ok", f"S3 answers for the bucket {lake.bucket}"), *clocks]
    return [Finding("s3", "problem", f"S3 refuses to list the bucket {lake.bucket}: {code}", "see that region and s3.endpoint are the bucket's"), *clocks]  # fmt: skip


def _landing(lake: Lake, prefix: str) -> Finding:
    """Listed and read, and never written: the digest is wrong, so that nothing is stored where it is allowed."""
    url, key = lake.url(prefix), f"{prefix}/weblogs-doctor"
    missing = _missing_rights(lake, prefix, key)
    if missing:
        why = "what lands there is not loaded"
        return Finding("landing", "problem", f"this process may not {' and '.join(missing)} {url}/", _allow(lake, prefix, missing), why)  # fmt: skip
    code, _ = _ask(lake.client.put_object, Bucket=lake.bucket, Key=key, Body=b"x", ContentMD5=_WRONG_DIGEST)
    if code == "AccessDenied":
        return Finding("landing", "ok", f"{url}/ may be listed and read, and not written")
    if code in {"BadDigest", "InvalidDigest"}:
        return Finding(
            "landing",
            "problem",
            f"this process may write under {url}/",
            f"take s3:PutObject on arn:aws:s3:::{lake.bucket}/{prefix}/* away from its role",
            "what was delivered is the only proof of what was delivered: nothing of the platform needs to change it",
        )
    return Finding("landing", "note", f"whether this process may write under {url}/ cannot be told: {code or 'S3 took a wrong digest'}")  # fmt: skip


def _missing_rights(lake: Lake, prefix: str, key: str) -> list[str]:
    listing, _ = _ask(lake.client.list_objects_v2, Bucket=lake.bucket, Prefix=f"{prefix}/", MaxKeys=1)
    # Without the right to list, S3 says AccessDenied of a key that is not there, whatever the right to read.
    reading, _ = _ask(lake.client.get_object, Bucket=lake.bucket, Key=key)
    return [what for what, code in (("list", listing), ("read", reading)) if code not in {"", "NoSuchKey"}]


def _own(lake: Lake, prefix: str) -> Finding:
    url, key = lake.url(prefix), f"{prefix}/doctor/{secrets.token_hex(8)}.txt"
    at = {"Bucket": lake.bucket, "Key": key}
    writing, _ = _ask(lake.client.put_object, Body=b"probe", **at)
    missing = ([] if not writing else ["write"]) + _missing_rights(lake, prefix, key)
    if missing:
        if not writing:
            _ask(lake.client.delete_object, **at)
        why = "the platform keeps there what it derives from what landed"
        return Finding("own", "problem", f"this process may not {' and '.join(missing)} {url}/", _allow(lake, prefix, missing), why)  # fmt: skip
    deleting, _ = _ask(lake.client.delete_object, **at)
    if deleting:
        todo = f"aws s3 rm {lake.url(key)}"
        return Finding("own", "note", f"{url}/ may be written and read, and not deleted: a probe stays", todo)
    return Finding("own", "ok", f"{url}/ may be listed, written and read")


def _allow(lake: Lake, prefix: str, rights: list[str]) -> str:
    objects = [
        {"read": "s3:GetObject", "write": "s3:PutObject"}[right] for right in rights if right != "list"
    ]
    lines = [f"{' and '.join(objects)} on arn:aws:s3:::{lake.bucket}/{prefix}/*"] if objects else []
    if "list" in rights:
        lines.append(f"s3:ListBucket on arn:aws:s3:::{lake.bucket}, for the prefix {prefix}/")
    return f"add {_ROLE}:\n" + "\n".join(lines)


def _jsonpaths(lake: Lake) -> Finding:
    wrong: list[str] = []
    for spec in STREAMS:
        try:
            body = lake.get(jsonpaths_key(spec.name))
        except LakeUnavailable as error:
            return Finding("jsonpaths", "problem", str(error), "try again")
        except WeblogsError:
            wrong.append(f"{jsonpaths_key(spec.name)} is missing or may not be read")
            continue
        if body != jsonpaths_body(spec):
            wrong.append(f"{jsonpaths_key(spec.name)} is not that of this version")
    if not wrong:
        return Finding("jsonpaths", "ok", f"the {len(STREAMS)} jsonpaths files are those of this version")
    return Finding(
        "jsonpaths", "problem", "; ".join(wrong), "weblogs init", "COPY finds columns by these files"
    )


def _ask(call: Callable[..., Any], **arguments: Any) -> tuple[str, dict[str, Any] | None]:
    """S3's error code, empty when it did what it was asked, and its answer; or why there was none, and None."""
    try:
        return "", call(**arguments)
    except ClientError as error:
        return str(error.response.get("Error", {}).get("Code", "unknown")), dict(error.response)
    except BotoCoreError as error:
        return " ".join(str(error).split()), None
