"""The sensor over the queue: SQS over HTTP, a lake and a ledger in memory that refuse what they do not expect."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets.automation import inbox_sensor
from assets.streams import stream_job
from resources import InboxResource
from tests.assets.test_automation import FIRST, NOW, MemoryLake, MemoryLedger, World, _hours
from tests.aws.conftest import REGION, Aws, answering
from weblogs_platform.clients.inbox import REASON, Inbox
from weblogs_platform.core.errors import WarehouseUnavailable
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.streams import POS, WEB_LOGS


@dataclass
class Desk:
    """The sensor, its queue and its dead-letter queue."""

    sqs: Any
    inbox: Inbox | None
    dead: str
    world: World
    skipped: str = ""

    def tick(self, inbox: Any = None) -> list[list[str]]:
        """One evaluation; the hours of the runs it requests."""
        streams = [WEB_LOGS, POS]
        sensor = inbox_sensor(
            streams=streams, jobs=[stream_job(spec=s) for s in streams], clock=lambda: self.world.now
        )
        world = Given(self.world.lake, self.world.ledger, self.inbox)
        context = dg.build_sensor_context(
            instance=self.world.instance,
            definitions=self.world.definitions,
            resources={"lake": world, "redshift": world, "inbox": inbox or world},
        )
        result = sensor(context)
        if isinstance(result, dg.SkipReason):
            self.skipped = result.skip_message or ""
            return []
        assert isinstance(result, dg.SensorResult)
        self.skipped = (result.skip_reason.skip_message if result.skip_reason else None) or ""
        requests = result.run_requests or []
        assert all(request.job_name == "load_web_logs" for request in requests)
        self.world.requested += requests
        return [_hours(request) for request in requests]

    def send(self, *bodies: object) -> None:
        assert self.inbox
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.sqs.send_message(QueueUrl=self.inbox.queue_url, MessageBody=text)

    def land(self, hour: LandingHour, name: str = "a", at: datetime = NOW) -> None:
        """An object, and S3's word of it."""
        self.world.lake.deliver(hour, name, at=at)
        self.send(notification(f"{WEB_LOGS.landing_hour_prefix(hour)}{name}", at))

    def left(self) -> int:
        """Messages in the queue, in sight or not."""
        assert self.inbox
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.inbox.queue_url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def rejected(self) -> dict[str, str]:
        """Bodies in the dead-letter queue, and why they are there."""
        answer = self.sqs.receive_message(
            QueueUrl=self.dead, MaxNumberOfMessages=10, MessageAttributeNames=[REASON]
        )
        return {m["Body"]: m["MessageAttributes"][REASON]["StringValue"] for m in answer.get("Messages", [])}


class Given:
    def __init__(self, lake: MemoryLake, ledger: MemoryLedger, inbox: Inbox | None) -> None:
        self.lake = lambda: lake
        self.warehouse = lambda: ledger
        self.inbox = lambda: inbox


@pytest.fixture
def desk(aws: Aws, queues: tuple[str, str]):
    """Messages come back at once: what a tick leaves, the next one finds."""
    sqs = aws.client("sqs")
    with dg.DagsterInstance.ephemeral() as instance:
        inbox = Inbox(sqs, queues[0], wait_secs=0, visibility_secs=0)
        yield Desk(sqs, inbox, queues[1], World(MemoryLake(), MemoryLedger(), instance))


def notification(key: str, at: datetime = NOW, bucket: str = "lake") -> dict[str, Any]:
    record = {"eventTime": at.isoformat(), "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
    return {"Records": [record]}


def test_notified_hours_are_requested_as_the_listing_sensor_would(desk):
    """Another run key for the same content would load beside the listing sensor, run by run."""
    for hour in (FIRST, FIRST.plus(1), FIRST.plus(-3)):
        desk.land(hour)
    assert desk.tick() == [["07"], ["10", "11"]]
    keys = [request.run_key for request in desk.world.requested]
    assert desk.world.tick() == [["07"], ["10", "11"]]
    assert [request.run_key for request in desk.world.requested[2:]] == keys


def test_a_message_stays_until_its_run_is_in_dagsters_storage(desk):
    """A daemon that dies between the tick and the run would lose the hour with its message."""
    desk.land(FIRST)
    assert desk.tick() == [["10"]]
    assert desk.left() == 1
    assert desk.tick() == [["10"]]
    desk.world.add_run(desk.world.requested[0], dg.DagsterRunStatus.NOT_STARTED)
    assert desk.tick() == []
    assert desk.left() == 0


def test_a_run_from_before_the_object_does_not_count(desk):
    """It has listed the hour already: the object would wait for the listing sensor."""
    desk.land(FIRST)
    desk.tick()
    desk.world.add_run(desk.world.requested[0], dg.DagsterRunStatus.STARTED)
    desk.tick()
    assert desk.left() == 0
    desk.land(FIRST, "b")
    assert desk.tick() == []
    assert "queued or in progress" in desk.skipped
    assert desk.left() == 1


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(days=1)])
def test_no_clock_says_when_a_message_is_deleted(desk, off):
    """S3's clock is a day off Dagster's: by their times, every run is older than any object, or younger."""
    at = datetime.now(tz=NOW.tzinfo) + off
    desk.land(FIRST, "a", at=at)
    assert desk.tick() == [["10"]]
    assert desk.left() == 1
    run = desk.world.add_run(desk.world.requested[0], dg.DagsterRunStatus.STARTED)
    desk.land(FIRST, "b", at=at)
    assert desk.tick() == []
    assert desk.left() == 2  # the run may not have seen the second object, and was not requested for both
    desk.world.ledger.record([o for o in desk.world.lake.objects.values() if o.key.endswith("a")])
    assert desk.tick() == []
    assert desk.left() == 1  # loaded, while its hour goes on
    desk.world.instance.report_run_failed(run)
    request_settles_the_message(desk)


def test_a_run_that_brought_the_same_content_in_before_does_not_count(desk):
    """Rewritten, and then what it was before: the run of last week is no request for today."""
    desk.land(FIRST)
    desk.tick()
    desk.world.add_run(desk.world.requested[0], dg.DagsterRunStatus.SUCCESS)
    request_settles_the_message(desk)


def test_a_run_that_nobody_requested_for_this_content_does_not_count(desk):
    """`weblogs load`, or a backfill: what it saw is not known. The message waits for the ledger."""
    desk.land(FIRST)
    desk.tick()
    desk.world.add_run(by_hand(desk.world.requested[0]), dg.DagsterRunStatus.STARTED)
    assert desk.tick() == []
    assert desk.left() == 1
    desk.world.load()
    assert desk.tick() == []
    assert desk.left() == 0


def test_an_object_that_is_gone_again_is_deleted(desk):
    """There is nothing to bring in; its hour may lack others for long."""
    desk.land(FIRST, "a")
    desk.land(FIRST, "b")
    del desk.world.lake.objects[f"{WEB_LOGS.landing_hour_prefix(FIRST)}b"]
    assert desk.tick() == [["10"]]
    assert desk.left() == 1


def request_settles_the_message(desk) -> None:
    """The hour is requested, and its one message goes once that request is a run."""
    assert desk.tick() == [["10"]]
    assert desk.left() == 1
    desk.world.add_run(desk.world.requested[-1], dg.DagsterRunStatus.NOT_STARTED)
    assert desk.tick() == []
    assert desk.left() == 0


def by_hand(request: dg.RunRequest) -> dg.RunRequest:
    return dg.RunRequest(request.run_key, job_name=request.job_name, partition_key=request.partition_key)


def test_what_is_loaded_is_deleted_without_a_run(desk):
    """Notifications arrive late and twice; the ledger decides."""
    desk.land(FIRST)
    desk.send(notification(f"{WEB_LOGS.landing_hour_prefix(FIRST)}a"))
    desk.world.load()
    assert desk.tick() == []
    assert desk.left() == 0
    assert desk.skipped == "every hour that was notified is loaded or requested"


def test_a_failed_run_is_left_to_the_listing_sensor(desk):
    """Two sensors that count attempts for themselves would try twice as often."""
    desk.land(FIRST)
    desk.tick()
    desk.world.add_run(desk.world.requested[0], dg.DagsterRunStatus.FAILURE)
    desk.world.now = datetime.now(tz=NOW.tzinfo)
    assert desk.tick() == []
    assert desk.left() == 0


def test_more_messages_than_a_batch_are_one_run(desk):
    desk.inbox = replace(desk.inbox, visibility_secs=120)
    for number in range(25):
        desk.land(FIRST, f"n{number}")
    assert desk.tick() == [["10"]]
    assert desk.tick() == []
    assert desk.skipped == "the queue has no messages"
    assert desk.left() == 25


def test_the_test_event_is_deleted(desk):
    desk.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake"})
    assert desk.tick() == []
    assert desk.left() == 0
    assert desk.rejected() == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("hello", "the message is not JSON"),
        (notification(f"{WEB_LOGS.landing_prefix}/2025/07/20/10/a", bucket="other"), "another bucket: other"),
        (notification("pos/export.csv"), "pos/export.csv belongs to no stream's layout"),
        (notification(f"{WEB_LOGS.landing_prefix}/0025/07/20/10/a"), "before the stream's partitions"),
    ],
)
def test_poison_goes_to_the_dead_letter_queue_with_its_reason(desk, body, reason):
    """Left to redrive, it would come back for days, and nobody would know why it is there."""
    desk.send(body)
    assert desk.tick() == []
    assert desk.left() == 0
    assert "moved to the dead-letter queue" in desk.skipped
    ((found, why),) = desk.rejected().items()
    assert found == (body if isinstance(body, str) else json.dumps(body))
    assert reason in why


def test_poison_beside_a_good_object_waits_for_it(desk):
    """One message, two objects: the stray must not take the other hour's hint away."""
    good = notification(f"{WEB_LOGS.landing_hour_prefix(FIRST)}a")["Records"]
    desk.world.lake.deliver(FIRST)
    desk.send({"Records": [*good, *notification("pos/export.csv")["Records"]]})
    assert desk.tick() == [["10"]]
    assert desk.left() == 1
    desk.world.load()
    assert desk.tick() == []
    assert desk.left() == 0
    assert len(desk.rejected()) == 1


def test_an_hour_that_has_not_begun_is_left(desk):
    """A clock that runs ahead is no poison."""
    desk.land(FIRST.plus(3))
    assert desk.tick() == []
    assert "has not begun" in desk.skipped
    assert desk.left() == 1
    desk.world.now += timedelta(hours=1)
    assert desk.tick() == [["13"]]


def test_an_outage_of_the_warehouse_keeps_every_message(desk, monkeypatch):
    def down(*_args: object) -> None:
        raise WarehouseUnavailable("Redshift does not answer")

    desk.land(FIRST)
    with monkeypatch.context() as patch:
        patch.setattr(desk.world.ledger, "fetch_all", down)
        assert desk.tick() == []
    assert "Redshift does not answer. The listing sensors see" in desk.skipped
    assert desk.left() == 1
    assert desk.tick() == [["10"]]


def test_a_queue_that_is_gone_is_said(desk, aws):
    """A sensor that fails every half minute hides the one sentence that matters."""
    desk.sqs.delete_queue(QueueUrl=desk.inbox.queue_url)
    assert desk.tick() == []
    assert "there is no such queue; WEBLOGS_QUEUE_URL names it" in desk.skipped


def resource(queue_url: str, **variables: str) -> InboxResource:
    given = {"WEBLOGS_QUEUE_URL": queue_url, "AWS_REGION": REGION, **variables}
    return InboxResource(variables=given, wait_secs=0)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (403, "AccessDenied", "AccessDenied: the platform's role needs the queue's rights of deploy/aws"),
        (403, "ExpiredToken", "ExpiredToken: the platform's role needs the queue's rights of deploy/aws"),
        (
            400,
            "AWS.SimpleQueueService.NonExistentQueue",
            "there is no such queue; WEBLOGS_QUEUE_URL names it",
        ),
    ],
)
def test_a_queue_that_refuses_is_said_and_the_listing_sensor_loads(desk, status, code, says):
    """The one sensor takes the other along, or its tick fails every half minute, with a traceback."""
    desk.land(FIRST)
    body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"})
    with answering(status, body, {"x-amzn-query-error": f"{code};Sender"}) as url:
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        assert desk.tick(resource(f"{url}/123456789012/landed", **keys)) == []
    assert says in desk.skipped
    assert desk.world.tick() == [["10"]]


def test_a_role_without_rights_on_the_queue_is_said(desk, aws):
    """Refused by the rules of a policy, not by an answer made up here."""
    desk.land(FIRST)
    nobody = resource(desk.inbox.queue_url, **aws.user())
    with aws.enforcing():
        assert desk.tick(nobody) == []
    assert "the platform's role needs the queue's rights of deploy/aws" in desk.skipped
    assert desk.world.tick() == [["10"]]
    assert desk.left() == 1


def test_messages_that_cannot_be_deleted_keep_no_hour_from_being_requested(desk, aws):
    """One of them, or poison that the dead-letter queue refuses, would stop every other hour with it."""
    desk.land(FIRST)
    desk.world.load()
    desk.send("poison")
    reader = resource(desk.inbox.queue_url, **aws.user("sqs:ReceiveMessage", "sqs:GetQueueAttributes"))
    with aws.enforcing():
        assert desk.tick(reader) == []
    assert "messages stay in the queue: cannot delete from" in desk.skipped
    desk.land(FIRST.plus(1))
    desk.send("more poison")
    with aws.enforcing():
        assert desk.tick(reader) == [["11"]]
    assert desk.left() == 4


def test_a_server_that_is_gone_is_said(desk):
    url = "http://127.0.0.1:9/123456789012/landed"
    variables = {"WEBLOGS_QUEUE_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert desk.tick(InboxResource(variables=variables, wait_secs=0)) == []
    assert f"cannot receive from {url}" in desk.skipped


def test_without_a_queue_the_tick_says_so(desk, tmp_path):
    assert desk.tick(InboxResource(variables={"WEBLOGS_HOME": str(tmp_path)})) == []
    assert "WEBLOGS_QUEUE_URL" in desk.skipped


def test_the_resource_talks_to_the_queues_own_address(desk):
    """On AWS the URL says where SQS answers, and no other setting does."""
    desk.land(FIRST)
    variables = {
        "WEBLOGS_QUEUE_URL": desk.inbox.queue_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    assert desk.tick(InboxResource(variables=variables, wait_secs=0)) == [["10"]]


def test_without_a_dead_letter_queue_poison_is_left(desk, aws):
    url = desk.sqs.create_queue(QueueName="landed-alone")["QueueUrl"]
    desk.inbox = replace(desk.inbox, queue_url=url)
    desk.send("hello")
    assert desk.tick() == []
    assert "has no dead-letter queue" in desk.skipped
    assert desk.left() == 1
