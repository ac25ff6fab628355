"""What the supervisor says about its stack, for `status` and for whoever attaches: run/state.json.

The file alone proves nothing, since it outlives a crash: `look` believes it only while the lock is held, and a
component only while its very process is alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from weblogs_platform.local.files import read_json, write_private_json
from weblogs_platform.local.home import Home
from weblogs_platform.local.processes import ProcessId

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]


@dataclass(frozen=True)
class ComponentState:
    """One row of `weblogs status`. `state`: starting, ready, or down."""

    component: str
    state: str
    pid: int | None
    endpoint: str
    data_folder: str


@dataclass(frozen=True)
class StackState:
    """The stack of a folder now. `error` is why it ended, when it failed."""

    phase: Phase
    supervisor: ProcessId | None
    components: tuple[ComponentState, ...]
    error: str | None = None

    @property
    def is_ready(self) -> bool:
        """Everything that was started is up."""
        return self.phase == "ready" and all(c.state == "ready" for c in self.components)

    def to_json(self, home: str) -> dict[str, Any]:
        return {
            "home": home,
            "state": self.phase,
            "supervisor_pid": self.supervisor.pid if self.supervisor else None,
            "error": self.error,
            "components": [vars(component) for component in self.components],
        }


@dataclass(frozen=True)
class Entry:
    """A component as the supervisor writes it down."""

    name: str
    process: ProcessId | None
    endpoint: str
    data_folder: str
    ready: bool


def write(home: Home, phase: Phase, entries: Sequence[Entry], error: str | None = None) -> None:
    components = [
        {
            "name": entry.name,
            "process": entry.process.to_json() if entry.process else None,
            "endpoint": entry.endpoint,
            "data_folder": entry.data_folder,
            "ready": entry.ready,
        }
        for entry in entries
    ]
    write_private_json(
        home.path("run", "state.json"), {"phase": phase, "error": error, "components": components}
    )


def stopped(home: Home) -> None:
    """Marks the stack as stopped by somebody else than its supervisor; what it was made of stays shown."""
    path = home.path("run", "state.json")
    write_private_json(path, {**(read_json(path) or {"components": []}), "phase": "stopped", "error": None})


def look(home: Home) -> StackState:
    """The present state, checked against lock and processes."""
    supervisor = home.supervisor()
    document = read_json(home.path("run", "state.json")) or {}
    phase: Phase = document.get("phase", "stopped")
    if supervisor is None and phase != "failed":
        phase = "stopped"
    elif supervisor and phase in ("stopped", "failed"):
        phase = "starting"  # it has the lock, and the file is still the one before
    components = tuple(_component(entry, supervisor) for entry in document.get("components", ()))
    return StackState(phase, supervisor, components, document.get("error"))


def _component(entry: dict[str, object], supervisor: ProcessId | None) -> ComponentState:
    process = ProcessId.from_json(entry["process"])
    alive = process is not None and process.is_alive()
    up = "ready" if entry["ready"] and supervisor else "starting" if supervisor else "orphaned"
    return ComponentState(
        component=str(entry["name"]),
        state=up if alive else "down",
        pid=process.pid if process and alive else None,
        endpoint=str(entry["endpoint"]),
        data_folder=str(entry["data_folder"]),
    )
