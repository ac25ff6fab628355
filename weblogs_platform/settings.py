"""The only reader of the environment.

A value comes from the environment, else from the file that WEBLOGS_SETTINGS names, else, in the local environment
alone, from `$WEBLOGS_HOME/platform.env` (written by `weblogs up`), else from its default. `settings_keys` declares
them all. With WEBLOGS_ENV=aws nothing of the embedded stack is read, and boto3's own chain finds the credentials.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.settings_keys import BY_VARIABLE, KEYS, Key, read_settings_file

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""Where `sql/` and `jsonpaths/` stand."""

_LOGINS = ("REDSHIFT_PASSWORD", "REDSHIFT_PASSWORD_SECRET", "REDSHIFT_CLUSTER", "REDSHIFT_WORKGROUP")
_CONNECTION = ("REDSHIFT_PORT", "REDSHIFT_SSLMODE")
_READS = "WEBLOGS_DASHBOARD_READS"
_DASHBOARD_LOGINS = ("WEBLOGS_DASHBOARD_PASSWORD", "WEBLOGS_DASHBOARD_PASSWORD_SECRET")


@dataclass(frozen=True)
class RedshiftLogin:
    """Where Redshift is and how to log in: with exactly one of password, password_secret, cluster and workgroup.

    The server is always verified: `sslmode` is verify-full or verify-ca, `ca` a PEM file or None for the
    authorities of the driver and the system. Secrets do not show in its repr.
    """

    host: str
    port: int
    database: str
    region: str
    user: str | None
    password: str | None = field(default=None, repr=False)
    password_secret: str | None = None
    cluster: str | None = None
    workgroup: str | None = None
    sslmode: str = "verify-full"
    ca: str | None = None


@dataclass(frozen=True)
class Settings:
    """Endpoints and names; secrets do not show in its repr."""

    environment: str
    bucket: str
    region: str
    s3_endpoint: str | None
    access_key_id: str | None
    """Of the embedded stack; None on AWS, as the secret."""
    secret_access_key: str | None = field(repr=False)
    redshift: RedshiftLogin
    copy_role_arn: str
    dashboard_user: str | None
    """Who may read the platform's tables; None: nobody is granted anything."""
    dashboard_reads: str
    """`kpis` or `everything`."""
    failpoint: str | None = None
    """Where this process shall be killed (core.failpoints); only in an environment that says it is local."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads the environment once. Raises InvalidSettings naming every variable that is missing or wrong."""
        values = _values(environ)
        aws = values["WEBLOGS_ENV"] == "aws"
        login = _login(values, _LOGINS)
        needs_user = login in {"REDSHIFT_PASSWORD", "REDSHIFT_CLUSTER"}
        needed = ["WEBLOGS_BUCKET", "REDSHIFT_HOST", *(["REDSHIFT_USER"] if needs_user else []), login]
        _require([*needed, "WEBLOGS_COPY_ROLE", *(["AWS_REGION"] if aws else [])], values)
        _check(
            ("AWS_REGION", "AWS_ENDPOINT_URL_S3", "WEBLOGS_COPY_ROLE", _READS, *_CONNECTION, *_LOGINS), values
        )
        _refuse_plain_http(values)
        return cls(
            environment=values["WEBLOGS_ENV"],
            bucket=values["WEBLOGS_BUCKET"],
            region=_region(values),
            s3_endpoint=values.get("AWS_ENDPOINT_URL_S3"),
            access_key_id=_of_the_stack(values, "AWS_ACCESS_KEY_ID"),
            secret_access_key=_of_the_stack(values, "AWS_SECRET_ACCESS_KEY"),
            redshift=_redshift(
                values,
                user=values.get("REDSHIFT_USER"),
                password=values.get("REDSHIFT_PASSWORD"),
                password_secret=values.get("REDSHIFT_PASSWORD_SECRET"),
                cluster=values.get("REDSHIFT_CLUSTER"),
                workgroup=values.get("REDSHIFT_WORKGROUP"),
            ),
            copy_role_arn=values["WEBLOGS_COPY_ROLE"],
            dashboard_user=values.get("WEBLOGS_DASHBOARD_USER"),
            dashboard_reads=values[_READS],
            failpoint=values.get("WEBLOGS_FAILPOINT") if _says_local(environ, values) else None,
        )


@dataclass(frozen=True)
class DashboardSettings:
    """What the dashboards need: the warehouse with a user who may only read. Secrets do not show in its repr.

    reads: `kpis` or `everything`; what `weblogs init` granted that user.
    unlock_code: opens customers' ids and messages in a session; None: they stay hidden.
    dagster_url: where runs are linked to, without a slash at the end; None: no links.
    """

    environment: str
    redshift: RedshiftLogin
    reads: str
    unlock_code: str | None = field(repr=False)
    dagster_url: str | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> DashboardSettings:
        """Reads the environment once. Raises InvalidSettings naming every variable that is missing or wrong."""
        values = _values(environ)
        login = _login(values, _DASHBOARD_LOGINS)
        _require(("REDSHIFT_HOST", "WEBLOGS_DASHBOARD_USER", login), values)
        _check((_READS, *_CONNECTION, "WEBLOGS_DASHBOARD_PASSWORD_SECRET"), values)
        return cls(
            environment=values["WEBLOGS_ENV"],
            redshift=_redshift(
                values,
                user=values["WEBLOGS_DASHBOARD_USER"],
                password=values.get("WEBLOGS_DASHBOARD_PASSWORD"),
                password_secret=values.get("WEBLOGS_DASHBOARD_PASSWORD_SECRET"),
            ),
            reads=values[_READS],
            unlock_code=values.get("WEBLOGS_DASHBOARD_UNLOCK"),
            dagster_url=_dagster_url(values),
        )


@dataclass(frozen=True)
class AlertSettings:
    """Where alerts go beside the log; each that is set takes all of them. Secrets do not show in its repr.

    webhook: takes Slack's JSON by POST, and is a secret. sns_topic: the ARN of a topic, reached with the process's
    credentials. dagster_url: where runs are linked to, without a slash at the end; None: no links.
    """

    webhook: str | None = field(repr=False)
    sns_topic: str | None
    sns_endpoint: str | None
    access_key_id: str | None
    """Of the embedded stack; None on AWS, as the secret."""
    secret_access_key: str | None = field(repr=False)
    dagster_url: str | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> AlertSettings:
        """Reads the environment once. Raises InvalidSettings, which does not name the webhook's address."""
        values = _values(environ)
        _check(("WEBLOGS_ALERT_WEBHOOK", "WEBLOGS_ALERT_SNS_TOPIC", "AWS_ENDPOINT_URL_SNS"), values)
        return cls(
            webhook=values.get("WEBLOGS_ALERT_WEBHOOK"),
            sns_topic=values.get("WEBLOGS_ALERT_SNS_TOPIC"),
            sns_endpoint=values.get("AWS_ENDPOINT_URL_SNS"),
            access_key_id=_of_the_stack(values, "AWS_ACCESS_KEY_ID"),
            secret_access_key=_of_the_stack(values, "AWS_SECRET_ACCESS_KEY"),
            dagster_url=_dagster_url(values),
        )


@dataclass(frozen=True)
class QueueSettings:
    """Where S3's notifications arrive. url: of the SQS queue, which answers at its own host; None: there is none."""

    url: str | None
    region: str
    access_key_id: str | None
    """Of the embedded stack; None on AWS, as the secret."""
    secret_access_key: str | None = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> QueueSettings:
        """Reads the environment once. Raises InvalidSettings when the URL is none."""
        values = _values(environ)
        _check(("AWS_REGION", "WEBLOGS_QUEUE_URL"), values)
        return cls(
            url=values.get("WEBLOGS_QUEUE_URL"),
            region=_region(values),
            access_key_id=_of_the_stack(values, "AWS_ACCESS_KEY_ID"),
            secret_access_key=_of_the_stack(values, "AWS_SECRET_ACCESS_KEY"),
        )


@dataclass(frozen=True)
class Effective:
    """One setting as it is: `shown` is its value, masked where it is a secret, None where it has none; `source` the
    variable, the file or `default`; `complaint` what is wrong with it."""

    key: Key
    shown: str | None
    source: str
    complaint: str | None


def effective_settings(environ: Mapping[str, str] | None = None) -> list[Effective]:
    """Every declared setting with where its value comes from. Raises InvalidSettings for a file that is wrong."""
    given = _given(os.environ if environ is None else environ)
    return [_effective(key, *given.get(key.variable, (None, "not set"))) for key in KEYS]


def settings_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """The file that WEBLOGS_SETTINGS names, whether or not it is there."""
    named = (os.environ if environ is None else environ).get("WEBLOGS_SETTINGS")
    return Path(named).absolute() if named else None


def environment_name(environ: Mapping[str, str] | None = None) -> str:
    """`local` or `aws`. Raises InvalidSettings."""
    return _values(environ)["WEBLOGS_ENV"]


def home_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of the embedded stack: `$WEBLOGS_HOME`, else `.weblogs` in the working directory."""
    own = os.environ if environ is None else environ
    return Path(own.get("WEBLOGS_HOME") or ".weblogs").absolute()


def dagster_home(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where Dagster keeps its instance: `$DAGSTER_HOME`, else in the folder of the embedded stack; None on AWS where
    nobody named it. Raises InvalidSettings."""
    own = os.environ if environ is None else environ
    if own.get("DAGSTER_HOME"):
        return Path(own["DAGSTER_HOME"]).expanduser()
    return None if environment_name(own) == "aws" else home_folder(own) / "dagster"


def _values(environ: Mapping[str, str] | None) -> dict[str, str]:
    values = {name: value for name, (value, _) in _given(os.environ if environ is None else environ).items()}
    _check(("WEBLOGS_ENV",), values)
    return values


def _given(own: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Each variable's value and where it comes from."""
    file = settings_file(own)
    from_file = read_settings_file(file, own.get("WEBLOGS_ENV")) if file else {}
    environment = own.get("WEBLOGS_ENV") or from_file.get("WEBLOGS_ENV") or "local"
    given = {"WEBLOGS_ENV": (environment, "default")}
    for key in KEYS:
        default = key.default_in(environment)
        if default is not None:
            given.setdefault(key.variable, (default, "default"))
    if environment != "aws":
        stack = home_folder(own)
        given |= {name: (value, f"{stack}/platform.env") for name, value in _platform_env(stack).items()}
    given |= {name: (value, str(file)) for name, value in from_file.items()}
    if own.get("AWS_DEFAULT_REGION") and given.get("AWS_REGION", ("", "default"))[1] == "default":
        given["AWS_REGION"] = own["AWS_DEFAULT_REGION"], "AWS_DEFAULT_REGION"
    return given | {name: (value, name) for name, value in own.items() if value}


def _effective(key: Key, value: str | None, source: str) -> Effective:
    shown = "********" if value is not None and key.secret else value
    return Effective(key, shown, source, key.complaint(value) if value is not None else None)


def _says_local(environ: Mapping[str, str] | None, values: Mapping[str, str]) -> bool:
    said = _given(os.environ if environ is None else environ)["WEBLOGS_ENV"]
    return values["WEBLOGS_ENV"] == "local" and said[1] != "default"


def _redshift(
    values: Mapping[str, str],
    *,
    user: str | None,
    password: str | None,
    password_secret: str | None,
    cluster: str | None = None,
    workgroup: str | None = None,
) -> RedshiftLogin:
    return RedshiftLogin(
        host=values["REDSHIFT_HOST"],
        port=int(values["REDSHIFT_PORT"]),
        database=values["REDSHIFT_DATABASE"],
        region=_region(values),
        user=user,
        password=password,
        password_secret=password_secret,
        cluster=cluster,
        workgroup=workgroup,
        sslmode=values["REDSHIFT_SSLMODE"],
        ca=values.get("REDSHIFT_SSL_CA"),
    )


def _of_the_stack(values: Mapping[str, str], name: str) -> str | None:
    """A key of the embedded stack. On AWS boto3's own chain finds the credentials, with their session's token."""
    return None if values["WEBLOGS_ENV"] == "aws" else values.get(name)


def _region(values: Mapping[str, str]) -> str:
    return values.get("AWS_REGION", "")


def _login(values: Mapping[str, str], ways: tuple[str, ...]) -> str:
    """The one way to log in that is set; the first where none is."""
    chosen = [name for name in ways if values.get(name)]
    if len(chosen) > 1:
        raise InvalidSettings(
            f"{_named(chosen, values)} are set, each a way to log in to Redshift: leave one of them"
        )
    return chosen[0] if chosen else ways[0]


def _dagster_url(values: Mapping[str, str]) -> str | None:
    _check(("WEBLOGS_DAGSTER_URL",), values)
    return values.get("WEBLOGS_DAGSTER_URL", "").rstrip("/") or None


def _check(names: Iterable[str], values: Mapping[str, str]) -> None:
    """That those that are set look as they must."""
    for name in names:
        complaint = BY_VARIABLE[name].complaint(values[name]) if name in values else None
        if complaint:
            raise InvalidSettings(f"{_named([name], values)} {complaint}")


def _refuse_plain_http(values: Mapping[str, str]) -> None:
    endpoint = values.get("AWS_ENDPOINT_URL_S3", "")
    if values["WEBLOGS_ENV"] == "aws" and endpoint and not endpoint.startswith("https://"):
        raise InvalidSettings(
            f"s3.endpoint (AWS_ENDPOINT_URL_S3) must be https:// on AWS, got {endpoint!r}: "
            "leave it away, unless S3 has an address of its own in your network"
        )


def _require(names: Iterable[str], values: Mapping[str, str]) -> None:
    missing = [name for name in names if not values.get(name)]
    if not missing:
        return
    if values["WEBLOGS_ENV"] == "aws":
        file = values.get("WEBLOGS_SETTINGS")
        where = f"write them into {file}" if file else "write a settings file and name it in WEBLOGS_SETTINGS"
        raise InvalidSettings(
            f"{_named(missing, values)} not set: {where}, or export the variables; "
            "`weblogs settings` shows what is set"
        )
    raise InvalidSettings(
        f"{', '.join(missing)} not set: start the embedded stack with `weblogs up`, or export them"
    )


def _named(names: Iterable[str], values: Mapping[str, str]) -> str:
    """Variables for a message; on AWS with their keys, which is what people write there."""
    if values["WEBLOGS_ENV"] != "aws":
        return ", ".join(names)
    return ", ".join(f"{BY_VARIABLE[name].name} ({name})" for name in names)


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
