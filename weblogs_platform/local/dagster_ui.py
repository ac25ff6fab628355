"""Dagster's UI and daemon over the project's code location, with its instance in the stack's folder."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weblogs_platform.local import ports as free_ports
from weblogs_platform.local.component import BrokenComponent, Face, Launch, NotReady
from weblogs_platform.local.environment import inherited
from weblogs_platform.local.errors import StartFailed
from weblogs_platform.local.home import Home
from weblogs_platform.settings import PROJECT_ROOT

PREFERRED_PORT = 3000
INSTANCE_FILE = PROJECT_ROOT / "deploy" / "dagster" / "local" / "dagster.yaml"

_LOCATIONS = """{ workspaceOrError { __typename ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


def install_instance(home: Home) -> None:
    """Copies the project's dagster.yaml to $DAGSTER_HOME, so that every Dagster command uses the same instance."""
    if INSTANCE_FILE.is_file():
        shutil.copyfile(INSTANCE_FILE, home.path("dagster", "dagster.yaml"))


class DagsterUI(Face):
    """`dagster dev`: webserver, daemon and code server."""

    name = "dagster"
    ready_within_secs = 180.0
    stops_within_secs = 30.0

    @property
    def data_folder(self) -> Path:
        return self.home.path("dagster")

    def prepare(self) -> Launch:
        workspace = PROJECT_ROOT / "workspace.yaml"
        if not workspace.is_file():
            raise StartFailed(f"no {workspace}: run from a checkout of the project, or with --no-dagster")
        address = ["-h", free_ports.LOOPBACK, "-p", str(self.ports["dagster"])]
        dev = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), *address]
        command = [sys.executable, "-m", "weblogs_platform.local.lost_runs", *dev]
        return Launch(command, PROJECT_ROOT, self._environment())

    def check_ready(self) -> None:
        """The UI answers and every code location is loaded; one that fails to load fails the start."""
        try:
            self._fetch("/server_info")
            answer = self._fetch("/graphql", {"query": _LOCATIONS})
        except (OSError, ValueError) as error:
            raise NotReady(str(error)) from error
        _check_locations(answer)

    def _environment(self) -> dict[str, str]:
        # The user's own environment, because the code location is the user's code; the stack's names win.
        return {
            **inherited(os.environ),
            **self._endpoints.variables("platform"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }

    def _fetch(self, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own address
            self.endpoint + path,
            data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as response:
            return json.load(response)


def _check_locations(answer: Mapping[str, Any]) -> None:
    """Raises NotReady while locations are loading, BrokenComponent with the message of one that failed."""
    workspace = (answer.get("data") or {}).get("workspaceOrError") or {}
    entries = workspace.get("locationEntries") or []
    if not entries or any(entry["loadStatus"] != "LOADED" for entry in entries):
        raise NotReady("the code location is still loading")
    for entry in entries:
        outcome = entry["locationOrLoadError"] or {}
        if outcome.get("__typename") == "PythonError":
            raise BrokenComponent(f"the code location {entry['name']} does not load: {outcome['message']}")
