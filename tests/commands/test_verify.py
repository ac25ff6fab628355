"""`weblogs verify` on the embedded stack: it says what is wrong, what to do, and doing that helps."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from tests.pipeline.child import lake_of
from tests.pipeline.records import encoded, web_log
from weblogs_platform.cli import weblogs
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.commands.findings import Finding, is_well
from weblogs_platform.commands.verify import QUERIES, Scope, hour_of_file, look, verify
from weblogs_platform.core.alerts import Trouble
from weblogs_platform.core.errors import StatementRefused
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.kpis import TABLES
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack
from weblogs_platform.local.traffic.batch import BatchPlan, generate_batch
from weblogs_platform.local.traffic.batch_rows import BatchShares
from weblogs_platform.local.traffic.faults import FaultShares
from weblogs_platform.local.traffic.history import PRODUCERS, TrafficPlan, generate_history
from weblogs_platform.local.traffic.shop import Shop
from weblogs_platform.pipeline import provision
from weblogs_platform.pipeline.alerts import write_alerts
from weblogs_platform.pipeline.findings import Finding as FoundObject
from weblogs_platform.pipeline.findings import Look, record_look
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.load import load_hour
from weblogs_platform.pipeline.refresh import refresh, stale_periods
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.settings import Settings
from weblogs_platform.streams import STREAMS, WEB_LOGS, stream_named

FIRST = LandingHour.from_argument("2025-07-20T10")
HOURS = 2
END = FIRST.plus(HOURS)
NOW = END.start + timedelta(minutes=20)
DAYS = datetime(2025, 7, 18, tzinfo=UTC), datetime(2025, 7, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """An embedded stack of its own: nobody else leaves anything wrong in it."""

    variables: dict[str, str]
    lake: Lake
    warehouse: Warehouse
    endpoints: Endpoints

    def deliver(self, key: str, body: bytes) -> None:
        self.endpoints.s3("delivery").put_object(Bucket=self.endpoints.bucket, Key=key, Body=body)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(verify, arguments, env=self.variables)

    def findings(self, scope: Scope | None = None) -> list[Finding]:
        return look(self.warehouse, scope or Scope(), now=NOW)

    def load(self, spec: StreamSpec, hour: LandingHour) -> None:
        validate_hour(self.lake, spec, hour)
        load_hour(self.lake, self.warehouse, spec, hour, run_id="test")

    def forget(self, finding: Finding) -> None:
        """The first command of what the finding says to do."""
        [arguments, *_] = re.findall("`weblogs ([^`]*)`", finding.todo or "")
        assert arguments.startswith("forget ")
        result = CliRunner().invoke(weblogs, arguments.split(), env=self.variables)
        assert result.exit_code == 0, result.output

    def compute(self) -> None:
        """Refreshes whatever is stale, in the order of the declarations."""
        for table in TABLES:
            for start in stale_periods(self.warehouse, table, first=DAYS[0], end=DAYS[1]):
                refresh(self.warehouse, table, start, start + table.step, run_id="test")

    def do(self, *statements: str) -> None:
        with self.warehouse.transaction() as tx:
            for statement in statements:
                tx.execute(statement)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The stack before `weblogs init`, with files that have landed."""
    home = tmp_path_factory.mktemp("verify home", numbered=True)
    with Stack(home).running(dagster=False) as endpoints:
        variables = {**endpoints.platform_variables(), "WEBLOGS_HOME": str(home)}
        settings = Settings.from_env(variables)
        place = Place(variables, lake_of(settings), warehouse_of(settings), endpoints)
        for item in _traffic():
            place.deliver(item.key, item.body)
        yield place


def _traffic():
    for name in PRODUCERS:
        shares = FaultShares(null=0.05, duplicate=0.02)
        plan = TrafficPlan(stream=stream_named(name), rate=400, shares=shares)
        yield from generate_history(plan, FIRST, HOURS)
    shop = Shop(products=10, stores=3, warehouses=2)
    shares = BatchShares(null=0.05, duplicate=0.05)
    yield from generate_batch(BatchPlan(shop=shop, pos_every_hours=1, shares=shares), FIRST, HOURS)


@pytest.fixture(scope="module")
def empty(bare: Place) -> Place:
    provision.initialise(bare.lake, bare.warehouse)
    return bare


@pytest.fixture(scope="module")
def loaded(empty: Place) -> Place:
    for spec in STREAMS:
        for hour in FIRST.until(END):
            empty.load(spec, hour)
    return empty


@pytest.fixture
def well(loaded: Place) -> Place:
    """Everything loaded and computed; whoever breaks something mends it."""
    loaded.compute()
    assert is_well(loaded.findings())
    return loaded


def problems(findings: list[Finding]) -> list[str]:
    return [finding.says for finding in findings if finding.level == "problem"]


def test_before_init_it_says_what_to_run(bare: Place) -> None:
    """A traceback, or a page of refused queries, instead of the one thing to do."""
    result = bare.run()
    assert result.exit_code == 1, result.output
    assert "tables are missing: shopware_ops.load_history" in result.output
    assert " more\n" in result.output
    assert "weblogs init" in result.output
    assert result.output.count("problem") == 2, "the finding and the sum"


def test_an_empty_warehouse_is_well(empty: Place) -> None:
    """A new installation is reported as broken."""
    result = empty.run()
    assert result.exit_code == 0, result.output
    assert all(f"{spec.name}: nothing is loaded" in result.output for spec in STREAMS)
    assert result.output.endswith("All is well.\n")


def test_what_was_loaded_makes_kpis_stale_until_they_are_computed(loaded: Place) -> None:
    """Figures that lack what was loaded last count as right."""
    result = loaded.run("--to", "2025-07-21")
    assert result.exit_code == 1, result.output
    assert "`weblogs refresh` does it now" in result.output
    for name in ("pos_daily", "inventory_daily", "web_session", "support_kpi_daily"):
        assert f"{name}: 1 day to be computed again: 2025-07-20" in result.output
    loaded.compute()
    result = loaded.run("--to", "2025-07-21")
    assert result.exit_code == 0, result.output
    assert "records of 2 hours = " in result.output
    assert "sales, day, store and product totals agree" in result.output


def test_new_data_are_fresh_and_old_ones_are_not(well: Place) -> None:
    """Nobody hears that nothing comes any more; or an old window is called late."""
    late = look(well.warehouse, Scope(), now=NOW + timedelta(hours=4))
    assert any("web_logs: nothing newer than 2025-07-20 11:00 is loaded" in says for says in problems(late))
    assert not problems(look(well.warehouse, Scope(end=END), now=NOW + timedelta(days=300)))


def test_a_row_deleted_by_hand_is_found_and_the_advice_mends_it(well: Place) -> None:
    """A row less goes unnoticed, or what it says to do does not help."""
    where = f"landing_hour = '{FIRST.sql}'"
    well.do(
        f"DELETE FROM shopware_stream.web_logs_stream WHERE {where} AND session_id = "
        f"(SELECT MIN(session_id) FROM shopware_stream.web_logs_stream WHERE {where})"
    )
    findings = well.findings()
    [finding] = [f for f in findings if f.level == "problem"]
    assert finding.says.startswith("web_logs, 2025-07-20 10:00: the table has ")
    assert "`weblogs load --stream web_logs --from 2025-07-20T10 --to 2025-07-20T11`" in finding.todo
    well.forget(finding)
    well.load(WEB_LOGS, FIRST)
    well.compute()
    assert is_well(well.findings())


def test_what_copy_refused_is_settled_when_its_hour_is_loaded(well: Place) -> None:
    """A copy of an object that was rewritten since is never loaded, and stays a problem for a week."""
    key = f"validated/web_logs/{FIRST.path}/part-{'0' * 20}.json"
    well.lake.put(key, b"{")
    with pytest.raises(StatementRefused), well.warehouse.transaction() as tx:
        tx.execute(
            f"COPY shopware_stream.web_logs_stream FROM '{well.lake.url(key)}' IAM_ROLE "
            f"'{well.warehouse.copy_role_arn}' FORMAT AS JSON 'auto'"
        )
    [says] = problems(well.findings())
    assert "is not loaded" in says
    well.deliver(
        WEB_LOGS.landing_hour_prefix(FIRST) + "rewritten",
        encoded(web_log(77, timestamp=FIRST.start.timestamp())),
    )
    well.load(WEB_LOGS, FIRST)
    well.compute()
    assert is_well(well.findings())


def test_what_copy_refused_of_a_replay_is_settled_by_its_receipts(well: Place) -> None:
    """The records of a replay count as loaded because their hour was, which they are not of."""
    key = f"validated/web_logs/{FIRST.path}/replay-{'0' * 20}.json.zst"
    receipt = (
        "INSERT INTO shopware_ops.quarantine_receipts (stream, landing_hour, object_key, etag, byte_offset, outcome, rules, "
        f"load_key) VALUES ('web_logs', '2031-01-01', 'k', 'e', 0, 'replayed', 'r', '{key}')"
    )
    asked = {"load_key": key, "stream": "", "landing_hour": FIRST.sql, "since": "2025-01-01 00:00:00"}
    assert hour_of_file(key)[0] == ""
    assert hour_of_file(WEB_LOGS.landing_hour_prefix(FIRST) + "x") == ("web_logs", FIRST)
    statement = (QUERIES / "loaded_after.sql").read_text(encoding="utf-8")

    def settled() -> int:
        with well.warehouse.transaction() as tx:
            [(objects,)] = tx.fetch_all(statement, asked)
        return int(objects)

    assert settled() == 0
    well.do(receipt)
    assert settled() == 1
    well.do("DELETE FROM shopware_ops.quarantine_receipts WHERE landing_hour = '2031-01-01'")


def test_a_missing_line_of_the_ledger_is_found_and_the_advice_mends_it(well: Place) -> None:
    """Rows that the ledger does not know are loaded a second time one day."""
    pos = stream_named("pos")
    well.do(f"DELETE FROM shopware_ops.load_history WHERE stream = 'pos' AND landing_hour = '{FIRST.sql}'")
    [finding] = [f for f in well.findings() if f.level == "problem"]
    assert finding.says.startswith("pos, 2025-07-20 10:00: the table has ")
    assert finding.says.endswith("the ledger does not know the hour")
    well.forget(finding)
    well.load(pos, FIRST)
    well.compute()
    assert is_well(well.findings())


def test_a_ledger_that_does_not_add_up_is_found(well: Place) -> None:
    """Records get lost between what landed and what was loaded."""
    line = f"stream = 'inventory' AND landing_hour = '{FIRST.sql}'"
    well.do(f"UPDATE shopware_ops.load_history SET records = records + 1 WHERE {line}")
    [says] = problems(well.findings())
    assert says.startswith("inventory, 2025-07-20 10:00: ")
    well.do(f"UPDATE shopware_ops.load_history SET records = records - 1 WHERE {line}")
    assert is_well(well.findings())


def test_a_kpi_changed_by_hand_is_found_and_the_advice_mends_it(well: Place) -> None:
    """The stores' revenue is not that of the day, by a cent."""
    well.do(
        "UPDATE shopware_kpis.regional_kpi_daily SET store_daily_revenue = store_daily_revenue + 0.01 "
        "WHERE analysis_date = '2025-07-20' AND store_id = 1"
    )
    [finding] = [f for f in well.findings() if f.level == "problem"]
    assert finding.says.startswith("2025-07-20: the sales sum up to ")
    assert "`weblogs refresh --from 2025-07-20 --to 2025-07-21`" in finding.todo
    day = datetime(2025, 7, 20, tzinfo=UTC)
    for table in TABLES:
        refresh(well.warehouse, table, day, day + timedelta(days=1), run_id="test")
    assert is_well(well.findings())


def test_part_of_a_day_is_reconciled_as_the_whole_day(well: Place) -> None:
    """A window of hours calls the figures of its day wrong."""
    assert not problems(well.findings(Scope(first=FIRST, end=FIRST.plus(1))))


def test_a_file_that_copy_refused_is_named_until_it_is_loaded(well: Place) -> None:
    """What COPY refused is forgotten; or said for a week after it was loaded."""
    key = "validated/web_logs/refused.json"
    well.lake.put(key, b'{"a": "many"}')
    copy = (
        f"COPY refused FROM '{well.lake.url(key)}' IAM_ROLE '{well.warehouse.copy_role_arn}' "
        f"FORMAT AS JSON 'auto' REGION '{well.warehouse.region}'"
    )
    with pytest.raises(StatementRefused):
        well.do("CREATE TEMP TABLE refused (a INTEGER)", copy)
    [says] = problems(well.findings())
    assert says.startswith(f"COPY refused 1 row of {well.lake.url(key)} at ")
    assert "many" not in says
    line = f"stream = 'web_logs' AND landing_hour = '{FIRST.sql}'"
    well.do(f"UPDATE shopware_ops.load_history SET load_key = '{key}', loaded_at = GETDATE() WHERE {line}")
    findings = well.findings()
    assert is_well(findings)
    assert any("all were loaded since" in finding.says for finding in findings)


def test_an_hour_that_two_looks_found_is_named_until_it_is_loaded(well: Place) -> None:
    """What is held back or stuck passes for well, since all that is loaded adds up."""
    [landed, *_] = list_hour(well.lake, WEB_LOGS, FIRST)
    body = well.lake.get(landed.key)
    well.deliver(f"{WEB_LOGS.landing_prefix}/{END.path}/late", body)
    [found] = [FoundObject(END, new, "new") for new in list_hour(well.lake, WEB_LOGS, END)]
    for minutes, level in ((7, "note"), (67, "problem")):
        at = END.start + timedelta(minutes=minutes)
        record_look(well.warehouse, WEB_LOGS, Look(at, [END.start.date()], 1, [found], "said"))
        [finding] = [f for f in well.findings() if f.check == "landed_not_loaded"]
        assert finding.level == level
    assert finding.says.startswith("web_logs, 2025-07-20 12:00: 1 object landed and not loaded")
    assert not [f for f in well.findings(Scope(end=END)) if f.check == "landed_not_loaded"]
    well.load(WEB_LOGS, END)
    well.compute()
    assert is_well(well.findings())


def test_an_event_of_a_clock_that_is_ahead_is_not_stale_before_its_hour(well: Place) -> None:
    """It says to refresh a period that nothing can refresh yet, for a day."""
    ahead, hour = NOW + timedelta(hours=20), END.plus(1)
    record = web_log(1, session_id="ahead", timestamp=ahead.timestamp())
    well.deliver(f"{WEB_LOGS.landing_prefix}/{hour.path}/ahead", encoded(record))
    well.load(WEB_LOGS, hour)
    assert is_well(well.findings())
    later = look(well.warehouse, Scope(), now=ahead + timedelta(hours=1))
    assert any("web_session: 1 day to be computed again: 2025-07-21" in says for says in problems(later))
    well.compute()


def test_what_failed_in_dagster_is_named(well: Place) -> None:
    """A run fails all night, and who asks whether all is well is not told."""
    trouble = Trouble("run", "load_pos", "2025-07-20-10:00", "Terminal: no", "r", 1, NOW, NOW)
    write_alerts(well.warehouse, [trouble])
    findings = well.findings()
    assert is_well(findings)
    assert [f.says for f in findings if f.check == "open_alerts"] == [
        "run of load_pos 2025-07-20-10:00: Terminal: no"
    ]
    assert not [f for f in well.findings(Scope(end=END)) if f.check == "open_alerts"]
    write_alerts(well.warehouse, [replace(trouble, well_at=NOW)])
    assert not [f for f in well.findings() if f.check == "open_alerts"]


def test_one_stream_alone(well: Place) -> None:
    """The other streams' hours and KPIs are judged too, or this one's KPIs are not."""
    result = well.run("--stream", "customer_interactions", "--to", "2025-07-21", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    assert document["well"] is True
    said = [finding["says"] for finding in document["findings"]]
    assert "3 derived tables up to date" in said, "interactions by hour, support, and marketing"
    assert not any(says.startswith(("web_logs", "pos", "sales")) for says in said)


def test_with_the_warehouse_down_it_cannot_tell(well: Place) -> None:
    """An outage looks like broken data, or like none."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        variables = {**well.variables, "REDSHIFT_PORT": str(unused.getsockname()[1])}
        result = CliRunner().invoke(verify, [], env=variables)
        as_json = CliRunner().invoke(verify, ["--json"], env=variables)
    assert (result.exit_code, as_json.exit_code) == (2, 2)
    assert "Cannot tell: Redshift does not answer" in result.output
    assert "weblogs up" in result.output
    assert json.loads(as_json.output)["well"] is None


def test_without_settings_it_cannot_tell(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell without the stack's variables gets a traceback, or `all is well`."""
    for name in (
        "WEBLOGS_BUCKET",
        "REDSHIFT_HOST",
        "REDSHIFT_USER",
        "REDSHIFT_PASSWORD",
        "WEBLOGS_COPY_ROLE",
    ):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(verify, [], env={"WEBLOGS_HOME": str(tmp_path)})
    assert result.exit_code == 2
    assert "Cannot tell: " in result.output


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    """Nothing is looked at, and all is well."""
    result = CliRunner().invoke(verify, ["--from", "2025-07-20T10", "--to", "2025-07-20T10"])
    assert result.exit_code == 2
    assert "is not after" in result.output
