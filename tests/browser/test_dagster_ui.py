"""The platform in Dagster's UI, as a data team sees and steers it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.dagster_api import RUN_SECS, DagsterApi, Run, wait_for
from tests.browser.dagster_pages import DagsterPages
from tests.browser.shop import Shop
from tests.policies.planted import files_with_secret, hostile_objects
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.streams import STREAMS, WEB_LOGS

TABLE = f"{WEB_LOGS.schema}/{WEB_LOGS.table}"
DAY = 24
HOSTILE_NAME = "<img src=x onerror=alert(1)>[x](javascript:alert(1))"


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_the_graph_of_a_stream_shows_its_assets(pages: DagsterPages, spec: StreamSpec):
    """Fails when an asset loses its group, its edge to the next one, or the kind that names its step."""
    pages.open_group(spec.name, spec.table)
    expect(pages.page.get_by_text(spec.name, exact=True)).not_to_have_count(0)
    for step in ("landing", "validated", "quarantine", "manifest", "Redshift", "events"):
        expect(pages.page.get_by_text(step, exact=True)).to_have_count(1)
    expect(pages.page.get_by_text("Asset checks")).to_have_count(6)


def test_an_hour_is_materialized_by_clicking(
    pages: DagsterPages, api: DagsterApi, shop: Shop, now: LandingHour
):
    """Fails when the UI cannot start a partition, or hides what became of it: checks, records, quarantine."""
    hour = now.plus(-20 * DAY)  # older than what the sensor looks at
    shop.deliver(hour, good=40, bad=2)
    pages.open_group(WEB_LOGS.name, WEB_LOGS.table)
    pages.materialize(hour.partition_key)
    api.finished_run(partition=hour.partition_key)
    assert shop.rows(hour) == 40

    pages.open_partition("validated/web_logs", hour.partition_key)
    expect(pages.metadata("records")).to_contain_text("42")
    expect(pages.metadata("quarantined: null_required:event_type")).to_contain_text("2")
    pages.open_partition(TABLE, hour.partition_key)
    expect(pages.metadata("loaded")).to_contain_text("40")

    pages.open_check("validated/web_logs", "required_fields_not_null")
    expect(pages.page.get_by_text("null or missing: event_type in 2 of 42 records (4.8%)")).to_be_visible()
    expect(pages.page.get_by_text(hour.partition_key).first).to_be_visible()
    pages.open_check(TABLE, "conservation")
    expect(
        pages.page.get_by_text("42 = 40 loaded + 0 replayed + 2 in quarantine + 0 dropped + 0 discarded")
    ).to_be_visible()
    expect(pages.page.get_by_text("Passed").first).to_be_visible()


def test_a_landed_object_loads_without_a_click(
    pages: DagsterPages, api: DagsterApi, shop: Shop, now: LandingHour
):
    """Fails when the sensor is off by default, or does not see what Firehose delivers."""
    shop.deliver(now, good=7)
    run = api.finished_run(partition=now.partition_key)
    assert run.tags["dagster/sensor_name"] == f"watch_{WEB_LOGS.name}"
    assert shop.rows(now) == 7
    pages.open_automation()
    for spec in STREAMS:
        expect(pages.page.get_by_text(f"watch_{spec.name}")).to_be_visible()
        expect(pages.page.get_by_text(f"reconcile_{spec.name}")).to_be_visible()


def test_what_the_daemon_and_its_runs_write_tells_no_value(
    pages: DagsterPages, api: DagsterApi, shop: Shop, now: LandingHour, endpoints: Endpoints
):
    """A customer's message is in the log of `dagster dev`, in its event log, or in what a run printed."""
    hour = now.plus(-2)
    for name, body in hostile_objects():
        shop.deliver_bytes(hour, name, body)

    def ended() -> list[Run]:
        return [run for run in api.runs(partition=hour.partition_key) if run.status in {"SUCCESS", "FAILURE"}]

    wait_for(ended, RUN_SECS, "a run over the planted records")
    pages.open_partition("validated/web_logs", hour.partition_key)
    expect(pages.metadata("records")).to_contain_text("8")
    assert (endpoints.home / "logs" / "dagster.log").is_file()
    for folder in ("logs", "dagster", "run"):
        assert files_with_secret(endpoints.home / folder) == []


REPLAY = """ops:
  replay_records:
    config:
      stream: web_logs
      first: {first}
      end: {end}
      repair: user_id_spelling
      who: the data team
"""


def load(api: DagsterApi, hour: LandingHour) -> Run:
    """A run over an hour, started without a click, once it ended."""
    steps = ["landing", "validated", "manifest", "event_hours", "quarantine"]
    assets = [*([step, "web_logs"] for step in steps), TABLE.split("/")]
    backfill = api.launch_backfill(assets, [hour.partition_key])
    return wait_for(
        lambda: next((r for r in api.runs(backfill=backfill) if r.ended), None), RUN_SECS, "the run"
    )


@pytest.mark.timeout(600)  # two runs, each started by the daemon
def test_a_replay_is_launched_with_its_parameters(
    pages: DagsterPages, api: DagsterApi, shop: Shop, now: LandingHour
):
    """Fails when the launchpad refuses what the job asks for, or the job does other than it says."""
    hour = now.plus(-22 * DAY)
    shop.deliver_misspelt(hour, 3)
    load(api, hour)
    assert shop.rows(hour) == 3
    first, end = (f"{h.start:%Y-%m-%dT%H}" for h in (hour, hour.plus(1)))
    pages.launch_job("replay", REPLAY.format(first=first, end=end))

    def ended() -> str | None:
        return next((r.status for r in api.runs() if r.job == "replay" and r.ended), None)

    assert wait_for(ended, RUN_SECS, "the replay") == "SUCCESS"
    assert shop.rows(hour) == 6
    pages.open_partition("quarantine/web_logs", hour.partition_key, shown="replayed")
    expect(pages.metadata("replayed")).to_contain_text("3")
    expect(pages.metadata("open")).to_contain_text("0")


def test_hostile_names_are_text(pages: DagsterPages, api: DagsterApi, shop: Shop, now: LandingHour):
    """Fails when the name of an object, which anybody may choose who delivers, is markup or a script in the UI."""
    hour = now.plus(-23 * DAY)
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    pages.page.on("dialog", dismiss)
    shop.deliver(hour, good=3, bad=4, name=HOSTILE_NAME)
    run = load(api, hour)
    for asset in ("landing/web_logs", "validated/web_logs"):
        pages.open_partition(asset, hour.partition_key)
        expect(pages.page.get_by_text(HOSTILE_NAME).first).to_be_visible()
    pages.page.goto(f"{pages.url}/runs/{run.id}")
    expect(pages.page.get_by_text("invalid_share_within_threshold").first).to_be_visible()
    pages.open_check("validated/web_logs", "invalid_share_within_threshold")
    expect(pages.page.get_by_text("4 of 7 records (57.1%) are invalid").first).to_be_visible()
    expect(pages.page.locator("img[src=x]")).to_have_count(0)
    expect(pages.page.locator("a[href^='javascript:']")).to_have_count(0)
    assert dialogs == []


@pytest.mark.timeout(600)
def test_a_day_is_launched_from_landing_to_every_team(
    pages: DagsterPages, api: DagsterApi, shop: Shop, now: LandingHour
):
    """Fails when the graph cannot be launched as one: sources with other partitions, or tables that do not follow
    the hours that they are computed from, or copies of which Dagster makes one run with the load, which skips them."""
    day = LandingHour(now.plus(-30 * DAY).start.replace(hour=0))
    hours = [day.plus(9), day.plus(10)]
    for hour in hours:
        shop.deliver(hour, good=5, bad=1)
    pages.open_lineage()
    for group in ("pos", "inventory", "sales", "operations", "marketing", "support"):
        expect(pages.page.get_by_text(group, exact=True)).not_to_have_count(0)
    backfill = api.launch_backfill(api.assets(), [hour.partition_key for hour in hours])

    def ended() -> bool:
        return api.backfill(backfill)["status"].startswith("COMPLETED")

    wait_for(ended, 560, "the backfill")
    state = api.backfill(backfill)
    assert state["status"] == "COMPLETED_SUCCESS"
    statuses = state["assetBackfillData"]["assetBackfillStatuses"]
    counts = {tuple(c["assetKey"]["path"]): c for c in statuses if "assetKey" in c}  # those with partitions
    assert counts["shopware_stream", "web_logs_stream"]["numPartitionsMaterialized"] == 2
    assert counts["lakehouse", "web_logs"]["numPartitionsMaterialized"] == 2
    assert counts["shopware_kpis", "marketing_kpi_daily"]["numPartitionsMaterialized"] == 1
    assert counts["shopware_kpis", "sales_kpi_daily"]["numPartitionsMaterialized"] == 1
    assert all(c["numPartitionsFailed"] == 0 for c in counts.values())
    assert shop.events_of_sessions(day) == 10


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_backfill_of_240_hours_runs_in_chunks_of_a_day(
    api: DagsterApi, shop: Shop, now: LandingHour, record_property: Callable[[str, object], None]
):
    """Fails when a backfill starts a run for each hour (minutes of Dagster's own), or one for all of them."""
    first = LandingHour(now.plus(-40 * DAY).start.replace(hour=0))
    hours = list(first.until(first.plus(240)))
    for hour in hours:
        shop.deliver(hour, good=5, bad=1)
    steps = ["landing", "validated", "manifest", "event_hours", "quarantine"]
    assets = [*([step, "web_logs"] for step in steps), TABLE.split("/")]
    backfill = api.launch_backfill(assets, [hour.partition_key for hour in hours])

    def ended() -> dict[str, object] | None:
        state = api.backfill(backfill)
        return state if state["status"].startswith("COMPLETED") else None

    state = wait_for(ended, 1100, "the backfill")
    assert state["status"] == "COMPLETED_SUCCESS"
    runs = api.runs(backfill=backfill)
    assert len(runs) == 10
    counts = api.backfill(backfill)["assetBackfillData"]["assetBackfillStatuses"]
    assert [c["numPartitionsMaterialized"] for c in counts] == [240] * 6
    assert sum(shop.rows(hour) for hour in (hours[0], hours[100], hours[-1])) == 15
    seconds = max(r.ended or 0 for r in runs) - min(r.started or 0 for r in runs)
    record_property("backfill_secs", round(seconds, 1))
    print(f"240 hours in {len(runs)} runs: {seconds:.1f} s")
