"""The embedded stack of one folder: its servers started together, watched together, stopped together.

    with Stack(folder).running(dagster=False) as endpoints:
        endpoints.s3("delivery").put_object(...)

A component that dies takes the stack down with it, and is named: a warehouse without its lake answers nobody, and
a restart behind the user's back would hide why. Data and credentials stay in the folder and are there next time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from weblogs_platform.local import (
    dagster_ui,
    dashboard_app,
    ports,
    processes,
    redshift_server,
    s3_server,
    state,
)
from weblogs_platform.local.component import Component
from weblogs_platform.local.dagster_ui import DagsterUI
from weblogs_platform.local.dashboard_app import DashboardApp
from weblogs_platform.local.endpoints import Endpoints, RedshiftEndpoint
from weblogs_platform.local.errors import NotRunning, StackError, StartFailed
from weblogs_platform.local.home import Credentials, Home, StackSpec
from weblogs_platform.local.redshift_server import RedshiftServer
from weblogs_platform.local.running import Running
from weblogs_platform.local.s3_server import S3Server

_POLL_SECS = 0.2
_ATTEMPTS = 3


@dataclass(frozen=True)
class Wanted:
    """What to start, and the ports that were asked for (None: any that is free, the last one first)."""

    redshift: bool = True
    dagster: bool = True
    dashboard: bool = True
    s3_port: int | None = None
    redshift_port: int | None = None
    dagster_port: int | None = None
    dashboard_port: int | None = None

    def __post_init__(self) -> None:
        # There is nothing to show without the warehouse.
        object.__setattr__(self, "dashboard", self.dashboard and self.redshift)


def _go_on() -> None:
    """Nobody asks for a stop."""


class Stack:
    """The stack of a folder, run by this process. For a stack that is running elsewhere see `attach`."""

    def __init__(self, folder: Path | str, go_on: Callable[[], None] = _go_on) -> None:
        self.home = Home(folder)
        self._go_on = go_on
        self._lock: int | None = None
        self._running: list[Running] = []
        self._ready: set[str] = set()

    @contextmanager
    def running(
        self, *, dagster: bool = True, redshift: bool = True, dashboard: bool = False
    ) -> Iterator[Endpoints]:
        """Starts it, and stops it at the end of the block, whatever happens inside."""
        try:
            yield self.start(Wanted(dagster=dagster, redshift=redshift, dashboard=dashboard))
        finally:
            self.stop()

    def start(self, wanted: Wanted) -> Endpoints:
        """Returns when everything works. Raises StackError, with nothing left running."""
        self.home.prepare()
        self._lock = self.home.lock()
        try:
            return self._start(wanted)
        except BaseException as error:
            self.stop(error=str(error) if isinstance(error, StackError) else None)
            raise

    def watch(self) -> None:
        """Returns never; raises ComponentDied when a component ends, and what `go_on` raises."""
        while True:
            self._go_on()
            self.check_running()
            time.sleep(_POLL_SECS)

    def check_running(self) -> None:
        """Raises ComponentDied when a component has ended."""
        for running in self._running:
            running.check_running()

    def stop(self, error: str | None = None) -> None:
        """Stops what runs, the last first. Does nothing when nothing does."""
        if self._lock is None:
            return
        try:
            self._write("stopping")
            last = self._stop_all()
            state.write(self.home, "failed" if error else "stopped", last, error)
        finally:
            self.home.unlock(self._lock)
            self._lock = None

    def _stop_all(self) -> list[state.Entry]:
        for running in reversed(self._running):
            running.stop()
        last = [self._entry(running) for running in self._running]
        self._running, self._ready = [], set()
        return last

    def _start(self, wanted: Wanted) -> Endpoints:
        spec, credentials = self.home.spec(), self.home.credentials(generate=True)
        sweep(self.home)
        for attempt in range(_ATTEMPTS):
            self._write("starting")
            chosen = _choose_ports(wanted, spec.ports)
            spec = self.home.save_ports(spec, chosen)
            try:
                return self._start_on(spec, credentials, wanted)
            except StartFailed:
                self._stop_all()
                # Another stack that started in the same moment may have taken a port: that is worth another try.
                if attempt == _ATTEMPTS - 1 or all(map(ports.is_free, chosen.values())):
                    raise
        raise AssertionError("unreachable")

    def _start_on(self, spec: StackSpec, credentials: Credentials, wanted: Wanted) -> Endpoints:
        endpoints = _endpoints(self.home, spec, credentials, wanted)
        self.home.write_platform_env(endpoints.platform_variables())
        dagster_ui.install_instance(self.home)
        stores = [S3Server, *([RedshiftServer] if wanted.redshift else [])]
        self._bring_up([kind(self.home, spec, credentials, spec.ports) for kind in stores])
        faces = [*([DashboardApp] if wanted.dashboard else []), *([DagsterUI] if wanted.dagster else [])]
        self._bring_up([kind(self.home, spec, credentials, spec.ports, endpoints) for kind in faces])
        self._write("ready")
        return endpoints

    def _bring_up(self, components: list[Component]) -> None:
        started = []
        for component in components:
            started.append(Running.start(component, self.home))
            self._running.append(started[-1])
        self._write("starting")
        for running in started:
            running.wait_ready(self._go_on)
            self._ready.add(running.component.name)
            self._write("starting")

    def _write(self, phase: state.Phase, error: str | None = None) -> None:
        state.write(self.home, phase, [self._entry(running) for running in self._running], error)

    def _entry(self, running: Running) -> state.Entry:
        component = running.component
        ready = component.name in self._ready
        return state.Entry(component.name, running.id, component.endpoint, str(component.data_folder), ready)


def attach(folder: Path | str) -> Endpoints:
    """The endpoints of a stack that another process runs. Raises NotRunning."""
    home = Home(folder)
    now = state.look(home)
    if not now.is_ready:
        what = "is not running" if now.supervisor is None else f"is {now.phase}"
        raise NotRunning(f"the stack in {home} {what}: start it with `weblogs up`")
    names = {component.component for component in now.components}
    wanted = Wanted(redshift="redshift" in names, dagster="dagster" in names, dashboard="dashboard" in names)
    return _endpoints(home, home.spec(), home.credentials(), wanted)


def sweep(home: Home) -> int:
    """Ends whatever a killed supervisor left of this stack; how many processes. Hold the lock."""
    if not home.exists():
        return 0
    remnants = processes.marked(home.mark(home.spec().stack_id))
    processes.stop(remnants, patience_secs=20.0)
    return len(remnants)


def _choose_ports(wanted: Wanted, last: Mapping[str, int]) -> dict[str, int]:
    asked = [("s3.port", "S3", wanted.s3_port, s3_server.PREFERRED_PORT)]
    if wanted.redshift:
        asked.append(("redshift", "Redshift", wanted.redshift_port, redshift_server.PREFERRED_PORT))
    if wanted.dagster:
        asked.append(("dagster", "Dagster's UI", wanted.dagster_port, dagster_ui.PREFERRED_PORT))
    if wanted.dashboard:
        asked.append(("dashboard", "the dashboards", wanted.dashboard_port, dashboard_app.PREFERRED_PORT))
    chosen: dict[str, int] = {}
    for name, title, port, preferred in sorted(
        asked, key=lambda one: one[2] is None
    ):  # those asked for, first
        chosen[name] = ports.choose(
            title, wanted=port, last=last.get(name), preferred=preferred, excluded=set(chosen.values())
        )
    return {**chosen, **s3_server.choose_inner_ports(last, excluded=set(chosen.values()))}


def _endpoints(home: Home, spec: StackSpec, credentials: Credentials, wanted: Wanted) -> Endpoints:
    return Endpoints(
        home=home.folder,
        bucket=spec.bucket,
        region=spec.region,
        s3_url=f"http://{ports.LOOPBACK}:{spec.ports['s3.port']}",
        keys=credentials.s3,
        copy_role=spec.copy_role,
        redshift=_redshift_endpoint(home, spec, credentials) if wanted.redshift else None,
        dagster_url=f"http://{ports.LOOPBACK}:{spec.ports['dagster']}" if wanted.dagster else None,
        dashboard_url=f"http://{ports.LOOPBACK}:{spec.ports['dashboard']}" if wanted.dashboard else None,
    )


def _redshift_endpoint(home: Home, spec: StackSpec, credentials: Credentials) -> RedshiftEndpoint:
    return RedshiftEndpoint(
        host=ports.LOOPBACK,
        port=spec.ports["redshift"],
        database=spec.database,
        user=spec.redshift_user,
        password=credentials.redshift_password,
        dashboard_user=spec.dashboard_user,
        dashboard_password=credentials.dashboard_password,
        authority=home.path("tls", "redshift-ca.pem"),
        trust_bundle=home.path("tls", "trust.pem"),
    )
