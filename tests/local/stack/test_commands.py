"""The `weblogs` command as a person runs it: processes, exit statuses, output."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from weblogs_platform.cli import COMMANDS, weblogs
from weblogs_platform.local import processes
from weblogs_platform.local.home import Home
from weblogs_platform.local.processes import wait_for
from weblogs_platform.local.roles import Role

CLI = [sys.executable, "-m", "weblogs_platform.cli"]


class Shell:
    """Runs `weblogs` for one stack folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "WEBLOGS_HOME": str(home), "COLUMNS": "200"}

    def run(
        self, *arguments: str, status: int = 0, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*CLI, *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen([*CLI, *arguments], env=self.environment, **pipes)

    def sh(self, script: str) -> str:
        """What a shell prints that has evaluated `weblogs env` first."""
        line = f'eval "$({shlex.join([*CLI, "env"])})" && {script}'
        return subprocess.check_output(["sh", "-c", line], env=self.environment, text=True, timeout=90)

    def components(self) -> dict[str, dict[str, object]]:
        done = subprocess.run(
            [*CLI, "status", "--json"], env=self.environment, capture_output=True, text=True, check=False
        )
        return {row["component"]: row for row in json.loads(done.stdout)["components"]}

    def leftovers(self) -> list[processes.ProcessId]:
        home = Home(self.home)
        return processes.marked(home.mark(home.spec().stack_id))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A detached stack with the dashboards and without Dagster, in a folder whose name needs quoting."""
    shell = Shell(tmp_path_factory.mktemp("it's a $home"))
    shell.run("up", "--detach", "--no-dagster")
    yield shell
    shell.run("down")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path / "home")
    yield shell
    shell.run("down")


def test_status_names_every_component(running: Shell) -> None:
    """Scripts read `status --json`; a component that is missing there is forgotten."""
    rows = running.components()
    assert list(rows) == ["s3", "redshift", "dashboard"]
    for row in rows.values():
        assert row["state"] == "ready"
        assert isinstance(row["pid"], int)
        assert Path(str(row["data_folder"])).is_relative_to(running.home)
    assert str(rows["s3"]["endpoint"]).startswith("http://127.0.0.1:")
    assert "ready" in running.run("status").stdout


def test_a_second_up_does_no_harm(running: Shell) -> None:
    """`up --detach` in a script is repeated; `up` by hand while another runs is a mistake."""
    pids = {name: row["pid"] for name, row in running.components().items()}
    assert "already running" in running.run("up", "--detach", "--no-dagster").stdout
    assert "already running" in running.run("up", "--no-dagster", status=1).stderr
    assert "already running, with s3 on port" in running.run("up", "-d", "--s3-port", "1", status=1).stderr
    assert {name: row["pid"] for name, row in running.components().items()} == pids


def test_env_connects_other_programs(running: Shell) -> None:
    """The exports survive a shell, with the quotes in the folder's name, and an unmodified client connects."""
    script = shlex.join([sys.executable, "-c", CLIENT])
    assert running.sh(script).splitlines() == ["weblogs-lake", "1", str(running.home), "verify-full"]


CLIENT = """
import os, boto3, redshift_connector, warnings
warnings.simplefilter("ignore")
print(boto3.client("s3").list_buckets()["Buckets"][0]["Name"])
names = {"host": "HOST", "port": "PORT", "database": "DATABASE", "user": "USER", "password": "PASSWORD"}
options = {name: os.environ["REDSHIFT_" + variable] for name, variable in names.items()}
connection = redshift_connector.connect(**{**options, "port": int(options["port"])})
cursor = connection.cursor()
cursor.execute("SELECT 1")
print(cursor.fetchone()[0], os.environ["WEBLOGS_HOME"], os.environ["PGSSLMODE"], sep="\\n")
"""


@pytest.mark.parametrize("role", ["delivery", "platform", "copy", "admin"])
def test_env_gives_the_keys_of_a_role(running: Shell, role: Role) -> None:
    """Each role has its own keys, and the rest of the environment does not depend on it."""
    lines = running.run("env", "--role", role).stdout.splitlines()
    exports = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    keys = Home(running.home).credentials().s3[role]
    assert exports["AWS_ACCESS_KEY_ID"] == keys.access_key
    assert exports["AWS_SECRET_ACCESS_KEY"] == keys.secret_key
    assert exports["AWS_REGION"] == exports["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert Path(exports["REDSHIFT_SSL_CA"]).is_file()


def test_env_takes_away_what_would_win_over_it(running: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile or a stale session token in the shell overrides the keys that were just exported, and a proxy
    never reaches loopback."""
    changed = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "stale", "HTTP_PROXY": "http://proxy:1"}
    monkeypatch.setattr(running, "environment", {**running.environment, **changed, "NO_PROXY": "corp"})
    lines = running.run("env").stdout.splitlines()
    assert lines[:2] == ["unset AWS_PROFILE", "unset AWS_SESSION_TOKEN"]
    assert "export NO_PROXY=corp,127.0.0.1,localhost" in lines


def test_platform_env_is_what_settings_read(running: Shell) -> None:
    """Plain `dagster dev` finds the stack through this file alone, with the platform's keys."""
    from weblogs_platform.settings import Settings

    settings = Settings.from_env({"WEBLOGS_HOME": str(running.home)})
    assert settings.environment == "local"
    assert settings.access_key_id == Home(running.home).credentials().s3["platform"].access_key
    assert settings.redshift.database == "dev"
    assert settings.s3_endpoint == running.components()["s3"]["endpoint"]


def test_sql_prints_json_objects(running: Shell) -> None:
    """What a script reads: names as keys, numbers as numbers, null as null, nothing lost to equal names."""
    statement = "SELECT 1 AS n, 'ü' AS n, 1.50::DECIMAL(5,2) AS d, NULL AS missing, DATE '2025-07-20' AS day"
    rows = json.loads(running.run("sql", statement, "--json").stdout)
    assert rows == [{"n": 1, "n_2": "ü", "d": 1.5, "missing": None, "day": "2025-07-20"}]
    assert json.loads(running.run("sql", "--json", "SELECT 1 AS n WHERE 1 = 0").stdout) == []


def test_sql_commits_and_prints_tables(running: Shell) -> None:
    """A statement by hand is done when the command returns; a wide table is not cut off in a pipe."""
    assert running.run("sql", "CREATE TABLE by_hand (n INTEGER, t VARCHAR(2000))").stdout == "done\n"
    running.run("sql", "-", text=f"INSERT INTO by_hand VALUES (1, '{'x' * 1500}'), (2, '[b]kept[/b]')\n")
    shown = running.run("sql", "SELECT * FROM by_hand ORDER BY n;").stdout
    assert "x" * 1500 in shown
    assert "[b]kept[/b]" in shown
    assert shown.endswith("(2 rows)\n")


def test_sql_errors_are_the_servers_own(running: Shell) -> None:
    """SQLSTATE and message go to standard error, and scripts see the exit status."""
    done = running.run("sql", "SELECT * FROM is_not_there", status=1)
    assert "42P01" in done.stderr
    assert "is_not_there" in done.stderr
    assert done.stdout == ""


def test_logs_show_and_follow(running: Shell) -> None:
    """All logs with their names in front, one without; -f shows what comes."""
    assert "s3         | " in running.run("logs").stdout
    assert len(running.run("logs", "s3", "-n", "3").stdout.splitlines()) == 3
    assert "there are: dashboard, redshift, s3, supervisor" in running.run("logs", "nope", status=1).stderr
    follower = running.start("logs", "supervisor", "-f", "-n", "0")
    assert follower.stdout
    try:
        with Home(running.home).log_path("supervisor").open("a") as log:
            deadline = time.monotonic() + 30
            # Until it shows one: nothing says when it has begun to follow.
            while not select.select([follower.stdout], [], [], 0.05)[0] and time.monotonic() < deadline:
                log.write("a new line\n")
                log.flush()
        assert follower.stdout.readline().startswith("a new line")
    finally:
        follower.terminate()
        follower.communicate()


def test_up_in_the_foreground_stops_everything_on_ctrl_c(shell: Shell) -> None:
    """Nothing stays behind, and the exit status says that all went well."""
    process = shell.start("up", "--no-dagster", "--no-dashboard")
    assert process.stdout
    try:
        assert process.stdout.readline().startswith("running; Ctrl-C stops it")
        assert {row["state"] for row in shell.components().values()} == {"ready"}
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert rest.endswith("stopped\n")
    assert shell.leftovers() == []
    assert "stopped" in shell.run("status", status=1).stdout


def test_a_component_that_dies_ends_up_with_its_name(shell: Shell) -> None:
    """A stack without its warehouse must not look as if it were well: exit status 1, name and last log lines."""
    process = shell.start("up", "--no-dagster", "--no-dashboard")
    assert process.stdout
    try:
        assert process.stdout.readline().startswith("running")
        os.kill(int(str(shell.components()["redshift"]["pid"])), signal.SIGKILL)
        rest = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert "Error: redshift ended (killed by SIGKILL)" in rest
    assert shell.leftovers() == []
    assert "redshift ended" in shell.run("status", status=1).stdout


def test_down_clears_away_what_a_killed_supervisor_left(shell: Shell) -> None:
    """After kill -9 of the supervisor its servers end by themselves; one that hangs is ended by `down`; and the
    next `up` starts over the same data."""
    shell.run("up", "--detach", "--no-dagster", "--no-dashboard")
    before = shell.components()
    supervisor = Home(shell.home).supervisor()
    assert supervisor
    hung = int(str(before["s3"]["pid"]))
    os.kill(hung, signal.SIGSTOP)
    os.kill(supervisor.pid, signal.SIGKILL)
    assert wait_for(lambda: shell.components()["redshift"]["state"] == "down", timeout_secs=30)
    assert shell.components()["s3"]["state"] == "orphaned"
    os.kill(hung, signal.SIGCONT)
    shell.run("down")
    assert shell.leftovers() == []
    shell.run("up", "--detach", "--no-dagster", "--no-dashboard")
    assert shell.components()["s3"]["endpoint"] == before["s3"]["endpoint"]


def test_without_a_stack_every_command_says_what_to_do(tmp_path: Path) -> None:
    """The first thing a newcomer types may be any of them."""
    shell = Shell(tmp_path / "nothing")
    for arguments in (["env"], ["sql", "SELECT 1"], ["traffic", "history", "--hours", "1"]):
        assert "start it with `weblogs up`" in shell.run(*arguments, status=1).stderr
    assert "nothing is running" in shell.run("down").stdout
    assert "stopped" in shell.run("status", status=1).stdout
    assert not (tmp_path / "nothing").exists()


def test_up_refuses_an_unusable_folder_in_one_line(tmp_path: Path) -> None:
    """With --detach the reason must come out of the supervisor and not stay in a log."""
    (tmp_path / "file").write_text("")
    for arguments in (
        ["up", "--no-dagster", "--no-dashboard"],
        ["up", "-d", "--no-dagster", "--no-dashboard"],
    ):
        error = Shell(tmp_path / "file" / "home").run(*arguments, status=1).stderr
        assert error.startswith("Error: cannot use ")
        assert len(error.splitlines()) == 1


def test_help_is_quick_and_complete() -> None:
    """`weblogs --help` lists every command and imports none of them: Dagster alone takes seconds."""
    script = (
        "import sys; from weblogs_platform.cli import weblogs; weblogs(['--help'], standalone_mode=False); "
    )
    script += "print('LOADED', *sorted(set(sys.modules) & {'dagster', 'boto3', 'duckdb', 'rich', 'pandas'}))"
    shown = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert shown.splitlines()[-1] == "LOADED"
    for name, mounted in COMMANDS.items():
        assert f"  {name} " in shown
        assert mounted.help in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name: str) -> None:
    """A module that was renamed would show only when somebody calls the command."""
    command = weblogs.get_command(weblogs.make_context("weblogs", [name], resilient_parsing=True), name)
    assert command is not None
    assert command.help
