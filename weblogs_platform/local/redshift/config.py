"""The server's configuration: one JSON file that only its owner may read, because it holds passwords and keys.

{"database": "/data/warehouse.duckdb",          path of the DuckDB file; created when it is missing
 "database_name": "dev",
 "host": "127.0.0.1",                            loopback only
 "port": 0,                                      0: any free port, see `ready_file`
 "users": {"platform": {"password": "..."},
           "dashboard": {"password": "...", "read_only": true}},
 "roles": {"arn:aws:iam::000000000000:role/weblogs-copy": {"access_key": "...", "secret_key": "..."}},
 "default_role": "arn:...",                      what `IAM_ROLE default` means; optional
 "s3_endpoint": "http://127.0.0.1:8333",         null: AWS
 "s3_region": "eu-west-1",
 "certificate": "/data/server.pem", "private_key": "/data/server.key",
 "ready_file": "/data/redshift.ready",           written once the server serves: {"host", "port", "pid"}
 "require_ssl": true, "memory_limit": "512MB", "threads": 2, "max_connections": 100}
"""

from __future__ import annotations

import ipaddress
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weblogs_platform.local.redshift.contract import S3Credentials


class ConfigError(ValueError):
    """The configuration file cannot be used; the message names the key."""


@dataclass(frozen=True)
class User:
    """A login. A read-only user reads what it was granted and writes temporary tables only."""

    password: str
    read_only: bool = False


@dataclass(frozen=True)
class ServerConfig:
    """See the module's docstring for the keys."""

    database: Path
    users: Mapping[str, User]
    certificate: Path
    private_key: Path
    database_name: str = "dev"
    host: str = "127.0.0.1"
    port: int = 0
    roles: Mapping[str, S3Credentials] = field(default_factory=dict)
    default_role: str | None = None
    s3_endpoint: str | None = None
    s3_region: str = "eu-west-1"
    ready_file: Path | None = None
    require_ssl: bool = True
    memory_limit: str = "512MB"
    threads: int = 2
    max_connections: int = 100


_REQUIRED = ("database", "users", "certificate", "private_key")
_OPTIONAL: dict[str, tuple[type, ...]] = {
    "database_name": (str,),
    "host": (str,),
    "port": (int,),
    "default_role": (str, type(None)),
    "s3_endpoint": (str, type(None)),
    "s3_region": (str,),
    "require_ssl": (bool,),
    "memory_limit": (str,),
    "threads": (int,),
    "max_connections": (int,),
}


def load_config(path: Path) -> ServerConfig:
    """Reads and checks the file. Raises ConfigError, also when others than its owner may read it."""
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path}: holds secrets and must not be readable by others (chmod 600)")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: a JSON object is expected")
    return parse_config(raw)


def parse_config(raw: Mapping[str, Any]) -> ServerConfig:
    """The configuration that a JSON object holds. Raises ConfigError naming the key."""
    unknown = set(raw) - set(_REQUIRED) - set(_OPTIONAL) - {"roles", "ready_file"}
    if unknown:
        raise ConfigError(f"unknown keys: {', '.join(sorted(unknown))}")
    missing = [key for key in _REQUIRED if not raw.get(key)]
    if missing:
        raise ConfigError(f"missing keys: {', '.join(missing)}")
    config = ServerConfig(
        database=Path(raw["database"]),
        users={name: _user(name, value) for name, value in raw["users"].items()},
        certificate=Path(raw["certificate"]),
        private_key=Path(raw["private_key"]),
        roles={arn: _credentials(arn, value) for arn, value in raw.get("roles", {}).items()},
        ready_file=Path(raw["ready_file"]) if raw.get("ready_file") else None,
        **{key: _checked(key, raw[key]) for key in _OPTIONAL if key in raw},
    )
    _check_loopback(config.host)
    return config


def _checked(key: str, value: Any) -> Any:
    if not isinstance(value, _OPTIONAL[key]):
        raise ConfigError(f"{key}: {value!r} is of the wrong type")
    return value


def _user(name: str, value: Any) -> User:
    if isinstance(value, str) and value:
        return User(value)
    if isinstance(value, dict) and set(value) <= {"password", "read_only"} and value.get("password"):
        return User(str(value["password"]), bool(value.get("read_only", False)))
    raise ConfigError(f"users.{name}: a password is needed")


def _credentials(arn: str, value: Any) -> S3Credentials:
    if not isinstance(value, dict) or not set(value) <= {"access_key", "secret_key", "session_token"}:
        raise ConfigError(f"roles.{arn}: access_key and secret_key are needed")
    try:
        return S3Credentials(value["access_key"], value["secret_key"], value.get("session_token"))
    except KeyError as error:
        raise ConfigError(f"roles.{arn}: {error.args[0]} is missing") from error


def _check_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigError(f"host: {host} is not a loopback address; this server is for one machine")
