"""Writing with the delivery role: one call an object, errors that name it."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from weblogs_platform.core.errors import AccessRefused, LakeUnavailable
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.history import TrafficPlan, generate_history
from weblogs_platform.local.traffic.writer import ObjectWriter
from weblogs_platform.streams import CUSTOMER_INTERACTIONS

PLAN = TrafficPlan(stream=CUSTOMER_INTERACTIONS, rate=50)
OBJECTS = list(generate_history(PLAN, LandingHour.from_argument("2025-07-20T10"), 1))


@pytest.fixture
def client():
    return boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="delivery",
        aws_secret_access_key="made-up",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_objects_are_put_and_nothing_else(client) -> None:
    """The writer lists or reads, which the delivery role must not."""
    with Stubber(client) as stubber:
        for delivered in OBJECTS:
            parameters = {
                "Bucket": "lake",
                "Key": delivered.key,
                "Body": delivered.body,
                "ContentType": "application/octet-stream",
            }
            stubber.add_response("put_object", {"ETag": '"x"'}, parameters)
        written = list(ObjectWriter(client, "lake", workers=1).write(OBJECTS))
        stubber.assert_no_pending_responses()
    assert written == OBJECTS


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("AccessDenied", 403, AccessRefused),
        ("InternalError", 500, LakeUnavailable),
        ("SlowDown", 503, LakeUnavailable),
    ],
)
def test_refusals_name_the_object(client, code: str, status: int, expected: type[Exception]) -> None:
    """A failed upload is counted as delivered, or does not say which one it was."""
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", code, http_status_code=status)
        with pytest.raises(expected, match=f"s3://lake/{OBJECTS[0].key}.*{code}"):
            list(ObjectWriter(client, "lake", workers=1).write(OBJECTS[:1]))


def test_absent_server_says_what_to_start(client) -> None:
    """A stack that is not running ends in a traceback of botocore."""
    with pytest.raises(LakeUnavailable, match="weblogs up"):
        list(ObjectWriter(client, "lake").write(OBJECTS))
