"""The small parts that everything rests on: ports, processes, private files, results as JSON."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from weblogs_platform.local import ports
from weblogs_platform.local.certificates import certificate_files
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.errors import NotRunning, PortTaken
from weblogs_platform.local.files import read_json, write_private_json
from weblogs_platform.local.home import Home
from weblogs_platform.local.processes import ProcessId, marked, start, stop, wait_for
from weblogs_platform.local.query import Result
from weblogs_platform.local.running import tail
from weblogs_platform.local.s3_server import choose_inner_ports


def test_ports_come_in_order_of_promise() -> None:
    """The one asked for, else the last one, else the preferred one, else any: never one that is in use."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        last, preferred = ports.any_free("a"), ports.any_free("b")
        assert ports.choose("x", last=last, preferred=preferred) == last
        assert ports.choose("x", last=taken, preferred=preferred) == preferred
        assert ports.choose("x", last=taken, preferred=preferred, excluded={preferred}) not in {
            taken,
            preferred,
        }
        with pytest.raises(PortTaken):
            ports.choose("x", wanted=taken)
        with pytest.raises(PortTaken):
            ports.choose("x", wanted=last, excluded={last})


def test_inner_ports_are_distinct_and_kept_together() -> None:
    """SeaweedFS finds its admin server 10,000 above; one port that is gone means new ones for all."""
    chosen = choose_inner_ports({}, excluded=set())
    assert len(set(chosen.values())) == len(chosen) == 9
    assert chosen["admin.port.grpc"] == chosen["admin.port"] + 10_000
    assert choose_inner_ports(chosen, excluded=set()) == chosen
    assert choose_inner_ports(chosen, excluded={chosen["master.port"]}) != chosen


def sleeper(folder: Path, mark: str) -> subprocess.Popen[bytes]:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with (folder / "log").open("ab") as log:
        return start([sys.executable, "-c", script], folder=folder, environment={}, mark=mark, log=log)


def test_marked_processes_are_found_with_their_children_and_stopped(tmp_path: Path) -> None:
    """After a crash nobody holds a handle of them: the mark in their environment is all there is."""
    process = sleeper(tmp_path, f"{tmp_path}:one")
    try:
        assert wait_for(lambda: len(marked(f"{tmp_path}:one")) == 2, timeout_secs=20)
        assert marked(f"{tmp_path}:other") == []
        stop(marked(str(tmp_path)), patience_secs=10)
        assert marked(str(tmp_path)) == []
    finally:
        process.kill()
        process.wait()


def test_a_component_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    """Kill -9 of the supervisor runs none of its code: the kernel ends the components."""
    script = (
        "import sys, pathlib, subprocess\n"
        "from weblogs_platform.local.processes import start\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "with (folder / 'log').open('ab') as log:\n"
        "    child = start(['sleep', '600'], folder=folder, environment={'PATH': '/bin:/usr/bin'},\n"
        f"                  mark={str(tmp_path)!r}, log=log)\n"
        "print('up', flush=True)\n"
        "child.wait()\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert supervisor.stdout
    with supervisor:
        assert supervisor.stdout.readline() == b"up\n"
        assert wait_for(lambda: len(marked(str(tmp_path))) == 1, timeout_secs=10)
        supervisor.kill()
    assert wait_for(lambda: marked(str(tmp_path)) == [], timeout_secs=10)


def test_a_process_is_more_than_its_number() -> None:
    """Signals must not reach whoever has the number of a component that is long gone."""
    own = ProcessId.of(os.getpid())
    assert own
    assert own.is_alive()
    assert ProcessId.from_json(own.to_json()) == own
    former = ProcessId(own.pid, own.started_ticks - 1)
    assert not former.is_alive()
    former.send(9)  # would end this test run
    ended = subprocess.Popen([sys.executable, "-c", ""])
    assert wait_for(lambda: ProcessId.of(ended.pid) is None, timeout_secs=20)  # a zombie is no process
    ended.wait()


def test_private_files_are_whole_and_private(tmp_path: Path) -> None:
    """A crash while writing credentials must not leave half of them, nor any moment in which others may read."""
    path = tmp_path / "secret.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private_json(path, {"key": "ü"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_json(path) == {"key": "ü"}
    assert [file.name for file in tmp_path.iterdir()] == ["secret.json"]
    path.write_text('{"half": ')
    assert read_json(path) is None


def test_certificates_are_kept_and_replaced_when_damaged(tmp_path: Path) -> None:
    """Clients that trust the authority go on doing so after a restart; a damaged file heals."""
    files = certificate_files(tmp_path, "redshift")
    before = files.authority.read_bytes()
    assert certificate_files(tmp_path, "redshift").authority.read_bytes() == before
    files.key.write_text("damaged")
    assert certificate_files(tmp_path, "redshift").authority.read_bytes() != before
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_a_copied_folder_is_another_stack(tmp_path: Path) -> None:
    """`down` in a copy must not stop the stack of the original."""
    home = Home(tmp_path / "home")
    home.prepare()
    copy = Home(tmp_path / "copy")
    copy.prepare()
    assert home.mark("same-id") != copy.mark("same-id")


def test_results_become_plain_json() -> None:
    """Numbers that a double cannot hold stay exact, as text; nothing else becomes text."""
    row = [
        1,
        decimal.Decimal("1.10"),
        decimal.Decimal("12345678901234567890.1"),
        decimal.Decimal("3.00"),
        b"\x00\xff",
    ]
    row += [dt.datetime(2025, 7, 20, 10, 30, tzinfo=dt.UTC), dt.time(1, 2), None, True]
    (shown,) = json.loads(Result(list("abcdefghi"), [row]).to_json())
    assert list(shown.values()) == [
        *(1, 1.1, "12345678901234567890.1", 3, "00ff", "2025-07-20T10:30:00+00:00", "01:02:00", None, True)
    ]


def test_the_tail_of_a_log_begins_with_this_start(tmp_path: Path) -> None:
    """An error that shows the last crash's lines sends people the wrong way."""
    log = tmp_path / "s3.log"
    log.write_bytes(b"old\n" * 5)
    offset = log.stat().st_size
    assert tail(log, 3, after=offset) == []
    with log.open("ab") as file:
        file.write("new \xff\n".encode("latin-1"))
    assert tail(log, 3, after=offset) == ["new \ufffd"]
    assert tail(log, 3) == ["old", "old", "new \ufffd"]
    assert tail(tmp_path / "none.log", 3) == []


def test_endpoints_without_redshift_say_so(tmp_path: Path) -> None:
    """`weblogs sql` on a stack that was started with --no-redshift."""
    with pytest.raises(NotRunning, match="started without Redshift"):
        Endpoints(tmp_path, "b", "eu-west-1", "http://127.0.0.1:1", {}, "").connect()


def test_secrets_do_not_show_in_what_is_printed(stack: Endpoints) -> None:
    """Endpoints and credentials end up in tracebacks and test reports."""
    shown = repr(stack) + repr(Home(stack.home).credentials())
    assert stack.keys["admin"].access_key in shown
    for keys in stack.keys.values():
        assert keys.secret_key not in shown
    assert Home(stack.home).credentials().redshift_password not in shown
