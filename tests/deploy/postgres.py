"""A PostgreSQL of its own from the system's packages: password, TCP on loopback, data in a folder that goes away."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from weblogs_platform.local import ports

NAME = "dagster"


@dataclass(frozen=True)
class Postgres:
    """A running server: one user, who owns one database of the same name."""

    port: int
    password: str

    def variables(self) -> dict[str, str]:
        """As deploy/dagster/production/dagster.yaml reads them."""
        return {
            "DAGSTER_POSTGRES_HOST": ports.LOOPBACK,
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_DATABASE": NAME,
            "DAGSTER_POSTGRES_USER": NAME,
            "DAGSTER_POSTGRES_PASSWORD": self.password,
            "PGSSLMODE": "disable",  # loopback
        }


def programs() -> Path | None:
    """The folder of the newest PostgreSQL that is installed: Debian's, else the one on the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[4]))
    if debian:
        return debian[-1].parent
    found = shutil.which("postgres")
    return Path(found).parent if found else None


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Runs one. PostgreSQL refuses to run as root: root hands it to the user `postgres` of the package."""
    folder = programs()
    assert folder is not None
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        home, data = Path(name), Path(name) / "data"
        server = Postgres(ports.any_free("postgres"), secrets.token_hex(16))
        secret = home / "password"
        secret.write_text(server.password, encoding="utf-8")
        if os.getuid() == 0:
            shutil.chown(home, "postgres")
            shutil.chown(secret, "postgres")
        _run(
            [
                str(folder / "initdb"), "-D", str(data), "-U", NAME, "-A", "scram-sha-256", f"--pwfile={secret}",
                "--no-sync", "-E", "UTF8", "--no-locale",
            ]
        )  # fmt: skip
        control = [str(folder / "pg_ctl"), "-D", str(data), "-w"]
        options = f"-c listen_addresses={ports.LOOPBACK} -p {server.port} -k {home} -c fsync=off"
        _run([*control, "-l", str(home / "log"), "-o", options, "start"])
        try:
            create = [
                str(folder / "createdb"),
                "-h",
                ports.LOOPBACK,
                "-p",
                str(server.port),
                "-U",
                NAME,
                NAME,
            ]
            _run(create, PGPASSWORD=server.password)
            yield server
        finally:
            _run([*control, "-m", "immediate", "stop"])


def _run(command: Sequence[str], **variables: str) -> None:
    as_owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*as_owner, *command],
        cwd="/",
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        # Not a pipe: the server would inherit and hold it.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{Path(command[0]).name} ended with {done.returncode}"
