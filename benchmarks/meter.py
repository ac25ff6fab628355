"""What a step costs each process: CPU seconds, and the highest resident memory during the step.

Reads /proc (Linux), of processes of the same user. The kernel keeps the high-water mark of a process for its whole
life; writing 5 to `clear_refs` sets it back to the present size, which makes it one of the step.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_RESET_HIGH_WATER = "5"


@dataclass(frozen=True)
class Usage:
    """Of one process during one step."""

    cpu_secs: float
    peak_bytes: int


@dataclass
class Step:
    """One step of a run; complete when its block has ended."""

    name: str
    seconds: float = 0.0
    usage: dict[str, Usage] = field(default_factory=dict[str, Usage])


class Meter:
    """Measures steps over some processes, given as pid by name."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = dict(processes)
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures the block; nothing is noted when it raises."""
        for pid in self._processes.values():
            _proc(pid, "clear_refs").write_text(_RESET_HIGH_WATER, encoding="ascii")
        before = {process: cpu_secs(pid) for process, pid in self._processes.items()}
        began = time.perf_counter()
        yield
        seconds = time.perf_counter() - began
        usage = {
            process: Usage(cpu_secs(pid) - before[process], peak_bytes(pid))
            for process, pid in self._processes.items()
        }
        self.steps.append(Step(name, seconds, usage))


def cpu_secs(pid: int) -> float:
    """User and system time of a process so far, in steps of 10 ms."""
    fields = _proc(pid, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def peak_bytes(pid: int) -> int:
    """The highest resident size of a process since the mark was set back."""
    for line in _proc(pid, "status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/{pid}/status has no VmHWM: is the process still running?")


def _proc(pid: int, name: str) -> Path:
    return Path("/proc") / str(pid) / name
