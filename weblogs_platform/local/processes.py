"""Processes of the stack: started bound to their supervisor, found again after any crash, and stopped for good.

A pid says nothing by itself, because the system uses it again. A process is known by pid and start time
(`ProcessId`), and all that a stack ever started, grandchildren included, by a mark in their environment.
Reads /proc: the embedded stack needs Linux.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MARK = "WEBLOGS_STACK"

_PROC = Path("/proc")
_BOUND_CHILD = Path(__file__).with_name("bound_child.py")
_POLL_SECS = 0.03


@dataclass(frozen=True)
class ProcessId:
    """A process for ever: its pid and when it started, in the kernel's ticks since boot."""

    pid: int
    started_ticks: int

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The process that has this pid now; None when there is none, or only its remains (a zombie)."""
        try:
            stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()  # the name before may hold spaces and brackets
        return None if _has_ended(pid, fields[0]) else cls(pid, int(fields[19]))

    @classmethod
    def from_json(cls, document: object) -> ProcessId | None:
        if not isinstance(document, dict):
            return None
        pid, ticks = document.get("pid"), document.get("started_ticks")
        return cls(pid, ticks) if isinstance(pid, int) and isinstance(ticks, int) else None

    def to_json(self) -> dict[str, int]:
        return {"pid": self.pid, "started_ticks": self.started_ticks}

    def is_alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    def send(self, number: int) -> None:
        """Signals it if it is still the same process."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def _has_ended(pid: int, process_state: str) -> bool:
    # A killed process is a zombie at once, and has its ports and files while threads of it are still ending.
    if process_state not in "ZX":
        return False
    try:
        return len(list((_PROC / str(pid) / "task").iterdir())) <= 1
    except (FileNotFoundError, ProcessLookupError):
        return True


def start(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], mark: str, log: BinaryIO
) -> subprocess.Popen[bytes]:
    """Starts a component in a session of its own (the terminal's Ctrl-C does not reach it), marked and bound to
    this process. Call it from a thread that lives as long as the stack."""
    bound = [sys.executable, "-I", "-S", str(_BOUND_CHILD), str(os.getpid()), *command]
    return subprocess.Popen(
        bound,
        cwd=folder,
        env={**environment, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=0o077,
    )


def marked(prefix: str) -> list[ProcessId]:
    """All processes of this user whose mark begins with the prefix, this one excepted."""
    wanted = f"{MARK}={prefix}".encode()
    found = (_marked_process(int(entry.name), wanted) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [process for process in found if process and process.pid != os.getpid()]


def _marked_process(pid: int, wanted: bytes) -> ProcessId | None:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:  # gone meanwhile, or another user's
        return None
    if not any(variable.startswith(wanted) for variable in environment.split(b"\0")):
        return None
    return ProcessId.of(pid)


def stop(processes: Iterable[ProcessId], *, patience_secs: float) -> None:
    """SIGTERM, and SIGKILL to those that are still there after the patience; returns when all are gone."""
    waiting = list(processes)
    for number, patience in ((signal.SIGTERM, patience_secs), (signal.SIGKILL, 10.0)):
        for process in waiting:
            process.send(number)
        if _all_gone(waiting, timeout_secs=patience):
            return


def _all_gone(waiting: Sequence[ProcessId], *, timeout_secs: float) -> bool:
    return wait_for(lambda: not any(one.is_alive() for one in waiting), timeout_secs=timeout_secs)


def wait_for(condition: Callable[[], bool], *, timeout_secs: float) -> bool:
    """Polls until the condition holds; False when the time is over first."""
    deadline = time.monotonic() + timeout_secs
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECS)
    return True


def ending(returncode: int) -> str:
    """How a process ended, in words: `exit status 1`, `killed by SIGKILL`."""
    if returncode >= 0:
        return f"exit status {returncode}"
    return f"killed by {signal.Signals(-returncode).name}"
