"""The embedded Redshift: `weblogs_platform.local.redshift` as a process of its own, with this stack's users,
roles and certificate."""

from __future__ import annotations

from pathlib import Path

from weblogs_platform.local import ports as free_ports
from weblogs_platform.local.component import Component, Launch, NotReady

PREFERRED_PORT = 5439


class RedshiftServer(Component):
    """The Redshift-compatible server over one DuckDB file."""

    name = "redshift"
    ready_within_secs = 60.0
    stops_within_secs = 20.0

    @property
    def endpoint(self) -> str:
        return f"{free_ports.LOOPBACK}:{self.ports['redshift']}"

    @property
    def data_folder(self) -> Path:
        return self.home.path("redshift")

    def prepare(self) -> Launch:
        raise NotImplementedError

    def check_ready(self) -> None:
        raise NotReady("")
