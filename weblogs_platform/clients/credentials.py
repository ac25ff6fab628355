"""What the driver logs in to Redshift with: a password, the password of a secret, or temporary ones by IAM.

A secret is read for each connection, so that a rotated one is taken without a restart. Temporary credentials are
asked for, and kept until they expire, by redshift_connector. No message carries a password.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from weblogs_platform.core.errors import AccessRefused, InvalidSettings, WarehouseUnavailable

if TYPE_CHECKING:
    from weblogs_platform.settings import RedshiftLogin

_LATER = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")
_CREATING = threading.Lock()  # a session is not safe to make clients from on several threads
_BOUNDS = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


def credentials_of(login: RedshiftLogin) -> dict[str, Any]:
    """Arguments for `redshift_connector.connect`. Raises AccessRefused, InvalidSettings, WarehouseUnavailable."""
    if login.workgroup:
        return {
            "iam": True,
            "is_serverless": True,
            "serverless_work_group": login.workgroup,
            "region": login.region,
        }
    if login.cluster:
        return {
            "iam": True,
            "cluster_identifier": login.cluster,
            "db_user": login.user,
            "region": login.region,
        }
    if login.password_secret:
        user, password = _secret(login.password_secret)
        if not (login.user or user):
            raise InvalidSettings(
                f"the secret {login.password_secret} names no user: give redshift.user (REDSHIFT_USER)"
            )
        return {"user": login.user or user, "password": password}
    return {"user": login.user, "password": login.password}


def _secret(arn: str) -> tuple[str | None, str]:
    """User, if it has one, and password: of JSON as Redshift writes it (username, password), or the bare text."""
    region = arn.split(":")[3]
    with aws_translated(f"the secret {arn}"):
        with _CREATING:
            client: Any = _session().create_client("secretsmanager", region_name=region, config=_BOUNDS)
        answer = cast("dict[str, str]", client.get_secret_value(SecretId=arn))
    text = answer.get("SecretString", "")
    if not text.lstrip().startswith("{"):
        if not text:
            raise InvalidSettings(f"the secret {arn} holds no text: put the password into it")
        return None, text
    try:
        document = cast("dict[str, object]", json.loads(text))
    except ValueError:
        # From None: the decoder quotes the text.
        raise InvalidSettings(f"the secret {arn} begins as JSON and is none") from None
    user, password = document.get("username"), document.get("password")
    if not isinstance(password, str) or not password:
        raise InvalidSettings(f'the secret {arn} has no "password": it needs "username" and "password"')
    return user if isinstance(user, str) else None, password


@cache
def _session() -> Session:
    """Kept for the credentials of the process, which it refreshes when they expire."""
    return Session()


@contextmanager
def aws_translated(what: str) -> Generator[None]:
    """AWS' errors about `what` as the platform's own."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _LATER or status >= 500:
            raise WarehouseUnavailable(f"AWS did not give {what}: {code}") from error
        raise AccessRefused(
            f"AWS refused {what}: {code}. See that it exists in this region, and that the role of this process may read it"
        ) from error
    except BotoCoreError as error:
        raise WarehouseUnavailable(f"AWS did not give {what}: {error}") from error
