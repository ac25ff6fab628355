"""Every setting: its key in the settings file, its environment variable, and what a value must look like.

The file is TOML: `environment` and `region` at the top, the others in their sections. All that is wrong with it is
said at once, by file and key. A secret is never quoted, and on AWS never stands in the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from weblogs_platform.core.errors import InvalidSettings, one_line

ENVIRONMENTS = ("local", "aws")
SSL_MODES = ("verify-ca", "verify-full")
READS = ("kpis", "everything")
AS_DEFAULT = "(as elsewhere)"
"""The default on AWS of a key that has the same one everywhere."""


@dataclass(frozen=True)
class Form:
    """What a value must match, and that in words."""

    pattern: str
    must: str


TEXT = Form(r".+", "must not be empty")
WEB = Form(r"https?://\S+", "must start with http:// or https://")
PORT = Form(r"\d{1,5}", "must be a port number")
ROLE = Form(
    r"arn:aws[\w-]*:iam::\d{12}:role/\S+", "must be the ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)"
)
SECRET = Form(
    r"arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:\S+",
    "must be the ARN of a secret in Secrets Manager (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME)",
)
TOPIC = Form(
    r"arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w-]{1,256}",
    "must be the ARN of a topic (arn:aws:sns:REGION:ACCOUNT:NAME)",
)


@dataclass(frozen=True)
class Key:
    """One setting. `name` is its place in the file (`section.key`); a PORT is written there without quotes.
    `secret`: masked wherever it would show."""

    name: str
    variable: str
    says: str
    default: str | None = None
    form: Form = TEXT
    default_on_aws: str | None = AS_DEFAULT
    """None where everybody has to say it there: a region that nobody named is right for the embedded stack only."""
    secret: bool = False
    instead: str = ""
    """The key that a secret has on AWS instead, where there is one."""

    def default_in(self, environment: str) -> str | None:
        """The default in this environment; None when there is none."""
        differs = environment == "aws" and self.default_on_aws != AS_DEFAULT
        return self.default_on_aws if differs else self.default

    def complaint(self, text: str) -> str | None:
        """What is wrong with a value, without the value where that is secret; None when it is good."""
        in_range = self.form is not PORT or (text.isdecimal() and 0 < int(text) < 65536)
        if re.fullmatch(self.form.pattern, text, re.ASCII) and in_range:
            return None
        return self.form.must if self.secret else f"{self.form.must}, got {one_line(text)!r}"


KEYS: tuple[Key, ...] = (
    Key(
        "environment", "WEBLOGS_ENV", "`local`: the embedded stack; `aws`: an account", "local",
        Form("|".join(ENVIRONMENTS), "must be `local` or `aws`"),
    ),
    Key("region", "AWS_REGION", "the region of bucket and warehouse", "eu-west-1", default_on_aws=None),
    Key("s3.bucket", "WEBLOGS_BUCKET", "the one bucket of the platform"),
    Key("s3.endpoint", "AWS_ENDPOINT_URL_S3", "where S3 answers, if not at AWS' own address", form=WEB),
    Key("s3.queue", "WEBLOGS_QUEUE_URL", "the SQS queue of S3's notifications, if there is one", form=WEB),
    Key("redshift.host", "REDSHIFT_HOST", "the endpoint's host name, without port and database"),
    Key("redshift.port", "REDSHIFT_PORT", "its port", "5439", PORT),
    Key("redshift.database", "REDSHIFT_DATABASE", "the database", "dev"),
    Key("redshift.user", "REDSHIFT_USER", "who owns the platform's tables; not with a workgroup"),
    Key(
        "redshift.password", "REDSHIFT_PASSWORD", "login 1: the user's password",
        secret=True, instead="redshift.password_secret",
    ),
    Key("redshift.password_secret", "REDSHIFT_PASSWORD_SECRET", "login 2: the secret that holds it", form=SECRET),
    Key("redshift.cluster", "REDSHIFT_CLUSTER", "login 3: by IAM to this cluster, as the user"),
    Key("redshift.workgroup", "REDSHIFT_WORKGROUP", "login 4: by IAM to this serverless workgroup"),
    Key(
        "redshift.sslmode", "REDSHIFT_SSLMODE", "`verify-ca` where the host has a name of your own", "verify-full",
        Form("|".join(SSL_MODES), "must be verify-full or verify-ca: the server is always verified"),
    ),
    Key("redshift.ca_file", "REDSHIFT_SSL_CA", "PEM file of the authority, if not Amazon's or the system's"),
    Key("redshift.copy_role", "WEBLOGS_COPY_ROLE", "the role that COPY reads S3 with", form=ROLE),
    Key("dagster.url", "WEBLOGS_DAGSTER_URL", "where Dagster's UI is, for links", form=WEB),
    Key("dashboard.user", "WEBLOGS_DASHBOARD_USER", "who may only read; `weblogs init` grants it"),
    Key(
        "dashboard.reads", "WEBLOGS_DASHBOARD_READS", "`kpis`: that user reads KPI tables only; `everything`: rows and ledger too",
        "everything", Form("|".join(READS), "must be `kpis` or `everything`"), default_on_aws="kpis",
    ),
    Key(
        "dashboard.password", "WEBLOGS_DASHBOARD_PASSWORD", "that user's password",
        secret=True, instead="dashboard.password_secret",
    ),
    Key("dashboard.password_secret", "WEBLOGS_DASHBOARD_PASSWORD_SECRET", "the secret that holds it", form=SECRET),
    Key(
        "dashboard.unlock", "WEBLOGS_DASHBOARD_UNLOCK", "opens customers' ids and messages in a session",
        secret=True,
    ),
    Key("alerts.webhook", "WEBLOGS_ALERT_WEBHOOK", "takes what goes wrong, as Slack's JSON", form=WEB, secret=True),
    Key("alerts.sns_topic", "WEBLOGS_ALERT_SNS_TOPIC", "takes what goes wrong, by SNS", form=TOPIC),
    Key("alerts.sns_endpoint", "AWS_ENDPOINT_URL_SNS", "where SNS answers, if not at AWS' own address", form=WEB),
)  # fmt: skip
BY_NAME = {key.name: key for key in KEYS}
BY_VARIABLE = {key.variable: key for key in KEYS}


def read_settings_file(path: Path, environment: str | None) -> dict[str, str]:
    """The file's values by their environment variables. `environment` is what WEBLOGS_ENV says, which wins over the
    file. Raises InvalidSettings with everything that is wrong, a line for each key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings(
            f"cannot read the settings file {path}: {error.strerror}. WEBLOGS_SETTINGS names it"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # From None: the decoder's own text is all there is to say, and a traceback may hold a secret's line.
        raise InvalidSettings(f"{path} is not TOML: {error}") from None
    values: dict[str, str] = {}
    wrong: list[str] = []
    for name, value in _leaves(document):
        complaint = _complaint(name, value)
        if complaint:
            wrong.append(f"{name}: {complaint}")
        else:
            values[BY_NAME[name].variable] = str(value)
    if (environment or values.get("WEBLOGS_ENV")) == "aws":
        wrong += [_plain_secret(key) for key in KEYS if key.secret and key.variable in values]
    if wrong:
        raise InvalidSettings("\n  ".join([f"{path} has to be corrected:", *wrong]))
    return values


def _leaves(document: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict) and not section:
            yield from _leaves(cast("dict[str, Any]", value), f"{name}.")
        else:
            yield f"{section}{name}", value


def _complaint(name: str, value: object) -> str | None:
    key = BY_NAME.get(name)
    if key is None:
        near = get_close_matches(name, BY_NAME, n=1)
        return "there is no such setting" + (f"; did you mean {near[0]}?" if near else "")
    wanted = int if key.form is PORT else str
    if not isinstance(value, wanted) or isinstance(value, bool):
        how = "a number, without quotes" if key.form is PORT else "text in quotes"
        return f"must be {how}"
    return key.complaint(str(value))


def _plain_secret(key: Key) -> str:
    instead = f", or put it into Secrets Manager and name that in {key.instead}" if key.instead else ""
    return (
        f"{key.name}: a secret does not stand in a file on AWS: take it out, "
        f"and give {key.variable} to the process{instead}"
    )
