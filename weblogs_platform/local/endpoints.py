"""Where a stack can be reached and with which credentials: all that a client of it needs to know.

The variables are those that AWS' SDKs, libpq and the platform's own Settings read, so that any tool connects.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weblogs_platform.local.errors import NotRunning
from weblogs_platform.local.roles import Keys, Role

if TYPE_CHECKING:
    import redshift_connector

_TRUST = threading.Lock()


@dataclass(frozen=True)
class RedshiftEndpoint:
    """How to log in to the embedded Redshift. `authority` is the PEM file of the authority that signed it."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    dashboard_user: str
    dashboard_password: str = field(repr=False)
    authority: Path
    trust_bundle: Path
    """The system's authorities and this one, for tools that know one file only."""


@dataclass(frozen=True)
class Endpoints:
    """A stack from outside."""

    home: Path
    bucket: str
    region: str
    s3_url: str
    keys: Mapping[Role, Keys]
    copy_role: str
    redshift: RedshiftEndpoint | None = None
    dagster_url: str | None = None
    dashboard_url: str | None = None

    def s3(self, role: Role = "admin", **config: Any) -> Any:
        """A boto3 S3 client with the keys of a role; `config` goes to botocore's Config."""
        from botocore.config import Config

        keys = self.keys[role]
        # Nothing of the user's own AWS configuration, and no proxy: this is a server on loopback.
        settings = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}, "proxies": {}}
        return _session().client(
            "s3",
            endpoint_url=self.s3_url,
            region_name=self.region,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            config=Config(**{**settings, **config}),
        )

    def redshift_kwargs(self) -> dict[str, Any]:
        """Arguments for `redshift_connector.connect`. It verifies the server against the authorities that
        `SSL_CERT_FILE` names: connect inside `trusting()`, or use `connect()`."""
        redshift = self._redshift()
        return {
            "host": redshift.host,
            "port": redshift.port,
            "database": redshift.database,
            "user": redshift.user,
            "password": redshift.password,
            "ssl": True,
            "sslmode": "verify-full",
        }

    def connect(self, **changed: Any) -> redshift_connector.Connection:
        """A verified connection to the embedded Redshift; `changed` replaces arguments."""
        import redshift_connector

        with self.trusting():
            return redshift_connector.connect(**{**self.redshift_kwargs(), **changed})

    @contextmanager
    def trusting(self) -> Iterator[None]:
        """Lets this process trust the stack's authority, one thread at a time."""
        with _TRUST:
            before = os.environ.get("SSL_CERT_FILE")
            os.environ["SSL_CERT_FILE"] = str(self._redshift().trust_bundle)
            try:
                yield
            finally:
                if before is None:
                    del os.environ["SSL_CERT_FILE"]
                else:
                    os.environ["SSL_CERT_FILE"] = before

    def platform_variables(self, role: Role = "platform") -> dict[str, str]:
        """What `platform.env` holds and Settings reads, with the keys of a role."""
        keys = self.keys[role]
        variables = {
            "WEBLOGS_ENV": "local",
            "WEBLOGS_BUCKET": self.bucket,
            "AWS_ENDPOINT_URL_S3": self.s3_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "WEBLOGS_COPY_ROLE": self.copy_role,
        }
        if self.redshift:
            variables |= _redshift_variables(self.redshift)
        if self.dagster_url:
            variables["WEBLOGS_DAGSTER_URL"] = self.dagster_url
        return variables

    def variables(self, role: Role = "admin") -> dict[str, str]:
        """Everything a shell needs: the platform's variables, libpq's, and the folders."""
        variables = {"WEBLOGS_HOME": str(self.home), **self.platform_variables(role)}
        variables["DAGSTER_HOME"] = str(self.home / "dagster")
        if self.redshift:
            variables |= _libpq_variables(self.redshift)
        return variables

    def _redshift(self) -> RedshiftEndpoint:
        if self.redshift is None:
            raise NotRunning(f"the stack in {self.home} was started without Redshift (--no-redshift)")
        return self.redshift


def _session() -> Any:
    from boto3.session import Session
    from botocore.session import Session as CoreSession

    own = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    return Session(botocore_session=CoreSession(session_vars=own))


def _redshift_variables(redshift: RedshiftEndpoint) -> dict[str, str]:
    return {
        "REDSHIFT_HOST": redshift.host,
        "REDSHIFT_PORT": str(redshift.port),
        "REDSHIFT_DATABASE": redshift.database,
        "REDSHIFT_USER": redshift.user,
        "REDSHIFT_PASSWORD": redshift.password,
        "REDSHIFT_SSL_CA": str(redshift.authority),
        "WEBLOGS_DASHBOARD_USER": redshift.dashboard_user,
        "WEBLOGS_DASHBOARD_PASSWORD": redshift.dashboard_password,
    }


def _libpq_variables(redshift: RedshiftEndpoint) -> dict[str, str]:
    return {
        "SSL_CERT_FILE": str(redshift.trust_bundle),
        "PGHOST": redshift.host,
        "PGPORT": str(redshift.port),
        "PGDATABASE": redshift.database,
        "PGUSER": redshift.user,
        "PGPASSWORD": redshift.password,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(redshift.authority),
    }
