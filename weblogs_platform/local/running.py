"""A started component: waited for until it works, watched, and stopped with all that it started itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from weblogs_platform.local import processes
from weblogs_platform.local.component import BrokenComponent, Component, NotReady
from weblogs_platform.local.errors import ComponentDied, StartFailed
from weblogs_platform.local.files import open_private_log
from weblogs_platform.local.home import Home
from weblogs_platform.local.processes import ProcessId

_LOG_LIMIT_BYTES = 20_000_000
_TAIL_LINES = 15
_POLL_SECS = 0.05


@dataclass
class Running:
    """A component and its process. `before` is how long the log was: an error shows lines of this start only."""

    component: Component
    process: subprocess.Popen[bytes]
    log: Path
    before: int
    mark: str
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, component: Component, home: Home) -> Running:
        launch = component.prepare()
        log = home.log_path(component.name)
        _rotate(log)
        mark = home.mark(component.spec.stack_id, component.name)
        with open_private_log(log) as file:
            before = file.tell()
            process = processes.start(
                launch.command, folder=launch.folder, environment=launch.environment, mark=mark, log=file
            )
        return cls(component, process, log, before, mark)

    @property
    def id(self) -> ProcessId | None:
        return ProcessId.of(self.process.pid)

    def wait_ready(self, go_on: Callable[[], None]) -> None:
        """Returns when it works; `go_on` is called between attempts and may raise. Raises StartFailed."""
        while True:
            go_on()
            self._check_alive(StartFailed, "did not start")
            try:
                return self.component.check_ready()
            except NotReady as answer:
                self._check_time(answer)
            except BrokenComponent as reason:
                raise StartFailed(f"{self.component.name}: {reason}") from reason
            time.sleep(_POLL_SECS)

    def check_running(self) -> None:
        """Raises ComponentDied when its process has ended."""
        self._check_alive(ComponentDied, "ended")

    def stop(self) -> None:
        """Ends it and everything it started; returns when all are gone."""
        own = self.id
        if own:
            processes.stop([own], patience_secs=self.component.stops_within_secs)
        self.process.wait()
        processes.stop(processes.marked(self.mark), patience_secs=5.0)
        self.component.clean_up()

    def _check_alive(self, error: type[StartFailed | ComponentDied], verb: str) -> None:
        returncode = self.process.poll()
        if returncode is not None:
            raise error(f"{self.component.name} {verb} ({processes.ending(returncode)}){self._last_lines()}")

    def _check_time(self, answer: NotReady) -> None:
        if time.monotonic() - self.started > self.component.ready_within_secs:
            waited = f"{self.component.ready_within_secs:.0f} seconds"
            raise StartFailed(
                f"{self.component.name} was not ready after {waited}: {answer}{self._last_lines()}"
            )

    def _last_lines(self) -> str:
        lines = tail(self.log, _TAIL_LINES, after=self.before)
        return f"; the end of {self.log}:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""


def tail(log: Path, lines: int, *, after: int = 0) -> list[str]:
    """The last lines of a log, at most its last 256 KiB, and nothing before the offset."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(after, size - 262_144) if size >= after else 0)
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:]


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
