"""Starting, stopping, crashing and starting again: what is kept, what is refused, what is left behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redshift_connector

from weblogs_platform.local import ports, processes, state
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.errors import (
    AlreadyRunning,
    ComponentDied,
    HomeUnusable,
    NotRunning,
    PortTaken,
    StartFailed,
)
from weblogs_platform.local.home import Home
from weblogs_platform.local.processes import ProcessId, wait_for
from weblogs_platform.local.stack import Stack, Wanted, attach

S3_ONLY = Wanted(redshift=False, dagster=False)
KEY = "firehose/web_redshift/2025/07/20/10/kept"


@contextmanager
def s3_only(home: Path) -> Iterator[Endpoints]:
    with Stack(home).running(redshift=False, dagster=False) as endpoints:
        yield endpoints


@contextmanager
def listening() -> Iterator[int]:
    """A port that somebody else uses."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def kill(home: Path, component: str) -> None:
    """Kills a component with SIGKILL, and waits until it is gone."""
    row = next(c for c in state.look(Home(home)).components if c.component == component)
    assert row.pid
    process = ProcessId.of(row.pid)
    os.kill(row.pid, signal.SIGKILL)
    assert wait_for(lambda: process is None or not process.is_alive(), timeout_secs=10)


def leftovers(home: Path) -> list[ProcessId]:
    return processes.marked(Home(home).mark(Home(home).spec().stack_id))


def test_data_keys_and_ports_are_there_after_a_restart(tmp_path: Path) -> None:
    """An exported environment stays valid, and nothing that was stored is lost, when the stack is stopped."""
    with s3_only(tmp_path / "home") as before:
        before.s3("delivery").put_object(Bucket=before.bucket, Key=KEY, Body=b"content")
    assert leftovers(tmp_path / "home") == []
    with s3_only(tmp_path / "home") as after:
        assert after.variables("platform") == before.variables("platform")
        assert after.s3("platform").get_object(Bucket=after.bucket, Key=KEY)["Body"].read() == b"content"


def test_kill_9_of_s3_loses_no_acknowledged_object(tmp_path: Path) -> None:
    """What PUT answered 200 for is there, byte for byte, after the server was killed in the middle of its work
    and the stack came back; large objects in several chunks too."""
    home, bodies = tmp_path / "home", {}
    stack = Stack(home)
    try:
        endpoints = stack.start(S3_ONLY)
        client = endpoints.s3("delivery")
        for number in range(60):
            body = os.urandom(5_000_000 if number % 20 == 0 else 2_000)
            client.put_object(Bucket=endpoints.bucket, Key=f"firehose/k/{number:03}", Body=body)
            bodies[f"firehose/k/{number:03}"] = body
        kill(home, "s3")
        with pytest.raises(ComponentDied, match=r"s3 ended \(killed by SIGKILL\)"):
            stack.check_running()
    finally:
        stack.stop()
    with s3_only(home) as endpoints:
        reader = endpoints.s3("platform")
        listed = reader.list_objects_v2(Bucket=endpoints.bucket, Prefix="firehose/k/")["Contents"]
        assert [found["Key"] for found in listed] == sorted(bodies)
        for key, body in bodies.items():
            assert reader.get_object(Bucket=endpoints.bucket, Key=key)["Body"].read() == body


def test_kill_9_of_redshift_keeps_what_was_committed(tmp_path: Path) -> None:
    """The warehouse comes back with every committed row and without the one that was not."""
    home = tmp_path / "home"
    stack = Stack(home)
    try:
        connection = stack.start(Wanted(dagster=False, dashboard=False)).connect()
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE kept (n INTEGER)")
        cursor.execute("INSERT INTO kept VALUES (1), (2)")
        connection.commit()
        cursor.execute("INSERT INTO kept VALUES (3)")
        kill(home, "redshift")
        with pytest.raises(ComponentDied, match=r"redshift ended \(killed by SIGKILL\)"):
            stack.check_running()
        with suppress(OSError, redshift_connector.Error):
            connection.close()
    finally:
        stack.stop()
    with Stack(home).running(dagster=False) as endpoints, endpoints.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT n FROM kept ORDER BY n")
        assert [row[0] for row in cursor.fetchall()] == [1, 2]


def test_a_folder_has_one_stack_at_a_time(tmp_path: Path) -> None:
    """Two servers over the same files would destroy them."""
    with s3_only(tmp_path / "home") as endpoints:
        with pytest.raises(AlreadyRunning, match=rf"already running \(process {os.getpid()}\).*weblogs down"):
            Stack(tmp_path / "home").start(S3_ONLY)
        # Refusing the second leaves the first alone, and its folder's state too.
        endpoints.s3().head_bucket(Bucket=endpoints.bucket)
        assert attach(tmp_path / "home").s3_url == endpoints.s3_url
    with pytest.raises(NotRunning, match="is not running: start it with `weblogs up`"):
        attach(tmp_path / "home")


def test_two_stacks_run_side_by_side(tmp_path: Path) -> None:
    """Stacks of two folders share neither ports, keys nor objects."""
    with s3_only(tmp_path / "one") as one, s3_only(tmp_path / "two") as two:
        one.s3().put_object(Bucket=one.bucket, Key=KEY, Body=b"one")
        assert two.s3().list_objects_v2(Bucket=two.bucket)["KeyCount"] == 0
        assert one.keys["admin"] != two.keys["admin"]


def test_a_lock_file_left_by_a_crash_means_nothing(tmp_path: Path) -> None:
    """After kill -9 the file still names a process, and perhaps that number lives again: only the lock counts."""
    home = Home(tmp_path / "home")
    home.prepare()
    home.path("run", "lock").write_text(f'{{"pid": {os.getppid()}, "started_ticks": 1}}')
    assert home.supervisor() is None
    with s3_only(tmp_path / "home") as endpoints:
        assert endpoints.s3_url


def test_a_component_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    """`up` must not wait for a server that has given up, nor leave the other one running."""
    home = tmp_path / "home"
    with s3_only(home):
        pass
    broken = home / "s3" / "data" / "filerldb2"
    broken.rename(home / "s3" / "data" / "moved")
    broken.write_text("not a database")
    with pytest.raises(StartFailed, match=r"s3 did not start \(exit status \d+\); the end of .*s3\.log:\n  "):
        Stack(home).start(S3_ONLY)
    assert leftovers(home) == []
    assert state.look(Home(home)).phase == "failed"


def test_other_ports_are_taken_when_the_last_ones_are_in_use(tmp_path: Path) -> None:
    """Another program took the port meanwhile: the stack comes up elsewhere with the same data."""
    with s3_only(tmp_path / "home") as endpoints:
        endpoints.s3("delivery").put_object(Bucket=endpoints.bucket, Key=KEY, Body=b"content")
    home = Home(tmp_path / "home")
    with listening() as taken, listening() as inner:
        home.save_ports(home.spec(), {"s3.port": taken, "master.port": inner})
        with s3_only(tmp_path / "home") as moved:
            now = home.spec().ports
            assert taken not in now.values()
            assert inner not in now.values()
            assert moved.s3("platform").get_object(Bucket=moved.bucket, Key=KEY)["Body"].read() == b"content"


def test_a_port_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    """Whoever names a port has configured something for it: another one would be silence."""
    with listening() as taken, pytest.raises(PortTaken, match=f"port {taken} for S3 is in use"):
        Stack(tmp_path / "home").start(Wanted(redshift=False, dagster=False, s3_port=taken))
    free = ports.any_free("a test")
    stack = Stack(tmp_path / "home")
    try:
        assert stack.start(Wanted(redshift=False, dagster=False, s3_port=free)).s3_url.endswith(f":{free}")
    finally:
        stack.stop()


def test_any_folder_will_do(tmp_path: Path) -> None:
    """Spaces, quotes and dashes break command lines, long paths break Unix sockets (107 bytes)."""
    home = tmp_path / "with space" / 'quote\'s "and" $dollar' / "ünïcode-日本" / ("x" * 100) / "-dash"
    with Stack(home).running(dagster=False) as endpoints, endpoints.connect() as connection:
        endpoints.s3("delivery").put_object(Bucket=endpoints.bucket, Key=KEY, Body=b"content")
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == [1]


def test_a_port_stolen_between_choosing_and_listening_costs_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stacks that start in the same moment choose the same preferred port."""
    from weblogs_platform.local import stack as module

    choose, chosen = module._choose_ports, []
    with listening() as taken:

        def stolen(wanted: Wanted, last: object) -> dict[str, int]:
            first = not chosen
            chosen.append(choose(wanted, {}))
            return {**chosen[-1], "s3.port": taken} if first else chosen[-1]

        monkeypatch.setattr(module, "_choose_ports", stolen)
        with s3_only(tmp_path / "home") as endpoints:
            assert endpoints.s3_url.endswith(f":{chosen[1]['s3.port']}")
    assert len(chosen) == 2


def test_foreign_configuration_does_not_reach_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's AWS profile, keys, proxy or SeaweedFS settings would win over the stack's own."""
    for name, value in {
        "AWS_PROFILE": "is-not-there",
        "AWS_ACCESS_KEY_ID": "ELSEWHERE",
        "AWS_SECRET_ACCESS_KEY": "elsewhere",
        "AWS_SESSION_TOKEN": "stale",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "WEED_JWT_SIGNING_KEY": "elsewhere",
    }.items():
        monkeypatch.setenv(name, value)
    with s3_only(tmp_path / "home") as endpoints:
        endpoints.s3("delivery").put_object(Bucket=endpoints.bucket, Key=KEY, Body=b"content")


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """WEBLOGS_HOME=~ by mistake must not fill a home folder and close it to others."""
    (tmp_path / "thesis.tex").write_text("mine")
    mode = tmp_path.stat().st_mode
    with pytest.raises(HomeUnusable, match=r"holds other files \(thesis.tex\): set WEBLOGS_HOME"):
        Stack(tmp_path).start(S3_ONLY)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert tmp_path.stat().st_mode == mode


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """One sentence that names the folder, instead of a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnusable, match=r"cannot use .*file/home: Not a directory; set WEBLOGS_HOME"):
        Stack(tmp_path / "file" / "home").start(S3_ONLY)
    with pytest.raises(HomeUnusable, match="control character"):
        Stack(tmp_path / "two\nlines")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could read the keys, and would own the data."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    with pytest.raises(HomeUnusable, match=r"belongs to another user \(uid 65534\)"):
        Stack(home).start(S3_ONLY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    """A read-only place is a sentence, not a traceback."""
    tmp_path.chmod(0o500)
    with pytest.raises(HomeUnusable, match=r"cannot use .*Permission denied; set WEBLOGS_HOME"):
        Stack(tmp_path / "home").start(S3_ONLY)
