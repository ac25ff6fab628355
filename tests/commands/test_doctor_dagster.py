"""What `weblogs doctor` finds of Dagster's instance: real ones, each broken in one way."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from weblogs_platform.commands import doctor_dagster
from weblogs_platform.commands.doctor_dagster import look_at_dagster, pools
from weblogs_platform.commands.findings import Finding
from weblogs_platform.settings import PROJECT_ROOT, dagster_home, home_folder

DEPLOY = PROJECT_ROOT / "deploy" / "dagster"
WELL = "concurrency: {pools: {default_limit: 4}}\nrun_monitoring: {enabled: true, max_runtime_seconds: 9}\n"
POSTGRES = """
storage: {{postgres: {{postgres_db: {{scheme: postgresql+psycopg2, hostname: 127.0.0.1, port: {port},
  username: dagster, password: h4nds, db_name: dagster}}}}}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with an instance that is well, but for its daemon."""
    (tmp_path / "dagster.yaml").write_text(WELL)
    return tmp_path


def look(home: Path | None, environment: str = "local", *, is_named: bool = True) -> list[Finding]:
    found = list(look_at_dagster(home, environment, is_named=is_named))
    assert {f.check for f in found} == {"dagster"}
    assert all(f.todo for f in found if f.level != "ok")
    assert "h4nds" not in str(found)
    return found


def wrong(home: Path | None, environment: str = "local", *, is_named: bool = True) -> list[Finding]:
    """Without what is well, and without the daemon that nobody started here."""
    found = look(home, environment, is_named=is_named)
    return [f for f in found if f.level != "ok" and "daemon has not beaten" not in f.says]


def beat(home: Path, at: float) -> None:
    """What a daemon leaves in the storage."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for name in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(at, name, "d1", []))


def test_the_embedded_instance_is_well_when_its_daemon_beats(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "local" / "dagster.yaml", tmp_path)
    beat(tmp_path, time.time())
    found = look(tmp_path)
    assert {f.level for f in found} == {"ok"}
    assert [f.says for f in found] == [
        "Dagster's storage, SQLite, answers",
        "the pool redshift has the limit 2",
        "lost runs are noticed by Dagster's run monitoring",
        "Dagster's daemon beats",
    ]


def test_a_daemon_that_stopped_is_a_note(home: Path) -> None:
    """Tables stay as they are, and nothing says why."""
    beat(home, time.time() - 3600)
    [note] = [f for f in look(home) if f.level != "ok"]
    assert (note.level, note.says) == ("note", "Dagster's daemon has not beaten for half an hour")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for name in set(instance.get_required_daemon_types()) - {"SENSOR"}:
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), name, "d1", []))
    [note] = [f for f in look(home) if f.level != "ok"]
    assert note.says == "Dagster's daemon (SENSOR) has not beaten for half an hour"


def test_sqlite_on_aws_is_a_problem(home: Path) -> None:
    """Runs and what sensors know go with the container."""
    assert wrong(home) == []
    [found] = wrong(home, "aws")
    assert found.level == "problem"
    assert "in SQLite" in found.says
    assert "deploy/dagster/production/dagster.yaml" in found.todo


@pytest.mark.parametrize(
    ("monitoring", "says"),
    [
        ("", "run monitoring is off"),
        ("run_monitoring: {enabled: true}", "the launcher cannot tell, and runs may take for ever"),
    ],
)
def test_lost_runs_that_nobody_notices(home: Path, monitoring: str, says: str) -> None:
    """A run whose process died holds its hours for ever: they count as in progress."""
    (home / "dagster.yaml").write_text(f"concurrency: {{pools: {{default_limit: 4}}}}\n{monitoring}\n")
    [found] = wrong(home)
    assert found.level == "problem"
    assert says in found.says
    assert "run_monitoring." in found.todo


def test_a_pool_without_a_limit_and_one_that_is_closed(home: Path) -> None:
    (home / "dagster.yaml").write_text(WELL.splitlines()[1])
    [found] = wrong(home)
    assert (found.level, found.says) == ("note", "the pool redshift has no limit")
    assert "dagster instance concurrency set redshift" in found.todo
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.event_log_storage.set_concurrency_slots("redshift", 3)
    assert wrong(home) == []
    (home / "dagster.yaml").write_text(WELL.replace("4", "0"))
    assert wrong(home) == []  # the pool's own limit counts
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.event_log_storage.delete_concurrency_limit("redshift")
    [found] = wrong(home)
    assert (found.level, found.says) == ("problem", "the pool redshift has the limit 0")


def test_the_pools_are_those_that_assets_name() -> None:
    """A second pool would be looked at too; none at all would be well for ever."""
    assert pools() == ["redshift"]


def test_without_dagster_home_it_is_a_note(tmp_path: Path) -> None:
    """A process that only runs commands needs no instance."""
    [found] = look(None, "aws")
    assert (found.level, "DAGSTER_HOME names none" in found.says) == ("note", True)
    [found] = look(tmp_path, is_named=False)
    assert (found.level, found.says) == ("note", f"there is no {tmp_path}/dagster.yaml")


def test_where_it_looks(tmp_path: Path) -> None:
    """On AWS nothing of the embedded stack is read."""
    stack = {"WEBLOGS_HOME": str(tmp_path)}
    assert dagster_home(stack) == home_folder(stack) / "dagster"
    assert dagster_home({**stack, "DAGSTER_HOME": "/srv/dagster"}) == Path("/srv/dagster")
    assert dagster_home({**stack, "WEBLOGS_ENV": "aws"}) is None
    assert dagster_home({"WEBLOGS_ENV": "aws", "DAGSTER_HOME": "/srv/dagster"}) == Path("/srv/dagster")


def test_a_named_folder_without_an_instance_is_a_problem(tmp_path: Path) -> None:
    """Dagster starts there with SQLite and no limits, and says so in a log that nobody reads."""
    [found] = look(tmp_path, "aws")
    assert (found.level, found.says) == ("problem", f"there is no {tmp_path}/dagster.yaml")
    assert "deploy/dagster/production/dagster.yaml" in found.todo
    [found] = look(Path("dagster"), "aws")
    assert "which Dagster does not take" in found.says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\npassword: *h4nds", "dagster.yaml is no YAML, see its line 2"),
        ("- h4nds", "to parse to dictionary"),
        ("sotrage: {}", 'unexpected config entry "sotrage" at the root'),
        (
            "storage: {postgres: {postgres_db: {hostname: h, username: u, password: [h4nds], db_name: d}}}",
            "root:storage:postgres:postgres_db:password",
        ),
        (
            "storage: {postgres: {postgres_url: {env: NO_SUCH_URL}}}",
            "wants the variable NO_SUCH_URL, which is not set",
        ),
        ("run_launcher: {module: no_such_launcher, class: L}", "Couldn't import module no_such_launcher"),
    ],
)
def test_settings_that_dagster_does_not_take_are_named_without_their_values(
    home: Path, text: str, says: str
) -> None:
    """Dagster's own messages quote the file, passwords too."""
    (home / "dagster.yaml").write_text(text)
    [found] = look(home)
    assert found.level == "problem"
    assert says in found.says


def test_a_storage_that_is_damaged(home: Path) -> None:
    runs = home / "history" / "runs.db"
    runs.parent.mkdir()
    runs.write_bytes(b"not a database" * 100)
    [found] = look(home)
    assert found.level == "problem"
    assert "cannot be opened: file is not a database" in found.says


def test_a_storage_that_is_not_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Dagster says that there were too many retries, and its warnings fill the screen."""
    monkeypatch.setattr(time, "sleep", lambda _secs: None)  # between its attempts
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        (home / "dagster.yaml").write_text(POSTGRES.format(port=unused.getsockname()[1]))
        [found] = look(home, "aws")
    assert found.level == "problem"
    assert "Connection refused" in found.says
    assert caplog.records == []


def test_a_storage_that_says_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs. (A server that is silent for real would have Dagster's attempts go on after the test.)"""
    over = threading.Event()
    monkeypatch.setattr(doctor_dagster, "OPEN_SECS", 0.1)
    monkeypatch.setattr(doctor_dagster, "_ask", lambda _home: over.wait())
    [found] = look(home, "aws")
    over.set()
    assert found.level == "problem"
    assert "did not answer within" in found.says
