"""Credentials of a role's session: every request of the platform carries their token, wherever they come from.

On AWS a process has no others. moto enforces them here: without its token a session's key is nobody's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from resources import InboxResource, LakehouseResource, LakeResource
from tests.aws.conftest import REGION, Aws, answering
from weblogs_platform.core.errors import AccessRefused
from weblogs_platform.streams import WEB_LOGS

BUCKET = "lake-of-sessions"
ROLE = "session"
TRUST = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
RIGHTS = {"Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "*"}
TOKEN = "AWS_SESSION_TOKEN"


@pytest.fixture(scope="module")
def session(aws: Aws) -> dict[str, str]:
    """Credentials of a role that may use S3 and SQS, and a bucket."""
    iam = aws.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_document(TRUST))
    iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=_document(RIGHTS))
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    arn = f"arn:aws:iam::123456789012:role/{ROLE}"
    made = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="platform")["Credentials"]
    names = ("AWS_ACCESS_KEY_ID", "AccessKeyId"), ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"), (TOKEN, "SessionToken")  # fmt: skip
    return {variable: made[name] for variable, name in names}


@pytest.fixture(autouse=True)
def _on_aws(aws: Aws, queues: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a deployment. Where AWS is said to be is for the SDKs alone: the platform names no endpoint."""
    variables = {
        "WEBLOGS_ENV": "aws",
        "AWS_REGION": REGION,
        "WEBLOGS_BUCKET": BUCKET,
        "WEBLOGS_COPY_ROLE": "arn:aws:iam::123456789012:role/copy",
        "WEBLOGS_QUEUE_URL": queues[0],
        "REDSHIFT_HOST": "h",
        "REDSHIFT_DATABASE": "d",
        "REDSHIFT_WORKGROUP": "w",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def container(session: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What ECS tells its tasks: an address that answers with the credentials of the task's role."""
    answer = {
        "AccessKeyId": session["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": session["AWS_SECRET_ACCESS_KEY"],
        "Token": session[TOKEN],
        "Expiration": "2099-01-01T00:00:00Z",
    }
    with answering(200, json.dumps(answer), {}) as url:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/role")
        yield


@pytest.fixture
def environment(session: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What `aws sts assume-role` gives, exported."""
    for name, value in session.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["environment", "container"])
def given(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue(request.param)
    return request.param


@pytest.mark.usefixtures("given")
def test_the_lake_and_the_queue_are_reached(aws: Aws) -> None:
    with aws.enforcing():
        lake = LakeResource().lake()
        lake.put("reports/a", b"{}")
        assert lake.get("reports/a") == b"{}"
        assert [found.key for found in lake.list_prefix("reports/")] == ["reports/a"]
        inbox = InboxResource(wait_secs=0).inbox()
        assert inbox
        assert inbox.receive(at_most=1, within_secs=1) == []


@pytest.mark.usefixtures("given")
def test_the_lakehouse_is_reached(aws: Aws) -> None:
    """Deltalake has a chain of its own, which is not told of every way; it gets what boto3 finds."""
    with aws.enforcing():
        lakehouse = LakehouseResource().lakehouse()
        assert lakehouse.open(WEB_LOGS).table.version() == 0


@pytest.mark.usefixtures("environment")
def test_without_the_token_all_are_refused(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tests above would pass whatever is sent."""
    monkeypatch.delenv(TOKEN)
    with aws.enforcing():
        for use in (_use_lake, _use_queue, _use_lakehouse):
            with pytest.raises(AccessRefused):
                use()


def _use_lake() -> Any:
    return LakeResource().lake().list_prefix("reports/")


def _use_queue() -> Any:
    inbox = InboxResource(wait_secs=0).inbox()
    assert inbox
    return inbox.receive(at_most=1, within_secs=1)


def _use_lakehouse() -> Any:
    return LakehouseResource().lakehouse().open(WEB_LOGS)


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
