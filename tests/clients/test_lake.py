"""The lake against the embedded S3: what breaks on the way is resumed, refused or told, and never mixed up."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.stub import Stubber

from tests.clients.cutting_proxy import cutting_proxy
from tests.clients.dripping_server import dripping_server
from weblogs_platform.clients.lake import Lake, ObjectMissing
from weblogs_platform.clients.patience import SlowestRead
from weblogs_platform.core.errors import AccessRefused, LakeUnavailable, ObjectChanged, Transient
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.local.endpoints import Endpoints

BODY = random.Random(1).randbytes(3_000_000)
BLOCK_BYTES = 256 * 1024
ONCE = {"total_max_attempts": 1}
"""botocore's own retries are off, so that what is tested are the lake's."""


@pytest.fixture
def lake(stack: Endpoints) -> Lake:
    return Lake(stack.s3("platform", retries=ONCE), stack.bucket)


@pytest.fixture
def prefix() -> str:
    return f"firehose/lake-tests/{uuid.uuid4().hex}/"


@pytest.fixture
def landed(stack: Endpoints, lake: Lake, prefix: str) -> LandingObject:
    """An object of 3 MB, as listed."""
    return _deliver(stack, lake, f"{prefix}object", BODY)


def _deliver(stack: Endpoints, lake: Lake, key: str, body: bytes) -> LandingObject:
    stack.s3("delivery").put_object(Bucket=stack.bucket, Key=key, Body=body)
    [listed] = [o for o in lake.list_prefix(key) if o.key == key]
    return listed


def _through(stack: Endpoints, port: int) -> Lake:
    """The lake, reached through a proxy."""
    beside = replace(stack, s3_url=f"http://127.0.0.1:{port}")
    return Lake(beside.s3("platform", retries=ONCE), stack.bucket)


def _address(stack: Endpoints) -> tuple[str, int]:
    parts = urlsplit(stack.s3_url)
    return str(parts.hostname), int(parts.port or 0)


CUTS = {
    "none": [],
    "once, early": [2_000],
    "once, at the end": [3_000_000],
    "many times": [300_000] * 9,
    "before the first byte": [1, 1, 1],
}


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_a_broken_connection_is_resumed_where_it_broke(
    stack: Endpoints, landed: LandingObject, cuts: list[int]
) -> None:
    """A reset costs the whole object, or bytes come twice or not at all."""
    with cutting_proxy(_address(stack), cuts) as proxy:
        blocks = list(_through(stack, proxy.port).stream(landed, BLOCK_BYTES))
        assert proxy.connections > len(cuts) - 1
    assert b"".join(blocks) == BODY
    assert max(map(len, blocks)) <= BLOCK_BYTES


def test_a_connection_that_brings_nothing_is_given_up(stack: Endpoints, landed: LandingObject) -> None:
    """A server that always breaks is asked for ever."""
    with cutting_proxy(_address(stack), [1] * 100) as proxy:
        with pytest.raises(LakeUnavailable, match="weblogs up") as failed:
            list(_through(stack, proxy.port).stream(landed, BLOCK_BYTES))
        assert proxy.connections < 10
    assert isinstance(failed.value, Transient)


@pytest.mark.parametrize("hangs_up_after", [None, 5], ids=["on one connection", "on ever new ones"])
def test_an_object_that_drips_is_given_up(
    stack: Endpoints, landed: LandingObject, hangs_up_after: int | None
) -> None:
    """A byte now and then holds a run, and the pool it runs in, for ever; or each new connection begins anew."""
    with dripping_server(landed.size_bytes, hangs_up_after) as server:
        patience = SlowestRead(base_secs=0.5, bytes_per_sec=10**9)
        lake = replace(_through(stack, server.port), slowest=patience)
        reads = [lambda: list(lake.stream(landed, BLOCK_BYTES))]
        reads += [] if hangs_up_after else [lambda: [lake.get(landed.key)]]
        for read in reads:
            began = time.monotonic()
            with pytest.raises(
                LakeUnavailable, match=r"cannot read s3://.*/object: its 3,000,000 bytes did not"
            ):
                read()
            assert 0.5 <= time.monotonic() - began < 5


def test_work_between_the_blocks_costs_no_patience(
    landed: LandingObject, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object is given up because what is done with it takes long."""
    now = 0.0
    monkeypatch.setattr("weblogs_platform.clients.patience.time", SimpleNamespace(monotonic=lambda: now))
    read: list[bytes] = []
    for block in lake.stream(landed, BLOCK_BYTES):
        now += 3600
        read.append(block)
    assert b"".join(read) == BODY


def _read_until(blocks: Iterator[bytes], size: int) -> int:
    read = 0
    while read < size:
        read += len(next(blocks))
    return read


def test_bytes_of_two_versions_never_mix(stack: Endpoints, lake: Lake, landed: LandingObject) -> None:
    """An object is rewritten while it is read: the resumed read continues in the new version."""
    with cutting_proxy(_address(stack), [1_000_000]) as proxy:
        blocks = _through(stack, proxy.port).stream(landed, BLOCK_BYTES)
        _read_until(blocks, BLOCK_BYTES)
        _deliver(stack, lake, landed.key, BODY[::-1])
        with pytest.raises(ObjectChanged, match="rewritten"):
            list(blocks)


def test_a_listed_object_must_be_the_one_that_is_read(
    stack: Endpoints, lake: Lake, landed: LandingObject
) -> None:
    """What was rewritten or removed after the listing is read as if it were the listed object."""
    _deliver(stack, lake, landed.key, b"another")
    with pytest.raises(ObjectChanged, match="rewritten"):
        list(lake.stream(landed, BLOCK_BYTES))
    with pytest.raises(ObjectChanged, match="rewritten"):
        lake.copy(landed, "invalid/lake-tests/copy")
    stack.s3("admin").delete_object(Bucket=stack.bucket, Key=landed.key)
    with pytest.raises(ObjectChanged, match="removed"):
        list(lake.stream(landed, BLOCK_BYTES))
    with pytest.raises(ObjectChanged, match="removed"):
        lake.copy(landed, "invalid/lake-tests/copy")


def test_an_empty_object_has_no_blocks(stack: Endpoints, lake: Lake, prefix: str) -> None:
    """A range of an empty object is an error of S3 (416)."""
    assert list(lake.stream(_deliver(stack, lake, f"{prefix}empty", b""), BLOCK_BYTES)) == []


def test_a_missing_object_is_told_from_a_refused_one(lake: Lake, prefix: str) -> None:
    """A report that is not there yet looks like missing rights, or the other way round."""
    with pytest.raises(ObjectMissing, match="reports/lake-tests/none"):
        lake.get("reports/lake-tests/none")
    assert not lake.exists("reports/lake-tests/none")
    lake.put("reports/lake-tests/some", b"x")
    assert lake.exists("reports/lake-tests/some")
    assert lake.get("reports/lake-tests/some") == b"x"


def test_what_a_role_may_not_is_refused_by_name(stack: Endpoints, lake: Lake, landed: LandingObject) -> None:
    """A missing right is retried as if S3 were down, or does not say what was refused."""
    delivery = Lake(stack.s3("delivery", retries=ONCE), stack.bucket)
    for refused in (
        lambda: delivery.get(landed.key),
        lambda: list(delivery.stream(landed, BLOCK_BYTES)),
        lambda: delivery.list_prefix(landed.key),
        lambda: lake.put(landed.key, b"changed"),
        lambda: lake.copy(landed, landed.key + "-copy"),
    ):
        with pytest.raises(AccessRefused) as error:
            refused()
        assert landed.key in str(error.value)


def test_wrong_keys_and_buckets_are_refused(stack: Endpoints) -> None:
    """Wrong credentials, or a bucket that does not exist, are taken for an outage and retried."""
    from weblogs_platform.local.roles import Keys

    wrong = replace(stack, keys={**stack.keys, "platform": Keys("NOBODY", "wrong")})
    with pytest.raises(AccessRefused, match="firehose"):
        Lake(wrong.s3("platform", retries=ONCE), stack.bucket).list_prefix("firehose/")
    with pytest.raises(AccessRefused, match="another-bucket"):
        Lake(stack.s3("admin", retries=ONCE), "another-bucket").list_prefix("firehose/")


@pytest.mark.parametrize(
    ("code", "says"),
    [("InvalidObjectState", "restore it in S3 first"), ("KMS.DisabledException", "KMS.DisabledException")],
)
def test_what_waiting_does_not_mend_is_not_waited_for(
    stack: Endpoints, landed: LandingObject, code: str, says: str
) -> None:
    """An archived object, or one whose key is disabled, is asked for again and again as if S3 were down."""
    client = stack.s3("platform", retries=ONCE)
    with Stubber(client) as answers:
        answers.add_client_error("get_object", code, http_status_code=400)
        with pytest.raises(AccessRefused, match=says) as error:
            list(Lake(client, stack.bucket).stream(landed, BLOCK_BYTES))
    assert landed.key in str(error.value)


def test_a_server_that_is_not_there_is_unavailable(stack: Endpoints, landed: LandingObject) -> None:
    """Botocore's own errors reach the run."""
    with cutting_proxy(_address(stack), []) as proxy:
        nobody = _through(stack, proxy.port)
    calls: list[Any] = [
        lambda: nobody.list_prefix("firehose/"),
        lambda: nobody.list_names("firehose/"),
        lambda: nobody.get("reports/x"),
        lambda: nobody.exists("reports/x"),
        lambda: nobody.put("reports/x", b""),
        lambda: list(nobody.stream(landed, BLOCK_BYTES)),
    ]
    for call in calls:
        with pytest.raises(LakeUnavailable, match="Is S3 running"):
            call()


def test_a_listing_of_several_pages_is_whole_and_in_order(stack: Endpoints, lake: Lake, prefix: str) -> None:
    """Objects beyond the first thousand are never seen."""
    delivery = stack.s3("delivery")
    keys = [f"{prefix}{n:05}" for n in range(1_005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: delivery.put_object(Bucket=stack.bucket, Key=key, Body=b"x"), keys))
    delivery.put_object(Bucket=stack.bucket, Key=prefix, Body=b"")  # the marker of the folder
    assert [o.key for o in lake.list_prefix(prefix)] == keys


def test_names_one_level_below(stack: Endpoints, lake: Lake, prefix: str) -> None:
    """Folders of folders come with them, or the marker of the folder itself; objects beside folders do not."""
    stack.s3("delivery").put_object(Bucket=stack.bucket, Key=prefix, Body=b"")
    for name in ("2025/07/a", "2025/08/a", "2026/01/a", "object"):
        _deliver(stack, lake, prefix + name, b"x")
    assert lake.list_names(prefix) == [f"{prefix}2025/", f"{prefix}2026/", f"{prefix}object"]
    assert lake.list_names(f"{prefix}2025/") == [f"{prefix}2025/07/", f"{prefix}2025/08/"]
