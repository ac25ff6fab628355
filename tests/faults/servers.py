"""The embedded servers, one by one: killed with `kill -9` and started again on their ports, proxies in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults.s3_proxy import S3Proxy
from tests.faults.wire_proxy import WireProxy
from weblogs_platform.clients.lake import request_bounds
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.local import ports, processes
from weblogs_platform.local import stack as stacks
from weblogs_platform.local.component import Component
from weblogs_platform.local.dagster_ui import DagsterUI, install_instance
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.home import Home
from weblogs_platform.local.processes import ProcessId
from weblogs_platform.local.redshift_server import RedshiftServer
from weblogs_platform.local.running import Running
from weblogs_platform.local.s3_server import S3Server
from weblogs_platform.pipeline import provision
from weblogs_platform.settings import Settings


def _go_on() -> None:
    """Nobody asks for a stop."""


class Server:
    """A server that may be killed at any time. Once it is back it is the same: port, data, credentials."""

    def __init__(self, component: Component, home: Home) -> None:
        self._component, self._home = component, home
        self._running = Running.start(component, home)

    def wait_ready(self) -> None:
        self._running.wait_ready(_go_on)

    def kill(self) -> None:
        """`kill -9`; returns when it is gone."""
        os.kill(self._running.process.pid, signal.SIGKILL)
        self._running.process.wait()

    def processes(self) -> list[ProcessId]:
        """The server and all that it started."""
        return processes.marked(self._running.mark)

    def kill_all(self) -> None:
        """`kill -9` of the process and of all that it started; returns when all are gone."""
        while found := self.processes():
            for process in found:
                process.send(signal.SIGKILL)
            self._running.process.wait()

    def restart(self) -> None:
        """Starts it after a kill; returns when it works."""
        self._running.stop()
        self._running = Running.start(self._component, self._home)
        self._running.wait_ready(_go_on)

    def stop(self) -> None:
        self._running.stop()


@dataclass(frozen=True)
class Servers:
    """`settings` are those of a run, which comes to S3 and Redshift through the proxies, as COPY comes to S3;
    `direct` is the way past them, for whoever looks on."""

    endpoints: Endpoints
    settings: Settings
    direct: Settings
    s3: Server
    redshift: Server
    s3_proxy: S3Proxy
    wire_proxy: WireProxy
    start_dagster: Callable[[], Server]
    """`dagster dev` over them, ready."""

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse, past the proxy."""
        return warehouse_of(self.direct)

    def client(self, role: Any) -> Any:
        """S3, past the proxy."""
        return self.endpoints.s3(role)


@contextmanager
def running(folder: Path) -> Iterator[Servers]:
    """Both servers in a folder of their own, with all tables, while the block runs."""
    home = Home(folder)
    home.prepare()
    lock = home.lock()
    try:
        with _in_home(home) as servers:
            yield servers
    finally:
        home.unlock(lock)


@contextmanager
def _in_home(home: Home) -> Iterator[Servers]:
    # Not the ports that everyone begins with: two campaigns may start in the same moment.
    s3_port = ports.any_free("S3", excluded=())
    redshift_port = ports.any_free("Redshift", excluded=(s3_port,))
    dagster_port = ports.any_free("Dagster", excluded=(s3_port, redshift_port))
    wanted = stacks.Wanted(
        dashboard=False, s3_port=s3_port, redshift_port=redshift_port, dagster_port=dagster_port
    )
    credentials = home.credentials(generate=True)
    spec = home.save_ports(home.spec(), stacks._choose_ports(wanted, home.spec().ports))
    endpoints = stacks._endpoints(home, spec, credentials, wanted)
    home.write_platform_env(endpoints.platform_variables())
    direct = Settings.from_env(endpoints.platform_variables())
    s3_proxy = S3Proxy(spec.ports["s3.port"], credentials.s3["copy"].access_key)
    wire_proxy = WireProxy(spec.ports["redshift"])
    s3 = Server(S3Server(home, spec, credentials, spec.ports), home)
    # COPY reads through the proxy too.
    proxied = {**spec.ports, "s3.port": s3_proxy.port}
    redshift = Server(RedshiftServer(home, spec, credentials, proxied), home)
    settings = replace(
        direct,
        s3_endpoint=f"http://127.0.0.1:{s3_proxy.port}",
        redshift=replace(direct.redshift, port=wire_proxy.port),
    )

    def start_dagster() -> Server:
        install_instance(home)
        dagster = Server(DagsterUI(home, spec, credentials, spec.ports, endpoints), home)
        dagster.wait_ready()
        return dagster

    try:
        s3.wait_ready()
        redshift.wait_ready()
        servers = Servers(endpoints, settings, direct, s3, redshift, s3_proxy, wire_proxy, start_dagster)
        _provision(servers)
        yield servers
    finally:
        redshift.stop()
        s3.stop()
        s3_proxy.close()
        wire_proxy.close()


def _provision(servers: Servers) -> None:
    from tests.faults.worker import READ_SECS
    from tests.pipeline.child import lake_of

    patience = request_bounds(read_secs=READ_SECS)
    provision.initialise(lake_of(servers.direct, patience), servers.warehouse)
