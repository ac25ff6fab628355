"""The only reader of the environment.

A value comes from the environment, else from `$WEBLOGS_HOME/platform.env` (written by `weblogs up`), else from
its default. On AWS leave the endpoint and the keys away: boto3's own chain finds the role of the process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weblogs_platform.core.errors import InvalidSettings

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""Where `sql/` and `jsonpaths/` stand."""

_WEB = ("http://", "https://")


@dataclass(frozen=True)
class Settings:
    """Endpoints and names; secrets do not show in its repr."""

    environment: str
    bucket: str
    region: str
    s3_endpoint: str | None
    access_key_id: str | None
    secret_access_key: str | None = field(repr=False)
    redshift_host: str
    redshift_port: int
    redshift_database: str
    redshift_user: str
    redshift_password: str = field(repr=False)
    redshift_ca: str | None
    copy_role_arn: str
    dashboard_user: str | None
    """Who may read the platform's tables; None: nobody is granted anything."""
    failpoint: str | None = None
    """Where this process shall be killed (core.failpoints); only in an environment that says it is local."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads the environment once. Raises InvalidSettings naming every variable that is missing or wrong."""
        values = _values(environ)
        needed = (
            "WEBLOGS_BUCKET",
            "REDSHIFT_HOST",
            "REDSHIFT_USER",
            "REDSHIFT_PASSWORD",
            "WEBLOGS_COPY_ROLE",
        )
        _require(needed, values)
        return cls(
            environment=values.get("WEBLOGS_ENV", "local"),
            bucket=values["WEBLOGS_BUCKET"],
            region=values.get("AWS_REGION") or values.get("AWS_DEFAULT_REGION") or "eu-west-1",
            s3_endpoint=values.get("AWS_ENDPOINT_URL_S3"),
            access_key_id=values.get("AWS_ACCESS_KEY_ID"),
            secret_access_key=values.get("AWS_SECRET_ACCESS_KEY"),
            redshift_host=values["REDSHIFT_HOST"],
            redshift_port=_port(values.get("REDSHIFT_PORT", "5439")),
            redshift_database=values.get("REDSHIFT_DATABASE", "dev"),
            redshift_user=values["REDSHIFT_USER"],
            redshift_password=values["REDSHIFT_PASSWORD"],
            redshift_ca=values.get("REDSHIFT_SSL_CA"),
            copy_role_arn=values["WEBLOGS_COPY_ROLE"],
            dashboard_user=values.get("WEBLOGS_DASHBOARD_USER"),
            failpoint=values.get("WEBLOGS_FAILPOINT") if values.get("WEBLOGS_ENV") == "local" else None,
        )


@dataclass(frozen=True)
class DashboardSettings:
    """What the dashboards need: the warehouse with a user who may only read. Secrets do not show in its repr.

    unlock_code: opens customers' ids and messages in a session; None: they stay hidden.
    dagster_url: where runs are linked to, without a slash at the end; None: no links.
    """

    environment: str
    redshift_host: str
    redshift_port: int
    redshift_database: str
    user: str
    password: str = field(repr=False)
    redshift_ca: str | None
    unlock_code: str | None = field(repr=False)
    dagster_url: str | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> DashboardSettings:
        """Reads the environment once. Raises InvalidSettings naming every variable that is missing or wrong."""
        values = _values(environ)
        _require(("REDSHIFT_HOST", "WEBLOGS_DASHBOARD_USER", "WEBLOGS_DASHBOARD_PASSWORD"), values)
        return cls(
            environment=values.get("WEBLOGS_ENV", "local"),
            redshift_host=values["REDSHIFT_HOST"],
            redshift_port=_port(values.get("REDSHIFT_PORT", "5439")),
            redshift_database=values.get("REDSHIFT_DATABASE", "dev"),
            user=values["WEBLOGS_DASHBOARD_USER"],
            password=values["WEBLOGS_DASHBOARD_PASSWORD"],
            redshift_ca=values.get("REDSHIFT_SSL_CA"),
            unlock_code=values.get("WEBLOGS_DASHBOARD_UNLOCK"),
            dagster_url=_dagster_url(values),
        )


@dataclass(frozen=True)
class AlertSettings:
    """Where failures are announced. webhook: takes JSON by POST, and is a secret; None: failures are only logged.

    dagster_url: where runs are linked to, without a slash at the end; None: no links.
    """

    webhook: str | None = field(repr=False)
    dagster_url: str | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> AlertSettings:
        """Reads the environment once. Raises InvalidSettings, which does not name the webhook's address."""
        values = _values(environ)
        webhook = values.get("WEBLOGS_ALERT_WEBHOOK")
        if webhook and not webhook.startswith(_WEB):
            raise InvalidSettings("WEBLOGS_ALERT_WEBHOOK must start with http:// or https://")
        return cls(webhook=webhook, dagster_url=_dagster_url(values))


def home_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of the embedded stack: `$WEBLOGS_HOME`, else `.weblogs` in the working directory."""
    own = os.environ if environ is None else environ
    return Path(own.get("WEBLOGS_HOME") or ".weblogs").absolute()


def _values(environ: Mapping[str, str] | None) -> dict[str, str]:
    own = os.environ if environ is None else environ
    return {**_platform_env(home_folder(own)), **{name: value for name, value in own.items() if value}}


def _dagster_url(values: Mapping[str, str]) -> str | None:
    url = values.get("WEBLOGS_DAGSTER_URL", "").rstrip("/")
    if url and not url.startswith(_WEB):
        raise InvalidSettings(f"WEBLOGS_DAGSTER_URL must start with http:// or https://, got {url!r}")
    return url or None


def _require(names: Iterable[str], values: Mapping[str, str]) -> None:
    missing = [name for name in names if name not in values]
    if missing:
        raise InvalidSettings(
            f"{', '.join(missing)} not set: start the embedded stack with `weblogs up`, or export them"
        )


def _platform_env(home: Path) -> dict[str, str]:
    path = home / "platform.env"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise InvalidSettings(f"cannot read {path}: {error.strerror}") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise InvalidSettings(f"REDSHIFT_PORT must be a port number, got {text!r}")
    return int(text)
