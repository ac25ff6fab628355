"""Failed runs are announced: against an HTTP receiver on loopback, with runs that really failed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
import pytest

from assets.automation.alerts import (
    ANNOUNCED_TAG,
    LONGEST_REASON,
    FailedRun,
    failure_alerts,
    message,
    partitions_of,
    without_values,
)
from assets.automation.runs import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.settings import AlertSettings

URL = "https://dagster.example"


@dataclass
class Receiver:
    """Takes what is posted to it, and answers `status`."""

    address: str = ""
    status: int = 200
    posted: list[dict[str, Any]] = field(default_factory=list)
    types: list[str] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.posted.append(json.loads(body))
            received.types.append(self.headers["Content-Type"])
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.address = f"http://127.0.0.1:{server.server_port}/services/T0/secret"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2025-07-01"))
def declared() -> None:
    raise dg.Failure("1 of 1 hour failed. 2025-07-20: 'anna@example.com' is not a rating\nsecond line")


@dg.asset
def surprised() -> None:
    raise KeyError("anna@example.com")


class Alerts:
    """The sensor with the instance and the variables of a test."""

    def __init__(self, instance: dg.DagsterInstance, variables: Mapping[str, str]) -> None:
        self.instance = instance
        self.sensor = failure_alerts({"WEBLOGS_HOME": "/nowhere", **variables})

    def fail(self, asset: dg.AssetsDefinition = declared, partition: str | None = "2025-07-20") -> str:
        """A run of the asset, which fails; its id."""
        result = dg.materialize(
            [asset], instance=self.instance, partition_key=partition, raise_on_error=False
        )
        assert not result.success
        return result.run_id

    def tick(self, run_id: str) -> None:
        """What the daemon does for a run that failed."""
        run = self.instance.get_run_by_id(run_id)
        [record] = self.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
        event = record.event_log_entry.dagster_event
        assert run is not None
        assert event is not None
        context = dg.build_run_status_sensor_context(
            sensor_name=self.sensor.name, dagster_event=event, dagster_instance=self.instance, dagster_run=run
        )
        self.sensor(context.for_run_failure())


def test_a_failed_run_is_one_message(instance: dg.DagsterInstance, receiver: Receiver) -> None:
    """Nobody learns of a failure, or not which job, which partitions, why, and where to look."""
    alerts = Alerts(instance, {"WEBLOGS_ALERT_WEBHOOK": receiver.address, "WEBLOGS_DAGSTER_URL": f"{URL}/"})
    run_id = alerts.fail()
    alerts.tick(run_id)
    [posted] = receiver.posted
    assert receiver.types == ["application/json"]
    why = "1 of 1 hour failed. 2025-07-20: '...' is not a rating"
    assert posted["text"] == f"declared of 2025-07-20 failed: {why}"
    fields = {item["title"]: item["value"] for item in posted["attachments"][0]["fields"]}
    assert fields == {
        "Job": "declared",
        "Partitions": "2025-07-20",
        "Error": why,
        "Run": f"{URL}/runs/{run_id}",
    }


def test_a_run_is_announced_once(instance: dg.DagsterInstance, receiver: Receiver) -> None:
    """A run that is marked as failed a second time, or a lost cursor, sends everything again."""
    alerts = Alerts(instance, {"WEBLOGS_ALERT_WEBHOOK": receiver.address})
    first, second = alerts.fail(), alerts.fail()
    for run_id in (first, first, second):
        alerts.tick(run_id)
    assert len(receiver.posted) == 2


def test_an_unexpected_error_is_named_by_its_type_alone(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    """The text of an error that nobody wrote for people carries a customer's address to a chat."""
    alerts = Alerts(instance, {"WEBLOGS_ALERT_WEBHOOK": receiver.address})
    alerts.tick(alerts.fail(surprised, None))
    [posted] = receiver.posted
    assert posted["text"] == "surprised failed: unexpected KeyError"
    assert "anna" not in json.dumps(posted)


def test_without_a_webhook_failures_are_logged(
    instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    """An installation without a chat has no trace of its failures."""
    alerts = Alerts(instance, {})
    run_id = alerts.fail()
    capfd.readouterr()  # what the run itself says
    alerts.tick(run_id)
    logged = capfd.readouterr().err
    assert "declared of 2025-07-20 failed: 1 of 1 hour failed." in logged
    assert "anna" not in logged


@pytest.mark.parametrize("outage", ["refuses", "is gone"])
def test_a_webhook_that_fails_costs_nothing_but_the_message(
    instance: dg.DagsterInstance, receiver: Receiver, capfd: pytest.CaptureFixture[str], outage: str
) -> None:
    """The sensor fails with its receiver, the secret address gets into a log, or the run counts as announced."""
    receiver.status = 500 if outage == "refuses" else 200
    address = receiver.address if outage == "refuses" else "http://127.0.0.1:1/services/T0/secret"
    alerts = Alerts(instance, {"WEBLOGS_ALERT_WEBHOOK": address})
    run_id = alerts.fail()
    alerts.tick(run_id)
    logged = capfd.readouterr().err
    assert f"the webhook took no message about run {run_id}: " in logged
    assert "secret" not in logged
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert ANNOUNCED_TAG not in run.tags
    receiver.status = 200
    Alerts(instance, {"WEBLOGS_ALERT_WEBHOOK": receiver.address}).tick(run_id)
    assert len(receiver.posted) == (2 if outage == "refuses" else 1)


def test_wrong_settings_are_said_and_not_raised(
    instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistyped variable stops the sensor."""
    alerts = Alerts(instance, {"WEBLOGS_ALERT_WEBHOOK": "hooks.example/secret"})
    alerts.tick(alerts.fail())
    logged = capfd.readouterr().err
    assert "WEBLOGS_ALERT_WEBHOOK must start with http:// or https://" in logged
    assert "secret" not in logged


def test_the_webhook_does_not_show() -> None:
    """Its address is its password."""
    settings = AlertSettings.from_env(
        {"WEBLOGS_HOME": "/nowhere", "WEBLOGS_ALERT_WEBHOOK": "https://x/secret"}
    )
    assert settings.webhook == "https://x/secret"
    assert "secret" not in repr(settings)
    with pytest.raises(InvalidSettings, match="WEBLOGS_DAGSTER_URL"):
        AlertSettings.from_env({"WEBLOGS_HOME": "/nowhere", "WEBLOGS_DAGSTER_URL": "dagster"})


def test_the_sensor_runs_by_default() -> None:
    """Failures notify only after somebody has found the switch."""
    sensor = failure_alerts()
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    dg.Definitions.validate_loadable(dg.Definitions(assets=[declared], sensors=[sensor]))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, ""),
        ({PARTITION_TAG: "2025-07-20-10:00"}, "2025-07-20-10:00"),
        ({RANGE_START_TAG: "2025-07-20", RANGE_END_TAG: "2025-07-22"}, "2025-07-20 to 2025-07-22"),
        ({RANGE_START_TAG: "2025-07-20", RANGE_END_TAG: "2025-07-20"}, "2025-07-20"),
    ],
)
def test_partitions_are_those_of_the_tags(tags: dict[str, str], expected: str) -> None:
    """It is not said which hours to look at."""
    assert partitions_of(tags) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\nsecond", "plain"),
        ("", ""),
        (
            "2 of 3 hours failed. a: unexpected KeyError: 'x'; b: y",
            "2 of 3 hours failed. a: unexpected KeyError",
        ),
        ('invalid input syntax for integer: "07911 123456"', "invalid input syntax for integer: '...'"),
        ("no mailbox anna@example.com here", "no mailbox ... here"),
        ("é" * 400, "é" * (LONGEST_REASON - 3) + "..."),
    ],
)
def test_reasons_carry_no_values(text: str, expected: str) -> None:
    """What a customer wrote goes to a chat."""
    assert without_values(text) == expected


def test_without_a_url_the_run_is_named_by_its_id() -> None:
    """An empty field that chats refuse."""
    body = message(FailedRun("run-1", "job", "", "why"), None)
    fields = {item["title"]: item["value"] for item in body["attachments"][0]["fields"]}
    assert fields == {"Job": "job", "Error": "why", "Run": "run-1"}
