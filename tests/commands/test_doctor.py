"""`weblogs doctor` on the embedded stack: each thing that it looks at is broken for real, and it names it."""

from __future__ import annotations

import json
import socket
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from tests.clients.failed_logins import collect_failed_logins
from tests.pipeline.child import lake_of
from weblogs_platform.clients.credentials import aws_translated
from weblogs_platform.clients.inbox import Inbox
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.commands import doctor as doctor_module
from weblogs_platform.commands import doctor_warehouse
from weblogs_platform.commands.doctor import doctor, examine
from weblogs_platform.commands.doctor_lake import OWN_PREFIXES
from weblogs_platform.commands.findings import Finding, is_well
from weblogs_platform.commands.init import init
from weblogs_platform.commands.verify import verify
from weblogs_platform.core.policies import DERIVED_PREFIXES
from weblogs_platform.dashboard.access import set_reading
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.contract import S3Credentials
from weblogs_platform.local.redshift.launch import LaunchOptions, launch
from weblogs_platform.local.roles import Role
from weblogs_platform.local.stack import Stack
from weblogs_platform.pipeline.provision import initialise
from weblogs_platform.settings import Settings


@dataclass(frozen=True)
class Place:
    """An embedded stack of its own."""

    endpoints: Endpoints
    variables: dict[str, str]
    warehouse: Warehouse

    def run(self, *arguments: str, **variables: str) -> Result:
        """The command; whatever it says, it says no secret."""
        with warnings.catch_warnings():
            # The driver's sockets of failed logins are collected whenever the collector runs.
            warnings.simplefilter("ignore", ResourceWarning)
            result = CliRunner().invoke(doctor, arguments, env={**self.variables, **variables})
            collect_failed_logins()
        for role_keys in self.endpoints.keys.values():
            assert role_keys.secret_key not in result.output
        for name in ("REDSHIFT_PASSWORD", "WEBLOGS_DASHBOARD_PASSWORD"):
            assert self.variables[name] not in result.output
        return result

    def findings(self, **variables: str) -> list[dict[str, str]]:
        return json.loads(self.run("--json", **variables).output)["findings"]

    def problems(self, **variables: str) -> list[dict[str, str]]:
        return [f for f in self.findings(**variables) if f["level"] == "problem"]

    def keys_of(self, role: Role) -> dict[str, str]:
        keys = self.endpoints.keys[role]
        return {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}

    def objects(self) -> list[str]:
        listing = self.endpoints.s3("admin").list_objects_v2(Bucket=self.endpoints.bucket)
        return [found["Key"] for found in listing.get("Contents", [])]

    def do(self, *statements: str) -> None:
        with self.warehouse.transaction() as tx:
            for statement in statements:
                tx.execute(statement)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("doctor home", numbered=True)
    with Stack(home).running(dagster=False) as endpoints:
        # An instance as `weblogs up` makes it, without its daemon.
        variables = {**endpoints.platform_variables(), "WEBLOGS_HOME": str(home), "DAGSTER_HOME": ""}
        yield Place(endpoints, variables, warehouse_of(Settings.from_env(variables)))


@pytest.fixture(scope="module")
def before_init(bare: Place) -> list[dict[str, str]]:
    """What it finds before `weblogs init`."""
    return bare.problems()


@pytest.fixture(scope="module")
def ready(bare: Place, before_init: list[dict[str, str]]) -> Place:
    """After it; whoever breaks something mends it."""
    assert before_init
    result = CliRunner().invoke(init, [], env=bare.variables)
    assert result.exit_code == 0, result.output
    return bare


def test_before_init_it_says_to_run_it(before_init: list[dict[str, str]]) -> None:
    """A new account shows a traceback."""
    assert {f["check"] for f in before_init} == {"jsonpaths", "tables", "migrations", "dashboard"}
    assert all("weblogs init" in f["todo"] for f in before_init)


def test_a_fresh_stack_is_well_and_stays_as_it_was(ready: Place) -> None:
    """What is well is called broken; probes stay, or show up as failed loads."""
    before = ready.objects()
    result = ready.run()
    assert result.exit_code == 0, result.output
    assert result.output.endswith("All is well.\n")
    [note] = [f for f in ready.findings() if f["level"] == "note"]
    assert note["says"] == "Dagster's daemon has not beaten for half an hour"
    checks = {f["check"] for f in ready.findings()}
    assert checks == {
        "settings", "s3", "clock", "landing", "own", "jsonpaths", "redshift", "rights", "migrations", "drift",
        "copy_role", "dashboard", "dagster", "disk",
    }  # fmt: skip
    assert ready.objects() == before
    assert CliRunner().invoke(verify, [], env=ready.variables).exit_code == 0


def test_it_looks_at_the_prefixes_that_the_roles_name() -> None:
    assert set(OWN_PREFIXES) == set(DERIVED_PREFIXES)


def test_settings_that_are_wrong_are_the_one_finding(ready: Place, tmp_path: Path) -> None:
    file = tmp_path / "weblogs.toml"
    file.write_text("[redshift]\nprot = 1\n")
    [found] = ready.findings(WEBLOGS_SETTINGS=str(file))
    assert found["check"] == "settings"
    assert "redshift.prot: there is no such setting" in found["says"]
    assert ready.run(WEBLOGS_SETTINGS=str(file)).exit_code == 1
    [found] = ready.problems(WEBLOGS_ALERT_WEBHOOK="h4nds")
    assert "alerts.webhook (WEBLOGS_ALERT_WEBHOOK) must start with http" in found["says"]


def test_jsonpaths_of_another_version_are_found_and_the_advice_mends_it(ready: Place) -> None:
    """COPY fills columns by the paths of an older version."""
    admin, bucket = ready.endpoints.s3("admin"), ready.endpoints.bucket
    admin.delete_object(Bucket=bucket, Key="jsonpaths/pos.json")
    admin.put_object(Bucket=bucket, Key="jsonpaths/web_logs.json", Body=b'{"jsonpaths": []}')
    [found] = ready.problems()
    assert "jsonpaths/pos.json is missing" in found["says"]
    assert "jsonpaths/web_logs.json is not that of this version" in found["says"]
    assert found["todo"] == "weblogs init"
    assert CliRunner().invoke(init, [], env=ready.variables).exit_code == 0
    assert ready.problems() == []


def test_a_right_to_write_landing_is_found_and_not_used(ready: Place) -> None:
    """The platform could change what was delivered; or the probe of it is what lands."""
    before = ready.objects()
    found = ready.problems(**ready.keys_of("admin"))
    assert [f["check"] for f in found] == ["landing"] * 4
    assert "this process may write under s3://" in found[0]["says"]
    assert "take s3:PutObject on arn:aws:s3:::" in found[0]["todo"]
    assert ready.objects() == before


def test_rights_that_are_missing_are_named_by_prefix(ready: Place) -> None:
    found = ready.problems(**ready.keys_of("copy"))
    own = next(f for f in found if f["check"] == "own" and "invalid/" in f["says"])
    assert "may not write and list and read s3://" in own["says"]
    assert "s3:PutObject and s3:GetObject on arn:aws:s3:::" in own["todo"]
    assert "s3:ListBucket on arn:aws:s3:::" in own["todo"]
    assert any(f["check"] == "landing" and "/pos/" in f["says"] for f in found)
    assert any(f["check"] == "jsonpaths" for f in found) is False


@pytest.mark.parametrize(
    ("changed", "check", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, "s3", "does not know this process's credentials"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "s3", "does not know this process's credentials"),
        ({"REDSHIFT_PASSWORD": "wrong"}, "redshift", "cannot log in to "),
        ({"REDSHIFT_DATABASE": "nowhere"}, "redshift", "cannot log in to "),
    ],
)
def test_credentials_that_are_refused(ready: Place, changed: dict[str, str], check: str, says: str) -> None:
    found = [f for f in ready.problems(**changed) if f["check"] == check]
    assert [says in f["says"] for f in found] == [True], found
    assert found[0]["todo"]


def test_a_bucket_that_is_not_there(ready: Place) -> None:
    found = ready.problems(WEBLOGS_BUCKET="no-such-bucket", **ready.keys_of("admin"))
    assert "there is no bucket no-such-bucket" in found[0]["says"]
    assert "aws s3api create-bucket --bucket no-such-bucket" in found[0]["todo"]


def test_servers_that_do_not_answer(ready: Place) -> None:
    """It hangs, or ends with a traceback at the first one."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = str(unused.getsockname()[1])
        found = ready.problems(REDSHIFT_PORT=port, AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port}")
    assert [f["check"] for f in found[:2]] == ["s3", "redshift"]
    assert "S3 does not answer: " in found[0]["says"]
    assert "Redshift does not answer: " in found[1]["says"]


def test_a_certificate_of_another_authority(ready: Place, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("")
    found = [f for f in ready.problems(REDSHIFT_SSL_CA=str(other)) if f["check"] == "redshift"]
    assert "is not trusted" in found[0]["says"]
    assert "redshift.ca_file" in found[0]["todo"]


def test_a_column_that_is_missing_is_found_and_the_advice_mends_it(ready: Place) -> None:
    """A load fails at night, because of a table that somebody altered."""
    ready.do("ALTER TABLE shopware_ops.load_history DROP COLUMN superseded_at")
    [found] = ready.problems()
    assert found["says"] == "shopware_ops.load_history has no column superseded_at"
    statement = found["todo"].splitlines()[-1]
    assert statement.startswith("ALTER TABLE shopware_ops.load_history ADD COLUMN superseded_at")
    ready.do(statement)
    assert ready.problems() == []


def test_columns_nobody_declared_of_other_types_and_in_another_order(ready: Place) -> None:
    ready.do(
        "ALTER TABLE shopware_ops.changed_hours ADD COLUMN mine INTEGER",
        "ALTER TABLE shopware_stream.web_logs_stream RENAME COLUMN page TO path",
        "ALTER TABLE shopware_stream.web_logs_stream ADD COLUMN page VARCHAR(100)",
        "ALTER TABLE shopware_kpis.sales_kpi_daily RENAME TO kept_sales_kpi_daily",
        "ALTER TABLE shopware_ops.load_lock RENAME COLUMN locked_by TO locked",
        "ALTER TABLE shopware_ops.load_lock ADD COLUMN locked_by BIGINT",
        "ALTER TABLE shopware_ops.rewritten_objects RENAME COLUMN run_id TO was",
        "ALTER TABLE shopware_ops.rewritten_objects ADD COLUMN run_id VARCHAR(64)",
        "ALTER TABLE shopware_ops.rewritten_objects DROP COLUMN was",
    )
    said = [f["says"] for f in ready.problems()]
    for expected in (
        "shopware_ops.changed_hours has a column mine that nobody declared",
        "shopware_stream.web_logs_stream has a column path that nobody declared",
        "shopware_stream.web_logs_stream has page as character varying(100), declared is character varying(255)",
        "shopware_ops.load_lock has locked_by as bigint, declared is character varying(64)",
    ):
        assert expected in said
    assert any(
        says.startswith("shopware_ops.rewritten_objects has its columns in another order") for says in said
    )
    assert any(
        says.startswith("1 of ") and "tables are missing" in says and "sales_kpi_daily" in says
        for says in said
    ), said
    ready.do(
        "ALTER TABLE shopware_ops.changed_hours DROP COLUMN mine",
        "ALTER TABLE shopware_kpis.kept_sales_kpi_daily RENAME TO sales_kpi_daily",
        "DROP TABLE shopware_stream.web_logs_stream",
        "DROP TABLE shopware_ops.load_lock",
        "DROP TABLE shopware_ops.rewritten_objects",
    )
    assert CliRunner().invoke(init, [], env=ready.variables).exit_code == 0
    assert ready.problems() == []


def test_a_migration_that_waits_is_found_and_the_advice_mends_it(ready: Place) -> None:
    ready.do("DELETE FROM shopware_ops.schema_migrations WHERE number = 3")
    [found] = ready.problems()
    assert found["says"] == "1 migrations wait: 0003_web_logs_event_at_of_old_rows"
    assert found["todo"] == "weblogs init"
    assert CliRunner().invoke(init, [], env=ready.variables).exit_code == 0
    ready.do("UPDATE shopware_ops.schema_migrations SET checksum = 'x' WHERE number = 2")
    [found] = ready.problems()
    assert "0002_customer_interactions_event_at.sql was changed after" in found["says"]
    ready.do("DELETE FROM shopware_ops.schema_migrations WHERE number = 2")
    assert CliRunner().invoke(init, [], env=ready.variables).exit_code == 0
    assert ready.problems() == []


def test_a_role_that_redshift_may_not_assume(ready: Place) -> None:
    role = "arn:aws:iam::000000000000:role/other"
    [found] = ready.problems(WEBLOGS_COPY_ROLE=role)
    assert found["check"] == "copy_role"
    assert f"COPY cannot read with the role {role}" in found["says"]
    assert f"--add-iam-roles {role}" in found["todo"]


@pytest.mark.parametrize(
    ("role", "says"),
    [("admin", "COPY may read quarantined data"), ("delivery", "COPY cannot read with the role")],
)
def test_a_role_that_may_do_too_much_or_too_little(
    ready: Place, tmp_path: Path, role: Role, says: str
) -> None:
    """One wrong manifest loads what was refused; or nothing is loaded, and the first load says so."""
    endpoints, keys = ready.endpoints, ready.endpoints.keys[role]
    options = LaunchOptions(
        users={"awsuser": User("s3cret")},
        roles={endpoints.copy_role: S3Credentials(keys.access_key, keys.secret_key)},
        s3_endpoint=endpoints.s3_url,
        s3_region=endpoints.region,
    )
    with launch(tmp_path, options) as server:
        changed = {
            "REDSHIFT_PORT": str(server.port),
            "REDSHIFT_SSL_CA": str(server.authority),
            "REDSHIFT_USER": "awsuser",
            "REDSHIFT_PASSWORD": "s3cret",
        }
        settings = Settings.from_env({**ready.variables, **changed})
        initialise(lake_of(settings), warehouse_of(settings))
        [found] = [f for f in ready.problems(**changed) if f["check"] == "copy_role"]
    assert says in found["says"]


def test_rights_in_the_warehouse_that_are_missing(ready: Place) -> None:
    """The dashboards' user is given to the platform."""
    user = ready.variables["WEBLOGS_DASHBOARD_USER"]
    password = ready.variables["WEBLOGS_DASHBOARD_PASSWORD"]
    found = ready.problems(REDSHIFT_USER=user, REDSHIFT_PASSWORD=password)
    ledger = next(f for f in found if f["check"] == "rights" and "load_history" in f["says"])
    assert f"{user} lacks INSERT, UPDATE, DELETE on shopware_ops.load_history" in ledger["says"]
    assert f"GRANT INSERT, UPDATE, DELETE ON TABLE shopware_ops.load_history TO {user}" in ledger["todo"]


def test_a_load_that_runs_is_no_problem(ready: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor waits for a load of an hour; or calls its locks missing rights."""
    monkeypatch.setattr(doctor_warehouse, "PATIENCE_MS", 300)
    with ready.warehouse.transaction() as tx:
        tx.execute("LOCK shopware_ops.load_lock")
        found = ready.findings()
    assert not [f for f in found if f["level"] == "problem"]
    [note] = [f for f in found if f["level"] == "note" and f["check"] == "rights"]
    assert "rights on shopware_ops.load_lock cannot be told" in note["says"]


def test_dagsters_instance_is_that_of_dagster_home(ready: Place, tmp_path: Path) -> None:
    [found] = ready.problems(DAGSTER_HOME=str(tmp_path))
    assert (found["check"], found["says"]) == ("dagster", f"there is no {tmp_path}/dagster.yaml")


def test_a_dashboards_user_who_may_write(ready: Place) -> None:
    [found] = ready.problems(
        WEBLOGS_DASHBOARD_USER=ready.variables["REDSHIFT_USER"],
        WEBLOGS_DASHBOARD_PASSWORD=ready.variables["REDSHIFT_PASSWORD"],
    )
    assert "may write" in found["says"]


def test_a_secret_that_is_the_dashboards_own(
    ready: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform may not open it, on purpose: doctor would never be content, and its advice would not help."""

    def log_in(login: Any) -> Any:
        answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        with aws_translated(f"the secret {login.password_secret}"):
            raise ClientError(answer, "GetSecretValue")

    code, arn = "AccessDeniedException", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:dashboard"
    monkeypatch.setattr(doctor_warehouse, "log_in", log_in)
    monkeypatch.setenv("WEBLOGS_DASHBOARD_PASSWORD_SECRET", arn)
    _use(monkeypatch, {k: v for k, v in ready.variables.items() if k != "WEBLOGS_DASHBOARD_PASSWORD"})
    monkeypatch.delenv("WEBLOGS_DASHBOARD_PASSWORD", raising=False)
    monkeypatch.setenv("WEBLOGS_HOME", str(tmp_path))  # whose platform.env has the password
    [note] = doctor_module.examine_dashboard()
    assert (note.level, "weblogs doctor --dashboard" in note.todo) == ("note", True)
    code = "ResourceNotFoundException"
    [missing] = doctor_module.examine_dashboard()
    assert (missing.level, arn in missing.says) == ("problem", True)


def test_the_dashboards_process_looks_at_its_user_alone(ready: Place) -> None:
    """Its role may do nothing else, and all of that would be called broken."""
    result = CliRunner().invoke(doctor, ["--dashboard", "--json"], env=ready.variables)
    assert result.exit_code == 0, result.output
    [finding] = json.loads(result.output)["findings"]
    assert "may read every table, and not write" in finding["says"]


def test_what_the_role_of_copy_may_not_read_of_landing() -> None:
    """The first load of an object without bad records fails."""
    tried = [
        ("firehose/web", "S3ServiceException:Access Denied,Status 403"),
        ("pos", "the key does not exist"),
        ("inventory", None),
    ]
    assert doctor_warehouse._unreadable(tried) == ["firehose/web/"]


def test_a_right_is_granted_in_words_that_redshift_takes() -> None:
    assert [doctor_warehouse._written_name(n) for n in ("weblogs", "IAMR:weblogs", 'a"b')] == [
        "weblogs",
        '"IAMR:weblogs"',
        '"a""b"',
    ]


@pytest.mark.parametrize(("dead_letters", "level"), [(True, "ok"), (False, "note"), (None, "problem")])
def test_the_queue_of_notifications(dead_letters: bool | None, level: str) -> None:
    """A queue that nobody may read is found by a sensor's skipped ticks, if by anyone."""

    class Client:
        def get_queue_attributes(self, **_: Any) -> Any:
            if dead_letters is None:
                raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetQueueAttributes")
            policy = {"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:1:dead"}'}
            return {"Attributes": policy if dead_letters else {}}

        def get_queue_url(self, **_: Any) -> Any:
            return {"QueueUrl": "https://sqs/dead"}

    [found] = doctor_module.look_at_queue(Inbox(Client(), "https://sqs/landed"))
    assert (found.check, found.level) == ("queue", level)
    assert list(doctor_module.look_at_queue(None)) == []


def test_a_dashboards_user_who_may_read_more_than_the_choice(ready: Place) -> None:
    """`dashboard.reads` says KPI tables only, and what was granted before is still open; or doctor wants it open."""
    warehouse, user = ready.warehouse, ready.variables["WEBLOGS_DASHBOARD_USER"]
    [found] = ready.problems(WEBLOGS_DASHBOARD_READS="kpis")
    assert (
        "may read shopware_stream, shopware_processed, shopware_ops, and dashboard.reads is kpis"
        in found["says"]
    )
    try:
        set_reading(warehouse, user, "kpis")
        assert ready.problems(WEBLOGS_DASHBOARD_READS="kpis") == []
        [found] = ready.problems(WEBLOGS_DASHBOARD_READS="everything")
        assert "cannot read" in found["says"]
        assert "weblogs init" in found["todo"]
    finally:
        set_reading(warehouse, user, "everything")


@pytest.mark.parametrize(("minutes", "direction"), [(10, "ahead of"), (-10, "behind")])
def test_a_clock_that_is_wrong(
    ready: Place, monkeypatch: pytest.MonkeyPatch, minutes: int, direction: str
) -> None:
    """Hours are called late, or asked for too early; at 15 minutes S3 refuses everything."""
    _use(monkeypatch, ready.variables)
    found = _problems(examine(clock=lambda: datetime.now(UTC) + timedelta(minutes=minutes)))
    assert [f.check for f in found] == ["clock", "clock"]
    assert f"s {direction} that of S3" in found[0].says
    assert f"s {direction} that of Redshift" in found[1].says
    assert "timedatectl" in found[0].todo


def test_a_disk_that_is_full(ready: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_module, "ENOUGH_BYTES", 1 << 60)
    [found] = ready.problems()
    assert " MiB are free in " in found["says"]


def test_a_probe_that_cannot_be_deleted_is_named(ready: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role without s3:DeleteObject, which the platform does not need, is called broken, or objects stay unsaid."""
    _use(monkeypatch, ready.variables)
    _refuse_deletions(monkeypatch)
    found = examine()
    assert is_well(found)
    notes = [f for f in found if f.level == "note" and f.check == "own"]
    assert len(notes) == len(OWN_PREFIXES)
    left = [key for key in ready.objects() if "/doctor/" in key]
    assert all(any(key in note.todo for note in notes) for key in left if key.endswith(".txt"))
    for key in left:
        ready.endpoints.s3("admin").delete_object(Bucket=ready.endpoints.bucket, Key=key)


def _refuse_deletions(monkeypatch: pytest.MonkeyPatch) -> None:
    from resources.lake import BoundedS3Resource

    make = BoundedS3Resource.get_client

    def without(self: BoundedS3Resource) -> Any:
        client = make(self)
        # Answered in S3's stead: none of the stack's roles may write without deleting.
        client.meta.events.register("before-send.s3.DeleteObject", _refused)
        return client

    monkeypatch.setattr(BoundedS3Resource, "get_client", without)


def _refused(request: Any, **_: object) -> Any:
    from botocore.awsrequest import AWSResponse, HTTPHeaders

    body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

    class Raw:
        def stream(self, *_: object, **__: object) -> Iterator[bytes]:
            yield body

    return AWSResponse(request.url, 403, HTTPHeaders(), Raw())


def _use(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def _problems(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.level == "problem"]
