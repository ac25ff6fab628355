"""What goes wrong is told, once: real runs over the embedded stack, evaluations of the sensor, and receivers on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from assets.automation import alerts as sensor_module
from assets.automation.alerts import SENSOR, alert_sensor
from assets.automation.runs import range_tags
from assets.checks import ROWS_LOADED
from assets.hour_steps import HourSteps
from resources import RedshiftResource
from tests.assets.receivers import Receiver, Sns, publishing, receiving
from weblogs_platform.clients import channels
from weblogs_platform.core.alerts import QUIET
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.ports import any_free
from weblogs_platform.streams import STREAMS

URL = "https://dagster.example"
TABLE = "shopware_stream/web_logs_stream"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as received:
        yield received


@pytest.fixture(scope="module")
def sns() -> Iterator[Sns]:
    with publishing() as topic:
        yield topic


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


class World:
    """Hours that load or fail for real, and the sensor that looks at them."""

    def __init__(self, platform, instance: dg.DagsterInstance, variables: Mapping[str, str]) -> None:
        self.platform, self.instance = platform, instance
        self.variables = {"WEBLOGS_HOME": "/nowhere", "WEBLOGS_DAGSTER_URL": f"{URL}/", **variables}
        self.reached = platform.variables
        self.later = timedelta()
        self.cursor: str | None = None
        self.job = platform.definitions().resolve_job_def("load_web_logs")
        with platform.warehouse.transaction() as tx:
            tx.execute("DELETE FROM shopware_ops.alerts")

    def load(self, first: LandingHour, hours: int = 1, **how) -> str:
        """A run over hours; its id."""
        tags = range_tags([first, first.plus(hours - 1)])
        result = self.job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False, **how)
        return result.run_id

    def tick(self) -> str:
        """What the daemon does; what the sensor says of it."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            sensor_name=SENSOR,
            resources={"redshift": RedshiftResource(variables=self.reached)},
        ) as context:
            sensor = alert_sensor(STREAMS, self.variables, lambda: datetime.now(UTC) + self.later)
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return str(result.skip_reason.skip_message) if result.skip_reason else ""

    def lines(self) -> list[tuple[str, str, int, bool]]:
        """What is recorded: kind, partition, how often it was found, whether it is well."""
        query = (
            "SELECT kind, partition_key, times, well_at IS NOT NULL FROM shopware_ops.alerts ORDER BY 1, 2"
        )
        with self.platform.warehouse.transaction() as tx:
            return [tuple(row) for row in tx.fetch_all(query)]

    def tamper(self, hour: LandingHour, more: int) -> None:
        """The ledger says of an hour that it had so many more records."""
        with self.platform.warehouse.transaction() as tx:
            tx.execute(
                "UPDATE shopware_ops.load_history SET records = records + %s "
                "WHERE stream = 'web_logs' AND landing_hour = CAST(%s AS TIMESTAMP)",
                (more, hour.sql),
            )


@pytest.fixture
def world(platform, instance: dg.DagsterInstance, receiver: Receiver) -> World:
    return World(platform, instance, {"WEBLOGS_ALERT_WEBHOOK": receiver.address})


@pytest.fixture
def broken() -> Iterator[pytest.MonkeyPatch]:
    """Every hour fails with an error that nobody foresaw, until it is undone."""

    def surprised(*_: object) -> None:
        raise KeyError("anna@example.com")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HourSteps, "landing", surprised)
        yield patch


def test_a_failed_run_is_told_to_every_channel(
    world: World, receiver: Receiver, sns: Sns, make_record, broken, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nobody learns of a failure, or not which stream and hour, why, where to look and what to do."""
    del broken
    world.variables |= sns.variables
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    run_id = world.load(hour)
    capfd.readouterr()
    assert "1 troubles told" in world.tick()
    fields = receiver.fields()
    assert receiver.types == ["application/json"]
    assert fields.pop("What to do").startswith("Open the run in Dagster")
    assert fields.pop("Detail").startswith("unexpected KeyError at partition_runs.py")
    assert fields == {
        "What": "run failed",
        "Where": "web_logs",
        "Partitions": hour.partition_key,
        "Look": f"{URL}/runs/{run_id}",
    }
    [message] = sns.take()
    assert message["Subject"] == f"run failed: web_logs {hour.partition_key}"
    assert f"Look: {URL}/runs/{run_id}" in message["Message"].splitlines()
    logged = capfd.readouterr().err
    assert f"run failed: web_logs of {hour.partition_key}: unexpected KeyError" in logged
    everything = json.dumps(receiver.posted) + json.dumps(message) + logged
    assert "anna" not in everything
    assert "secret" not in logged


def test_the_same_trouble_is_told_once_and_again_after_it_was_well(
    world: World, receiver: Receiver, make_record, broken: pytest.MonkeyPatch
) -> None:
    """Each re-run sends its message, or a second failure of the same hour is never told."""
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    for _ in range(3):
        world.load(hour)
        world.tick()
    assert len(receiver.posted) == 1
    assert world.lines() == [("run", hour.partition_key, 3, False)]
    broken.undo()
    world.load(hour)
    world.tick()
    assert world.lines() == [("run", hour.partition_key, 3, True)]
    broken.setattr(HourSteps, "landing", lambda _: 1 / 0)
    world.load(hour)
    world.tick()
    assert len(receiver.posted) == 2
    assert "ZeroDivisionError" in receiver.texts[-1]


def test_what_a_part_of_the_assets_does_says_nothing_about_the_hour(
    world: World, receiver: Receiver, make_record, broken: pytest.MonkeyPatch
) -> None:
    """Someone looks at the quarantine of a failing hour, and its next failure is told as a new one."""
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    world.load(hour)
    world.load(hour, asset_selection=[dg.AssetKey(["quarantine", "web_logs"])])
    world.load(hour)
    world.tick()
    del broken
    assert len(receiver.posted) == 1
    assert world.lines() == [("run", hour.partition_key, 2, False)]


def test_the_same_trouble_is_told_again_after_the_quiet_time(
    world: World, receiver: Receiver, make_record, broken
) -> None:
    """What stays broken is forgotten."""
    del broken
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    world.load(hour)
    world.tick()
    world.later = QUIET - timedelta(minutes=1)
    world.load(hour)
    world.tick()
    assert len(receiver.posted) == 1
    world.later = QUIET + timedelta(minutes=1)
    world.tick()
    assert len(receiver.posted) == 1  # time alone tells nothing
    world.load(hour)
    world.tick()
    assert len(receiver.posted) == 2
    assert "found 3 times" in receiver.texts[-1]


def test_a_lost_cursor_tells_nothing_twice(world: World, receiver: Receiver, make_record, broken) -> None:
    """Somebody resets the sensor, and all of a bad day comes again."""
    hour = world.platform.fresh_hour()
    for at in range(3):
        world.platform.deliver(hour.plus(at), "a", [make_record()])
        world.load(hour.plus(at))
        world.tick()
    broken.undo()
    world.load(hour)
    world.tick()
    before = world.lines()
    assert len(receiver.posted) == 3
    for lost in (None, "not ours", json.dumps({"after": "yesterday"}), "[]"):
        world.cursor = lost
        assert "4 runs read" in world.tick()
    assert len(receiver.posted) == 3
    assert world.lines() == before
    assert world.tick() == "no run ended"


def test_a_bad_day_is_one_message(world: World, receiver: Receiver, make_record, broken) -> None:
    """A day of failing hours is a message for each."""
    del broken
    hour = world.platform.fresh_hour()
    for at in range(24):
        world.platform.deliver(hour.plus(at), "a", [make_record()])
    world.load(hour, 24)
    world.tick()
    last = hour.plus(23).partition_key
    assert receiver.fields()["Partitions"] == f"24 partitions, {hour.partition_key} to {last}"
    assert len(receiver.posted) == 1
    assert len(world.lines()) == 24
    world.load(hour.plus(3), 4)  # other hours together are the same trouble
    world.tick()
    assert len(receiver.posted) == 1


def test_an_invalid_share_over_the_threshold_is_told_with_its_counts(
    world: World, receiver: Receiver, make_record
) -> None:
    """A blocked hour is told as a run that failed, twice, or without counts."""
    hour = world.platform.fresh_hour()
    world.platform.deliver(
        hour, "a", [make_record(n, user_id="anna@example.com", event_type=None) for n in range(8)]
    )
    world.platform.deliver(hour, "b", [make_record(9)])
    world.load(hour)
    world.tick()
    [_] = receiver.posted
    fields = receiver.fields()
    assert fields["What"] == "invalid share over the threshold"
    assert (fields["Where"], fields["Partitions"]) == ("validated/web_logs", hour.partition_key)
    assert fields["Detail"].startswith("8 of 9 records (88.9%) are invalid")
    assert fields["Look"] == (
        f"{URL}/assets/validated/web_logs?view=checks&amp;checkDetail=invalid_share_within_threshold"
    )
    assert "anna" not in json.dumps(receiver.posted)


def test_a_conservation_gap_is_told_until_it_is_mended(world: World, receiver: Receiver, make_record) -> None:
    """Records vanish and nobody learns of it; or a check that warns is told as one that failed."""
    hour = world.platform.fresh_hour()
    world.platform.deliver(
        hour, "a", [make_record(n) for n in range(40)] + [make_record(40, event_type=None)]
    )
    world.load(hour)
    world.tick()
    assert receiver.posted == []  # required_fields_not_null warns
    world.tamper(hour, 2)
    for _ in range(2):
        world.load(hour)
        world.tick()
    [_] = receiver.posted
    fields = receiver.fields()
    assert (fields["What"], fields["Where"]) == ("conservation gap", TABLE)
    assert fields["Detail"].startswith(
        "does not add up in 1 of 1 objects (43 = 40 loaded + 0 replayed + 1 in"
    )
    world.tamper(hour, -2)
    world.load(hour)
    world.tick()
    assert world.lines() == [("conservation", hour.partition_key, 2, True)]


def test_another_failing_check_is_told_by_its_name(world: World, receiver: Receiver, make_record) -> None:
    """Rows vanish from the table, and the check that sees it is run alone."""
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record(n) for n in range(4)])
    world.load(hour)
    with world.platform.warehouse.transaction() as tx:
        tx.execute(
            "DELETE FROM shopware_stream.web_logs_stream WHERE landing_hour = CAST(%s AS TIMESTAMP)",
            (hour.sql,),
        )
    checks = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(TABLE.split("/")), ROWS_LOADED.name))
    definitions = world.platform.definitions()
    alone = dg.define_asset_job("look", selection=checks)
    job = dg.Definitions(assets=definitions.assets, jobs=[alone], resources=definitions.resources)
    job.resolve_job_def("look").execute_in_process(
        instance=world.instance, tags=range_tags([hour, hour]), raise_on_error=False
    )
    world.tick()
    [text] = receiver.texts
    assert text == (
        f"check rows_loaded_equal_valid failed: {TABLE} of {hour.partition_key}: "
        "0 rows in the table, 4 in the ledger, 4 good records to load"
    )


def test_a_run_that_breaks_off_is_told(world: World, receiver: Receiver) -> None:
    """A killed process leaves no step that failed, and so no word."""
    run = world.instance.create_run_for_job(world.job)
    world.instance.report_run_failed(run)
    world.tick()
    assert receiver.texts == ["run failed: load_web_logs: the run broke off outside of its steps"]


def test_a_channel_that_fails_hides_no_other_and_gets_its_message_later(
    world: World, receiver: Receiver, sns: Sns, make_record, broken, capfd: pytest.CaptureFixture[str]
) -> None:
    """A chat that is down costs the pager its page, or its own message for ever."""
    del broken
    world.variables |= sns.variables
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    world.load(hour)
    receiver.status = 500
    world.tick()
    assert len(sns.take()) == 1
    assert "the webhook took no message: it answered 500; again at the next tick" in capfd.readouterr().err
    receiver.status = 200
    world.tick()
    assert len(receiver.posted) == 2  # the refused one, and the one that was taken
    assert sns.take() == []
    assert world.tick() == "no run ended"
    world.variables["AWS_ENDPOINT_URL_SNS"] = f"http://127.0.0.1:{any_free('nobody')}"
    other = hour.plus(1)
    world.platform.deliver(other, "a", [make_record()])
    world.load(other)
    world.tick()
    assert other.partition_key in receiver.texts[-1]
    assert "SNS took no message: EndpointConnectionError" in capfd.readouterr().err
    del world.variables["WEBLOGS_ALERT_SNS_TOPIC"]  # a channel that is no longer wanted waits for nothing
    world.tick()
    assert world.tick() == "no run ended"


@pytest.mark.parametrize("outage", ["is gone", "drips", "redirects"])
def test_a_webhook_out_of_order_is_said_without_its_address(
    world: World,
    receiver: Receiver,
    make_record,
    broken: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    outage: str,
) -> None:
    """The sensor fails or hangs with its receiver, follows it elsewhere, or the secret address gets into a log."""
    broken.setattr(sensor_module, "SENDING_SECS", 0.5)
    if outage == "is gone":
        world.variables["WEBLOGS_ALERT_WEBHOOK"] = f"http://127.0.0.1:{any_free('nobody')}/secret"
    receiver.hangs = outage == "drips"
    if outage == "redirects":
        receiver.status, receiver.headers = 302, {"Location": receiver.address}
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    world.load(hour)
    world.tick()
    logged = capfd.readouterr().err
    expected = {
        "is gone": "URLError",
        "drips": "webhook did not answer in 0.5 s",
        "redirects": "answered 302",
    }
    assert expected[outage] in logged
    assert "secret" not in logged
    assert receiver.fetched == []


def test_messages_wait_no_longer_than_the_quiet_time(
    world: World, receiver: Receiver, make_record, broken
) -> None:
    """A webhook that was mistyped for a month gets the month when it is right."""
    del broken
    receiver.status = 404
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    world.load(hour)
    world.tick()
    world.later = QUIET + timedelta(minutes=1)
    world.tick()
    assert len(receiver.posted) == 1
    assert world.tick() == "no run ended"


def test_a_warehouse_out_of_reach_is_told_once_and_the_rest_when_it_is_back(
    world: World, receiver: Receiver, make_record, broken, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was told cannot be looked up, so everything is told at every tick, or nothing ever."""
    del broken
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    reached = world.reached
    world.reached = {**reached, "REDSHIFT_PORT": str(any_free("nobody"))}
    world.load(hour)
    receiver.status = 503
    assert world.tick().startswith("held back: Redshift does not answer")
    receiver.status = 200
    for _ in range(3):
        world.tick()
    assert len(receiver.posted) == 2  # the one refused, the one taken
    assert receiver.texts[-1].startswith(
        "warehouse out of reach: shopware_ops.alerts: Redshift does not answer"
    )
    assert capfd.readouterr().err.count("warehouse out of reach") == 1
    world.reached = reached
    world.tick()
    assert receiver.texts[-1].startswith(f"run failed: web_logs of {hour.partition_key}")
    assert len(receiver.posted) == 3


def test_a_warehouse_is_asked_where_no_run_ends(world: World, receiver: Receiver) -> None:
    """Redshift is down, so nothing is requested, no run fails, and nobody learns of it."""
    world.tick()
    assert world.tick() == "no run ended"
    world.reached = {**world.reached, "REDSHIFT_PORT": str(any_free("nobody"))}
    world.later = timedelta(minutes=11)
    world.tick()
    assert receiver.texts[-1].startswith("warehouse out of reach")


def test_a_silent_warehouse_does_not_stop_the_sensor(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick hangs for as long as Redshift does."""
    monkeypatch.setattr(sensor_module, "STORE_SECS", 0.2)
    monkeypatch.setattr(sensor_module, "read_alerts", lambda *_: receiver.over.wait(30))
    assert world.tick() == "held back: Redshift did not answer in 0.2 s"
    assert len(receiver.posted) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEBLOGS_ALERT_WEBHOOK", "hooks.example/secret"), ("WEBLOGS_ALERT_SNS_TOPIC", "alerts")],
)
def test_wrong_settings_are_said_and_lose_nothing(
    world: World,
    receiver: Receiver,
    make_record,
    broken,
    capfd: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    """A mistyped variable stops the sensor, or what failed until it is mended is never told."""
    del broken
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    world.load(hour)
    right = dict(world.variables)
    world.variables[name] = value
    assert name in world.tick()
    logged = capfd.readouterr().err
    assert f"nothing is told: {name} must " in logged
    assert "secret" not in logged
    world.variables = right
    world.tick()
    assert len(receiver.posted) == 1


def test_without_channels_the_log_has_it(
    world: World, make_record, broken, capfd: pytest.CaptureFixture[str]
) -> None:
    """An installation without a chat has no trace of its failures."""
    del broken, world.variables["WEBLOGS_ALERT_WEBHOOK"]
    hour = world.platform.fresh_hour()
    world.platform.deliver(hour, "a", [make_record()])
    run_id = world.load(hour)
    capfd.readouterr()
    world.tick()
    logged = capfd.readouterr().err
    assert f"[{URL}/runs/{run_id}]" in logged
    assert world.tick() == "no run ended"


def test_bounds_fit_the_minute_that_a_tick_has() -> None:
    """Two channels and the warehouse all hang, and Dagster gives up on the tick, its cursor lost."""
    assert 3 * sensor_module.STORE_SECS + 2 * sensor_module.SENDING_SECS < 60
    assert channels.TIMEOUT_SECS < sensor_module.SENDING_SECS


def test_the_sensor_runs_by_default() -> None:
    """Failures notify only after somebody has found the switch."""
    assert alert_sensor(STREAMS).default_status is dg.DefaultSensorStatus.RUNNING
