"""Least privilege in the embedded S3: what each role may do, and that everything else is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from weblogs_platform.core.keys import Zone
from weblogs_platform.core.policies import (
    DERIVED_PREFIXES,
    POLICIES,
    PolicyName,
    bucket_policy,
    policy_document,
)
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.roles import ROLES, Role
from weblogs_platform.streams import STREAMS

LANDING = "firehose/web_redshift/2025/07/20/10/a"
KEYS = {
    "landing": LANDING,
    "pos": "pos/pos_20250721_001542.csv",
    "inventory": "inventory/inventory_20250720_100231.json",
    "validated": "validated/web_logs/2025/07/20/10/a",
    "invalid": "invalid/web_logs/2025/07/20/10/a",
    "reports": "reports/web_logs/2025/07/20/10/a",
    "manifests": "manifests/web_logs/2025/07/20/10/a",
    "jsonpaths": "jsonpaths/web_logs.json",
    "lakehouse": "lakehouse/web_logs/_delta_log/0.json",
    "errors": "firehose-errors/web_redshift/processing-failed/2025/07/20/10/a",
    "elsewhere": "elsewhere/a",
    "lookalike": "firehose-other/a",
}
LANDINGS = {"landing", "pos", "inventory"}
DERIVED = {"validated", "invalid", "reports", "manifests", "jsonpaths", "lakehouse"}

Call = Callable[[Any, str, str], object]
CALLS: dict[str, Call] = {
    "get": lambda s3, bucket, key: s3.get_object(Bucket=bucket, Key=key)["Body"].read(),
    "head": lambda s3, bucket, key: s3.head_object(Bucket=bucket, Key=key),
    "put": lambda s3, bucket, key: s3.put_object(Bucket=bucket, Key=f"{key}-new", Body=b"x"),
    "delete": lambda s3, bucket, key: s3.delete_object(Bucket=bucket, Key=f"{key}-old"),
    "multipart": lambda s3, bucket, key: s3.create_multipart_upload(Bucket=bucket, Key=f"{key}-parts"),
    "tag": lambda s3, bucket, key: s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": []}),
    "list": lambda s3, bucket, key: s3.list_objects_v2(Bucket=bucket, Prefix=key.rpartition("/")[0] + "/"),
}
READ = {"get", "head"}
ALLOWED: dict[Role, dict[str, set[str]]] = {
    "delivery": {name: {"put", "multipart"} for name in (*LANDINGS, "errors")},
    "platform": {name: {"list"} for name in KEYS}
    | {name: {*READ, "list"} for name in LANDINGS}
    | {name: {*READ, "put", "delete", "multipart", "list"} for name in DERIVED},
    "copy": {
        name: {*READ, "list"} for name in ("landing", "validated", "manifests", "jsonpaths", "lakehouse")
    },
}


@pytest.fixture(scope="module")
def lake(stack: Endpoints) -> Endpoints:
    """An object under every prefix, put there by the admin."""
    for key in KEYS.values():
        stack.s3("admin").put_object(Bucket=stack.bucket, Key=key, Body=b"content")
    return stack


@pytest.fixture(scope="module")
def clients(lake: Endpoints) -> dict[Role, Any]:
    return {role: lake.s3(role, retries={"total_max_attempts": 1}) for role in ROLES}


def refused(call: Callable[[], object]) -> bool:
    """Whether the server says 403; any other answer, good or bad, is not a refusal."""
    try:
        call()
    except ClientError as error:
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 403
    return False


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_does_exactly_what_its_policy_says(
    clients: dict[Role, Any], lake: Endpoints, role: Role, name: str
) -> None:
    """A right too many would let Firehose read the lake, the platform rewrite what was delivered, or COPY load
    quarantined records; one too few stops the platform. Holds every call under every prefix."""
    client, key = clients[role], KEYS[name]
    done = {call for call, run in CALLS.items() if not refused(lambda run=run: run(client, lake.bucket, key))}
    assert done == ALLOWED[role].get(name, set())


@pytest.mark.parametrize("role", ["delivery", "platform", "copy"])
def test_no_role_administers_the_bucket(lake: Endpoints, role: Role) -> None:
    """A role that may write a bucket policy or new keys gives itself everything else."""
    client, bucket = lake.s3(role), lake.bucket
    open_to_all = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [open_to_all]})
    assert refused(lambda: client.put_bucket_policy(Bucket=bucket, Policy=policy))
    assert refused(lambda: client.create_bucket(Bucket=f"of-{role}"))
    assert refused(lambda: client.delete_bucket(Bucket=bucket))
    assert refused(lambda: client.put_object_acl(Bucket=bucket, Key=LANDING, ACL="public-read"))


def test_a_batch_delete_removes_only_what_the_role_may_delete(lake: Endpoints) -> None:
    """DeleteObjects is one request with many keys: it is checked for each of them."""
    keys = [{"Key": KEYS["validated"]}, {"Key": LANDING}]
    answer = lake.s3("platform").delete_objects(Bucket=lake.bucket, Delete={"Objects": keys})
    assert [error["Key"] for error in answer["Errors"]] == [LANDING]
    assert not refused(lambda: lake.s3("platform").head_object(Bucket=lake.bucket, Key=LANDING))
    lake.s3("admin").put_object(Bucket=lake.bucket, Key=KEYS["validated"], Body=b"content")


def test_a_server_side_copy_needs_both_ends(lake: Endpoints) -> None:
    """CopyObject would otherwise read for a role what it may not read itself."""
    client = lake.s3("platform")

    def copy(source: str) -> object:
        origin = {"Bucket": lake.bucket, "Key": source}
        return client.copy_object(Bucket=lake.bucket, Key="validated/copied", CopySource=origin)

    assert not refused(lambda: copy(LANDING))
    assert refused(lambda: copy(KEYS["elsewhere"]))


def test_delivery_sends_large_objects_in_parts(lake: Endpoints) -> None:
    """Multipart upload needs rights of its own, and boto3 chooses it for every object over 8 MB."""
    body = b"0123456789abcdef" * (20 << 16)
    lake.s3("delivery").upload_fileobj(io.BytesIO(body), lake.bucket, "firehose/web_redshift/large")
    stored = lake.s3("platform").get_object(Bucket=lake.bucket, Key="firehose/web_redshift/large")
    assert stored["Body"].read() == body


def test_copy_sees_no_names_outside_of_its_prefixes(lake: Endpoints) -> None:
    """Keys of quarantined files carry source names; a listing of the whole bucket would give them away."""
    client = lake.s3("copy")
    assert refused(lambda: client.list_objects_v2(Bucket=lake.bucket))
    assert refused(lambda: client.list_objects_v2(Bucket=lake.bucket, Prefix="f"))
    assert refused(lambda: client.get_object(Bucket=lake.bucket, Key="invalid/is-not-there"))


def test_a_missing_object_is_missing_and_not_forbidden(lake: Endpoints) -> None:
    """With s3:ListBucket AWS answers 404 for a key that is not there: COPY tells the two apart."""
    with pytest.raises(ClientError) as raised:
        lake.s3("copy").get_object(Bucket=lake.bucket, Key="validated/is-not-there")
    assert raised.value.response.get("Error", {}).get("Code") == "NoSuchKey"


def test_the_prefixes_of_every_stream_and_zone_are_covered() -> None:
    """A stream declared with another landing prefix would be delivered nowhere and loaded from nowhere."""
    delivered = json.dumps([policy_document(name, "b") for name in ("firehose", "batch")])
    read = json.dumps(policy_document("platform", "b"))
    for spec in STREAMS:
        resource = f"arn:aws:s3:::b/{spec.landing_prefix.partition('/')[0]}/*"
        assert resource in delivered
        assert resource in read
    assert set(Zone) <= set(DERIVED_PREFIXES)


@pytest.mark.parametrize("name", POLICIES)
def test_policies_hold_only_what_aws_accepts(name: PolicyName) -> None:
    """The same documents are deployed to AWS: versions, effects and ARNs as IAM spells them."""
    document = policy_document(name, "weblogs-lake")
    assert document["Version"] == "2012-10-17"
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        assert all(action.startswith("s3:") for action in statement["Action"])
        assert all(arn.startswith("arn:aws:s3:::weblogs-lake") for arn in statement["Resource"])


def test_quarantine_is_denied_to_whoever_is_not_named() -> None:
    """A policy of the account that allows s3:* on every bucket would open quarantined records otherwise."""
    reader = "arn:aws:iam::123456789012:role/platform"
    (denied,) = [s for s in bucket_policy("b", reader)["Statement"] if "ArnNotEquals" in s["Condition"]]
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
    assert denied["Resource"] == ["arn:aws:s3:::b/invalid/*"]
    assert denied["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [reader]}}
