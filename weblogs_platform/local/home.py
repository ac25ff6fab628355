"""The stack's folder: what is kept between starts, who may use it, and who is using it now.

    stack.json         names and ports           credentials.json  access keys and passwords, made once
    platform.env       what Settings reads       tls/              the authority and certificates
    s3/  redshift/  dagster/                     data and configuration of each component
    logs/              a file per component      run/              the lock and the present state

The folder is the user's alone (0700) and so is every file with a secret in it (0600). One process at a time
holds the lock; the kernel drops it with the process, so that nothing stale can stay behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from weblogs_platform.local.errors import AlreadyRunning, HomeUnusable
from weblogs_platform.local.files import read_json, write_private, write_private_json
from weblogs_platform.local.processes import ProcessId, wait_for
from weblogs_platform.local.roles import ROLES, Keys, Role, generate_keys

_FOLDERS = ("s3", "redshift", "dagster", "logs", "run", "tls")
_KNOWN = {*_FOLDERS, "stack.json", "credentials.json", "platform.env"}
_PASSWORDS = ("redshift_password", "dashboard_password")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class StackSpec:
    """The names of a stack and the ports it used last. `stack_id` tells its processes from another stack's."""

    stack_id: str = field(default_factory=lambda: secrets.token_hex(8))
    bucket: str = "weblogs-lake"
    region: str = "eu-west-1"
    database: str = "dev"
    redshift_user: str = "awsuser"
    dashboard_user: str = "dashboard"
    copy_role: str = "arn:aws:iam::000000000000:role/weblogs-copy"
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Credentials:
    """The secrets of a stack."""

    s3: Mapping[Role, Keys]
    redshift_password: str = field(repr=False)
    dashboard_password: str = field(repr=False)


class Home:
    """The folder of one stack."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).expanduser().absolute()
        if _CONTROL.search(str(self.folder)):
            raise HomeUnusable(f"the folder's path holds a control character: {str(self.folder)!r}")
        self.folder = self.folder.resolve()

    def __str__(self) -> str:
        return str(self.folder)

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def log_path(self, component: str) -> Path:
        return self.path("logs", f"{component}.log")

    def exists(self) -> bool:
        """Whether a stack was started here before. Raises HomeUnusable when this user may not look."""
        try:
            return self.path("stack.json").is_file()
        except PermissionError as error:
            raise HomeUnusable(
                f"cannot use {self.folder}: {error.strerror}; set WEBLOGS_HOME to a folder of your own"
            ) from error

    # -- set-up

    def prepare(self) -> None:
        """Makes the folder and its parts private to this user. Raises HomeUnusable, saying what is wrong."""
        try:
            self._make()
        except OSError as error:
            raise HomeUnusable(
                f"cannot use {self.folder}: {error.strerror}; set WEBLOGS_HOME to a folder that you may write"
            ) from error

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = self.folder.stat().st_uid
        if owner != os.geteuid():
            raise HomeUnusable(
                f"{self.folder} belongs to another user (uid {owner}); set WEBLOGS_HOME to a folder of your own"
            )
        strangers = sorted({entry.name for entry in self.folder.iterdir()} - _KNOWN)
        if strangers and not self.exists():
            raise HomeUnusable(
                f"{self.folder} holds other files ({strangers[0]}): "
                "set WEBLOGS_HOME to a folder that is new or empty"
            )
        self.folder.chmod(0o700)
        for name in _FOLDERS:
            self.path(name).mkdir(mode=0o700, exist_ok=True)

    def spec(self) -> StackSpec:
        """The names and last ports; those of a new stack when there is none yet."""
        kept = read_json(self.path("stack.json")) or {}
        known = {name: kept[name] for name in StackSpec.__dataclass_fields__ if name in kept}
        return StackSpec(**known)

    def save_spec(self, spec: StackSpec) -> None:
        write_private_json(self.path("stack.json"), {**vars(spec), "ports": dict(spec.ports)})

    def save_ports(self, spec: StackSpec, ports: Mapping[str, int]) -> StackSpec:
        """Keeps the ports beside those of components that are not started this time."""
        changed = replace(spec, ports={**spec.ports, **ports})
        self.save_spec(changed)
        return changed

    def credentials(self, *, generate: bool = False) -> Credentials:
        """The secrets; made once when asked to. Raises HomeUnusable when there are none."""
        path = self.path("credentials.json")
        document = read_json(path) or {}
        kept = _parse_credentials(document)
        if kept and set(_PASSWORDS) <= set(document):
            return kept
        if not generate:
            raise HomeUnusable(f"no credentials in {self.folder}: start the stack once with `weblogs up`")
        if kept is None:
            kept = Credentials({role: generate_keys(role) for role in ROLES}, _password(), _password())
        s3 = {role: vars(keys) for role, keys in kept.s3.items()}
        write_private_json(path, {"s3": s3, **{name: getattr(kept, name) for name in _PASSWORDS}})
        return kept

    def write_platform_env(self, variables: Mapping[str, str]) -> None:
        """One NAME=value line each, unquoted: no value holds a line break."""
        write_private(self.path("platform.env"), "".join(f"{k}={v}\n" for k, v in variables.items()))

    # -- who is using it

    def mark(self, stack_id: str, component: str = "") -> str:
        """The mark of this stack's processes. The folder's inode tells a copy of the folder from the original."""
        return f"{stack_id}:{self.folder.stat().st_ino}:{component}"

    def supervisor(self) -> ProcessId | None:
        """The process that holds the lock; None when nobody does."""
        holder: list[ProcessId] = []

        def settled() -> bool:
            locked, name = self._look_at_lock()
            holder[:] = [name] if name else []
            return bool(name) or not locked  # locked and no name: it is just about to write it

        wait_for(settled, timeout_secs=2.0)
        return holder[0] if holder else None

    def _look_at_lock(self) -> tuple[bool, ProcessId | None]:
        try:
            handle = os.open(self._lock_path, os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False, None
        except OSError as error:
            raise HomeUnusable(f"cannot use {self.folder}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False, None
        except BlockingIOError:
            return True, _holder(handle)
        finally:
            os.close(handle)

    def lock(self) -> int:
        """Takes the lock for this process; the handle is given back to `unlock`. Raises AlreadyRunning."""
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Whoever only looks holds a shared lock for a moment: try again before believing it.
        if not wait_for(lambda: _try_lock(handle), timeout_secs=0.3):
            holder = _holder(handle)
            os.close(handle)
            who = f" (process {holder.pid})" if holder else ""
            raise AlreadyRunning(
                f"the stack in {self.folder} is already running{who}: "
                "`weblogs status` shows it, `weblogs down` stops it"
            )
        own = ProcessId.of(os.getpid())
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(own.to_json() if own else {}).encode(), 0)
        return handle

    def unlock(self, handle: int) -> None:
        os.ftruncate(handle, 0)
        os.close(handle)

    @property
    def _lock_path(self) -> Path:
        return self.path("run", "lock")


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> ProcessId | None:
    try:
        return ProcessId.from_json(json.loads(os.pread(handle, 4096, 0)))
    except ValueError:  # it has the lock and has not written its name yet
        return None


def _password() -> str:
    # Redshift asks for upper case, lower case and a digit.
    return f"Aa1{secrets.token_hex(16)}"


def _parse_credentials(document: Mapping[str, object]) -> Credentials | None:
    s3, password = document.get("s3"), document.get("redshift_password")
    if not isinstance(s3, dict) or not isinstance(password, str) or set(s3) != set(ROLES):
        return None
    # Folders that are older than the dashboards have no password for them.
    dashboard = str(document.get("dashboard_password") or _password())
    return Credentials({role: Keys(**s3[role]) for role in ROLES}, password, dashboard)
