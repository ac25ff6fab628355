"""deploy/dagster/production: PostgreSQL, and each process by itself. Runs queue, are cancelled, and outlive the daemon;
procedures of docs/OPERATIONS.md are carried out on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from assets.keys import job_name
from resources import LakeResource, RedshiftResource
from tests.browser.dagster_api import wait_for
from tests.browser.shop import Shop
from tests.deploy.postgres import postgres, programs
from tests.deploy.processes import Deployment
from weblogs_platform.commands.doctor_dagster import look_at_dagster
from weblogs_platform.commands.findings import Finding
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.statements import LockLoads
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline.provision import initialise
from weblogs_platform.streams import WEB_LOGS

LATER_TABLES = ("schema_migrations", "alerts", "reconcile_findings", "reconcile_looks")
"""What a warehouse of before migrations does not have."""

_LAUNCH = """mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_CANCEL = """mutation($run: String!) { terminateRun(runId: $run) {
  __typename ... on TerminateRunFailure { message } ... on PythonError { message } } }"""

needs_postgres = pytest.mark.skipif(programs() is None, reason="no PostgreSQL: apt-get install postgresql")


@pytest.fixture(scope="module")
def deployment(warehouse_stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    variables = {**warehouse_stack.platform_variables(), "WEBLOGS_HOME": str(warehouse_stack.home)}
    initialise(LakeResource(variables=variables).lake(), RedshiftResource(variables=variables).warehouse())
    with postgres() as server:
        running = Deployment(tmp_path_factory.mktemp("dagster home"), {**variables, **server.variables()})
        try:
            running.start()
            running.stop_sensors(but="watch_web_logs")
            yield running
        finally:
            running.stop()


@pytest.fixture
def shop(warehouse_stack: Endpoints) -> Shop:
    return Shop(warehouse_stack)


@contextmanager
def loads_held(endpoints: Endpoints) -> Iterator[None]:
    """Every load waits for the lock, which is held here."""
    with endpoints.connect() as connection:
        connection.cursor().execute(LockLoads().sql())
        yield
        connection.rollback()


def launch(deployment: Deployment, hour: LandingHour) -> str:
    parameters = {
        "selector": {
            "repositoryLocationName": "weblogs_platform",
            "repositoryName": "__repository__",
            "pipelineName": job_name(WEB_LOGS),
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": hour.partition_key}]},
    }
    answer = deployment.api.ask(_LAUNCH, params=parameters)["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def cancel(deployment: Deployment, run: str) -> None:
    answer = deployment.api.ask(_CANCEL, run=run)["terminateRun"]
    assert answer["__typename"] == "TerminateRunSuccess", answer


def states(deployment: Deployment, runs: list[str] | None = None) -> Counter[str]:
    """How many of these runs, or of all, are in which state."""
    return Counter(run.status for run in deployment.api.runs() if runs is None or run.id in runs)


def old_hours(days: int, count: int) -> list[LandingHour]:
    """Hours that no sensor looks at."""
    first = LandingHour.containing(datetime.now(UTC)).plus(-24 * days)
    return list(first.until(first.plus(count)))


@needs_postgres
@pytest.mark.timeout(400)
def test_runs_queue_and_outlive_the_daemon(
    deployment: Deployment, shop: Shop, warehouse_stack: Endpoints
) -> None:
    """More runs start than the limit says, a killed daemon takes its runs along, or what was queued is forgotten."""
    limit = deployment.concurrent_runs
    hours = old_hours(20, limit + 2)
    for n, hour in enumerate(hours):
        shop.deliver(hour, good=10 + n, bad=1)
    with loads_held(warehouse_stack):
        runs = [launch(deployment, hour) for hour in hours]
        wait_for(lambda: states(deployment, runs)["STARTED"] == limit, 120, "runs up to the limit")
        assert states(deployment, runs) == {"STARTED": limit, "QUEUED": 2}
        deployment.kill_daemon()
    wait_for(lambda: states(deployment, runs)["SUCCESS"] == limit, 90, "runs without a daemon")
    assert states(deployment, runs) == {"SUCCESS": limit, "QUEUED": 2}
    deployment.start_daemon()
    wait_for(lambda: states(deployment, runs)["SUCCESS"] == len(runs), 120, "what was queued")
    assert [shop.rows(hour) for hour in hours] == [10 + n for n in range(len(hours))]


@needs_postgres
@pytest.mark.timeout(300)
def test_a_cancelled_run_leaves_nothing_half_loaded(
    deployment: Deployment, shop: Shop, warehouse_stack: Endpoints
) -> None:
    """A run that is cancelled while it loads leaves rows without a ledger, or its hour locked."""
    [hour] = old_hours(40, 1)
    shop.deliver(hour, good=9)
    with loads_held(warehouse_stack):
        run = launch(deployment, hour)
        wait_for(lambda: states(deployment, [run])["STARTED"], 90, "the run")
        cancel(deployment, run)
    wait_for(lambda: states(deployment, [run])["CANCELED"], 90, "the cancelled run")
    assert shop.rows(hour) in {0, 9}  # it may have been cancelled after its commit
    again = launch(deployment, hour)
    wait_for(lambda: states(deployment, [again])["SUCCESS"], 90, "the run again")
    assert shop.rows(hour) == 9


@needs_postgres
@pytest.mark.timeout(300)
def test_doctor_is_content_with_it(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask for settings that the deployment has, or miss a daemon that beats."""
    for name, value in deployment.variables.items():
        monkeypatch.setenv(name, value)
    found: list[Finding] = []

    def every_daemon_beats() -> bool:
        found[:] = look_at_dagster(deployment.home, "aws", is_named=True)
        return found[-1].level == "ok"

    wait_for(every_daemon_beats, 90, "every daemon's first beat")
    assert [f.level for f in found] == ["ok"] * 4, found
    assert found[0].says == "Dagster's storage, PostgreSQL, answers"
    assert found[1].says == "the pool redshift has the limit 6"


@needs_postgres
@pytest.mark.timeout(400)
def test_an_upgrade_without_a_daemon_keeps_rows_and_loads_what_landed(
    deployment: Deployment, shop: Shop, warehouse_stack: Endpoints
) -> None:
    """What lands while the daemon is stopped is forgotten, or loaded twice after a load by hand; `weblogs init` of the
    new version loses rows, or leaves what `weblogs doctor` complains of."""
    now = LandingHour.containing(datetime.now(UTC))
    by_hand, later = now.plus(-3), now.plus(-2)  # the sensor looks at both
    deployment.kill_daemon()
    wait_for(lambda: not states(deployment)["STARTED"] + states(deployment)["STARTING"], 90, "idleness")
    shop.deliver(by_hand, good=7)
    shop.deliver(later, good=5)
    first, end = (f"{hour.start:%Y-%m-%dT%H}" for hour in (by_hand, later))
    deployment.weblogs("load", "--stream", "web_logs", "--from", first, "--to", end)
    with warehouse_stack.connect() as owner:
        for table in LATER_TABLES:
            owner.cursor().execute(f"DROP TABLE shopware_ops.{table}")
        owner.commit()
    assert f"problem  {len(LATER_TABLES)} of " in deployment.weblogs("doctor", status=1)
    deployment.weblogs("init")
    deployment.weblogs("doctor")
    assert (shop.rows(by_hand), shop.rows(later)) == (7, 0)
    deployment.start_daemon()
    wait_for(lambda: shop.rows(later), 120, "what landed meanwhile")
    assert (shop.rows(by_hand), shop.rows(later)) == (7, 5)
