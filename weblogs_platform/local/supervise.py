"""`up` and `down`: a stack run by this process until it is told to stop, or by a process of its own.

Whoever runs the stack holds the lock of its folder, stops everything on SIGINT, SIGTERM or SIGHUP, and ends when
a component dies. The detached supervisor is the same command in a session of its own, which reports over a pipe.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from weblogs_platform.local import state
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.errors import AlreadyRunning, StackError, StartFailed
from weblogs_platform.local.files import open_private_log
from weblogs_platform.local.home import Home
from weblogs_platform.local.processes import wait_for
from weblogs_platform.local.stack import Stack, Wanted, attach, sweep

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STARTS_WITHIN_SECS = 300.0
_STOPS_WITHIN_SECS = 90.0


class StopRequested(Exception):
    """A signal asked for the end."""


class StopSignals:
    """Remembers that a signal came; asking raises StopRequested. The stack stops at its next step, and a second
    signal cannot interrupt the stopping."""

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """From now on the signals are remembered instead of ending the process. Main thread only."""
        for number in _SIGNALS:
            signal.signal(number, self._remember)

    def __call__(self) -> None:
        if self._asked:
            raise StopRequested

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True


def run(folder: Path, wanted: Wanted, ready: Callable[[Endpoints], None]) -> None:
    """Runs the stack until a signal comes; `ready` is called once it works. Raises StackError."""
    signals = StopSignals()
    signals.listen()
    stack = Stack(folder, go_on=signals)
    try:
        ready(stack.start(wanted))
        stack.watch()
    except StopRequested:
        stack.stop()
    except StackError as error:
        stack.stop(error=str(error))
        raise
    finally:
        stack.stop()


def run_detached(folder: Path, wanted: Wanted, ready_handle: int) -> None:
    """What the detached supervisor does: the same, reporting to the process that waits for it."""
    with os.fdopen(ready_handle, "w", encoding="utf-8") as pipe:

        def tell(**report: object) -> None:
            if not pipe.closed:
                json.dump(report, pipe)
                pipe.close()

        try:
            run(folder, wanted, lambda _: tell(ready=True))
        except StackError as error:
            tell(error=str(error), already=isinstance(error, AlreadyRunning))
            raise
        else:
            tell(error="it was stopped before it was ready")


def detach(folder: Path, wanted: Wanted, arguments: Sequence[str]) -> tuple[Endpoints, bool]:
    """Starts a supervisor and returns when the stack works; (endpoints, whether it ran before). `arguments` are
    those of `weblogs up`. Raises StackError, StartFailed with the reason it gave."""
    home = Home(folder)
    home.prepare()
    if home.supervisor() is None:
        report = _spawn(home, arguments)
        if not report.get("already"):
            if "error" in report:
                raise StartFailed(str(report["error"]))
            return attach(folder), False
    return _running(home, wanted), True


def bring_down(folder: Path) -> bool:
    """Stops the stack of the folder, and what a killed supervisor left; False when there was nothing."""
    home = Home(folder)
    if not home.exists():
        return False
    supervisor = home.supervisor()
    if supervisor:
        supervisor.send(signal.SIGTERM)
        if not wait_for(lambda: home.supervisor() != supervisor, timeout_secs=_STOPS_WITHIN_SECS):
            supervisor.send(signal.SIGKILL)
    handle = home.lock()  # nobody starts it anew while what is left is being stopped
    try:
        remnants = sweep(home)
        state.stopped(home)
    finally:
        home.unlock(handle)
    return supervisor is not None or remnants > 0


def _spawn(home: Home, arguments: Sequence[str]) -> dict[str, object]:
    """Starts the supervisor and waits for its report; an empty one counts as an error."""
    reading, writing = os.pipe()
    with open_private_log(home.log_path("supervisor")) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "weblogs_platform.cli", "up", *arguments, "--ready-handle", str(writing)],
            env={**os.environ, "WEBLOGS_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        try:
            report = json.loads(pipe.read() or "{}")
        except BaseException:
            process.terminate()  # Ctrl-C while waiting: nothing half-started stays behind
            process.wait()
            raise
    return report or {"error": f"the supervisor ended; see {home.log_path('supervisor')}"}


def _running(home: Home, wanted: Wanted) -> Endpoints:
    """Endpoints of the stack that is running. Raises AlreadyRunning when another port was asked for."""
    wait_for(lambda: state.look(home).phase != "starting", timeout_secs=_STARTS_WITHIN_SECS)
    endpoints = attach(home.folder)
    last = home.spec().ports
    asked = {
        "s3.port": wanted.s3_port,
        "redshift": wanted.redshift_port,
        "dagster": wanted.dagster_port,
        "dashboard": wanted.dashboard_port,
    }
    for name, port in asked.items():
        if port and last.get(name) != port:
            raise AlreadyRunning(
                f"the stack in {home} is already running, with {name.removesuffix('.port')} on port "
                f"{last.get(name)}: `weblogs down` first, then start it with the port {port}"
            )
    return endpoints
