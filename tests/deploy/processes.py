"""The processes of a deployment, started as deploy/dagster/README.md says, on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.browser.dagster_api import DagsterApi, wait_for
from weblogs_platform.local import ports
from weblogs_platform.local.environment import inherited
from weblogs_platform.settings import PROJECT_ROOT

PRODUCTION = PROJECT_ROOT / "deploy" / "dagster" / "production"
READY_SECS = 90

_SENSORS = """{ sensorsOrError(repositorySelector:
  {repositoryName: "__repository__", repositoryLocationName: "weblogs_platform"}) {
  ... on Sensors { results { name id } } } }"""
_STOP = """mutation($id: String!) { stopSensor(id: $id) {
  __typename ... on PythonError { message } } }"""


@dataclass
class Deployment:
    """Code location, webserver and daemon, each a process; `home` is $DAGSTER_HOME.

    concurrent_runs: instead of the deployment's limit, as each run is a process that imports Dagster.
    """

    home: Path
    variables: Mapping[str, str]
    concurrent_runs: int = 2
    code_port: int = field(default_factory=lambda: ports.any_free("code location"))
    web_port: int = field(default_factory=lambda: ports.any_free("webserver"))
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def api(self) -> DagsterApi:
        return DagsterApi(f"http://{ports.LOOPBACK}:{self.web_port}")

    def start(self) -> None:
        """All three; returns when the webserver has loaded the code location and the daemon beats."""
        settings = yaml.safe_load((PRODUCTION / "dagster.yaml").read_text(encoding="utf-8"))
        settings["concurrency"]["runs"]["max_concurrent_runs"] = self.concurrent_runs
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        shutil.copy(PRODUCTION / "workspace.yaml", self.home)
        address = ["--host", ports.LOOPBACK, "--port", str(self.code_port)]
        module = ["--module-name", "weblogs_platform.definitions", "--location-name", "weblogs_platform"]
        self._start("code", ["dagster", "api", "grpc", *module, *address])
        wait_for(self._code_answers, READY_SECS, "the code location")
        workspace = ["-w", str(self.home / "workspace.yaml")]
        web = ["dagster_webserver", *workspace, "-h", ports.LOOPBACK, "-p", str(self.web_port)]
        self._start("web", web)
        self.start_daemon()
        wait_for(self._location_loaded, READY_SECS, "the webserver")
        wait_for(self.daemon_beats, READY_SECS, "the daemon")

    def stop_sensors(self, *, but: str) -> None:
        """Each but one: what other sensors would start takes the few places of runs, and minutes."""
        for sensor in self.api.ask(_SENSORS)["sensorsOrError"]["results"]:
            if sensor["name"] != but:
                answer = self.api.ask(_STOP, id=sensor["id"])["stopSensor"]
                assert answer["__typename"] == "StopSensorMutationResult", answer

    def start_daemon(self) -> None:
        self._start("daemon", ["dagster._daemon", "run", "-w", str(self.home / "workspace.yaml")])

    def kill_daemon(self) -> None:
        """SIGKILL, and waits until it is gone."""
        process = self._running.pop("daemon")
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL

    def weblogs(self, *arguments: str, status: int = 0) -> str:
        """What a command prints with the settings of the code location. Raises AssertionError on another status."""
        command = [sys.executable, "-m", "weblogs_platform.cli", *arguments]
        done = subprocess.run(
            command,
            cwd=PROJECT_ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def stop(self) -> None:
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _start(self, name: str, module: Sequence[str]) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=PROJECT_ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _environment(self) -> dict[str, str]:
        return {
            **inherited(os.environ),
            **self.variables,
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_EVENT_BATCH_SIZE": "500",
            "WEBLOGS_CODE_HOST": ports.LOOPBACK,
            "WEBLOGS_CODE_PORT": str(self.code_port),
        }

    def _alive(self, name: str) -> None:
        status = self._running[name].poll()
        assert status is None, f"{name} ended with {status}: {self.log(name)[-2000:]}"

    def _code_answers(self) -> bool:
        self._alive("code")
        return not ports.is_free(self.code_port)

    def _location_loaded(self) -> bool:
        self._alive("web")
        try:
            found = self.api.ask(
                "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
            )
        except OSError:
            return False
        return [e["loadStatus"] for e in found["workspaceOrError"]["locationEntries"]] == ["LOADED"]

    def daemon_beats(self) -> bool:
        self._alive("daemon")
        found = self.api.ask(
            '{ instance { daemonHealth { daemonStatus(daemonType: "QUEUED_RUN_COORDINATOR") { healthy } } } }'
        )
        return bool(found["instance"]["daemonHealth"]["daemonStatus"]["healthy"])
