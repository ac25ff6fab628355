"""Starting the server as a process of its own, for the stack and for tests.

    with launch(folder, users={"platform": User("secret")}) as server:
        redshift_connector.connect(host=server.host, port=server.port, database="dev", ...)

`folder` keeps everything: database, certificates, configuration (0600), log. A second start in it finds the data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from weblogs_platform.local.certificates import CertificateFiles, certificate_files
from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.contract import S3Credentials

_POLL_SECS = 0.02


class StartError(RuntimeError):
    """The server did not start; the message holds the end of its log."""


@dataclass(frozen=True)
class LaunchOptions:
    """What the caller chooses; the rest is derived from the folder."""

    users: Mapping[str, User]
    database_name: str = "dev"
    port: int = 0
    roles: Mapping[str, S3Credentials] = field(default_factory=dict)
    default_role: str | None = None
    s3_endpoint: str | None = None
    s3_region: str = "eu-west-1"
    require_ssl: bool = True
    memory_limit: str = "512MB"
    threads: int = 2
    max_connections: int = 100


class RunningServer:
    """A started process. Leaving the `with` block stops it cleanly."""

    def __init__(
        self, process: subprocess.Popen[bytes], ready: Mapping[str, Any], certificates: CertificateFiles
    ) -> None:
        self.process = process
        self.host: str = ready["host"]
        self.port: int = ready["port"]
        self.authority: Path = certificates.authority

    def stop(self, timeout_secs: float = 20) -> None:
        """SIGTERM, and SIGKILL when it has not ended in time (which loses nothing committed)."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout_secs)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash would end it."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def launch(folder: Path, options: LaunchOptions, *, timeout_secs: float = 30) -> RunningServer:
    """Starts a server over `folder` and returns when it serves. Raises StartError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tls = folder / "certificates"
    tls.mkdir(exist_ok=True, mode=0o700)
    certificates = certificate_files(tls, "redshift")
    ready_file = folder / "redshift.ready"
    ready_file.unlink(missing_ok=True)
    config = write_config(folder, options, certificates, ready_file)
    log_path = folder / "redshift.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "weblogs_platform.local.redshift", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    ready = _wait_until_ready(process, ready_file, log_path, timeout_secs)
    return RunningServer(process, ready, certificates)


def write_config(
    folder: Path, options: LaunchOptions, certificates: CertificateFiles, ready_file: Path
) -> Path:
    """Writes the configuration file, readable by its owner only, and returns its path."""
    content = {
        "database": str(folder / "warehouse.duckdb"),
        "database_name": options.database_name,
        "host": "127.0.0.1",
        "port": options.port,
        "users": {name: user.__dict__ for name, user in options.users.items()},
        "roles": {arn: _keys(credentials) for arn, credentials in options.roles.items()},
        "default_role": options.default_role,
        "s3_endpoint": options.s3_endpoint,
        "s3_region": options.s3_region,
        "certificate": str(certificates.certificate),
        "private_key": str(certificates.key),
        "ready_file": str(ready_file),
        "require_ssl": options.require_ssl,
        "memory_limit": options.memory_limit,
        "threads": options.threads,
        "max_connections": options.max_connections,
    }
    path = folder / "redshift.json"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    return path


def _keys(credentials: S3Credentials) -> dict[str, str]:
    return {name: value for name, value in credentials.__dict__.items() if value is not None}


def _wait_until_ready(
    process: subprocess.Popen[bytes], ready_file: Path, log_path: Path, timeout_secs: float
) -> Mapping[str, Any]:
    deadline = time.monotonic() + timeout_secs
    while time.monotonic() < deadline:
        if ready_file.exists():
            return json.loads(ready_file.read_text(encoding="utf-8"))
        if process.poll() is not None:
            raise StartError(f"the Redshift server ended with {process.returncode}: {_tail(log_path)}")
        time.sleep(_POLL_SECS)
    process.kill()
    process.wait()
    raise StartError(f"the Redshift server was not ready after {timeout_secs} s: {_tail(log_path)}")


def _tail(log_path: Path) -> str:
    return log_path.read_text(encoding="utf-8", errors="replace")[-2000:].strip()
