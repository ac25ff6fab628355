"""Logging in to Redshift as the settings say: by a secret, by IAM, and never to a server that is not verified."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer
from redshift_connector.iam_helper import IamHelper

from tests.clients.failed_logins import collect_failed_logins
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.core.errors import AccessRefused, InvalidSettings, WarehouseUnavailable
from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch
from weblogs_platform.settings import Settings

PASSWORD = "Tr0ub4dor"  # of the embedded servers' users
TEMPORARY = {"IAM:weblogs": "t3mporary-1", "IAMR:platform": "t3mporary-2"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    users = {name: User(password) for name, password in {"weblogs": PASSWORD, **TEMPORARY}.items()}
    with launch(tmp_path_factory.mktemp("redshift"), LaunchOptions(users=users)) as running:
        yield running


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What boto3's chain finds, as in a process on AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    # The driver keeps temporary credentials for the process.
    monkeypatch.setattr(IamHelper, "credentials_cache", {})


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of Secrets Manager's stand-in, which the platform finds as it would find a private endpoint."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://{host}:{port}")
    client = boto3.client("secretsmanager", region_name="eu-central-1")
    try:
        yield client
    finally:
        client.close()
        moto.stop()


def warehouse(server: RunningServer, **given: str) -> Warehouse:
    return warehouse_of(
        Settings.from_env(
            {
                "WEBLOGS_ENV": "aws",
                "AWS_REGION": "eu-central-1",
                "WEBLOGS_BUCKET": "shop-weblogs",
                "WEBLOGS_COPY_ROLE": "arn:aws:iam::123456789012:role/weblogs-copy",
                "REDSHIFT_HOST": "127.0.0.1",
                "REDSHIFT_PORT": str(server.port),
                "REDSHIFT_SSL_CA": str(server.authority),
                **given,
            }
        )
    )


def user_of(warehouse: Warehouse) -> str:
    with warehouse.transaction() as tx:
        [(name,)] = tx.fetch_all("SELECT CURRENT_USER")
    return str(name)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (json.dumps({"username": "weblogs", "password": PASSWORD}), {}),
        (json.dumps({"username": "admin", "password": PASSWORD}), {"REDSHIFT_USER": "weblogs"}),
        (PASSWORD, {"REDSHIFT_USER": "weblogs"}),
    ],
    ids=["as Redshift writes it", "another user", "bare"],
)
def test_the_password_of_a_secret(
    server: RunningServer, secrets: Any, text: str, given: dict[str, str]
) -> None:
    arn = secrets.create_secret(Name=f"weblogs-{uuid4()}", SecretString=text)["ARN"]
    assert user_of(warehouse(server, REDSHIFT_PASSWORD_SECRET=arn, **given)) == "weblogs"


def test_a_rotated_secret_is_taken_without_a_restart(server: RunningServer, secrets: Any) -> None:
    """As the runbook does it: the user has its new password, the secret the old one, then both. The password of the
    first connection is kept, and every run fails after a rotation; or the connections that are open are lost."""
    arn = secrets.create_secret(Name=f"weblogs-{uuid4()}", SecretString=_secret(PASSWORD))["ARN"]
    by_secret = warehouse(server, REDSHIFT_PASSWORD_SECRET=arn, REDSHIFT_USER="weblogs")
    with by_secret.transaction() as opened:
        # What the server calls wrong is wrong for it from both sides: a user's new password, or a secret's.
        secrets.put_secret_value(SecretId=arn, SecretString=_secret("Yesterday1"))
        with pytest.raises(AccessRefused):
            user_of(by_secret)
        collect_failed_logins()
        assert [tuple(row) for row in opened.fetch_all("SELECT 1")] == [(1,)]
    secrets.put_secret_value(SecretId=arn, SecretString=_secret(PASSWORD))
    assert user_of(by_secret) == "weblogs"


def _secret(password: str) -> str:
    """As platform.yaml makes it, and the runbook writes it."""
    return json.dumps({"username": "weblogs", "password": password})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (PASSWORD, "names no user: give redshift.user"),
        ("{Tr0ub4dor", "begins as JSON and is none"),
        (json.dumps({"user": "weblogs", "pass": PASSWORD}), 'has no "password"'),
    ],
)
def test_a_secret_that_is_not_one_is_named_and_not_quoted(
    server: RunningServer, secrets: Any, text: str, complaint: str
) -> None:
    arn = secrets.create_secret(Name=f"weblogs-{uuid4()}", SecretString=text)["ARN"]
    with pytest.raises(InvalidSettings, match=complaint) as raised:
        user_of(warehouse(server, REDSHIFT_PASSWORD_SECRET=arn))
    assert arn in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_secret_that_is_not_there_is_named(server: RunningServer, secrets: Any) -> None:
    """The driver is called without a password, or a traceback of boto3 ends the run."""
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gone-AbCdEf"
    with pytest.raises(
        AccessRefused, match=r"AWS refused the secret .*gone-AbCdEf: ResourceNotFoundException"
    ):
        user_of(warehouse(server, REDSHIFT_PASSWORD_SECRET=arn))


@dataclass
class RedshiftApi:
    """A stand-in for AWS' APIs that give temporary credentials; it records what it is asked."""

    asked: list[dict[str, str]] = field(default_factory=list)
    refuses: bool = False


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedshiftApi]:
    state = RedshiftApi()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            serverless = self.headers.get("X-Amz-Target", "").endswith(".GetCredentials")
            asked = json.loads(body) if serverless else {k: v[0] for k, v in parse_qs(body).items()}
            state.asked.append(asked)
            until = datetime.now(UTC) + timedelta(minutes=15)
            if state.refuses:
                answer, status = json.dumps({"__type": "AccessDeniedException", "message": "no"}), 400
            elif serverless:
                user = "IAMR:platform"
                document = {"dbUser": user, "dbPassword": TEMPORARY[user], "expiration": until.timestamp()}
                answer, status = json.dumps(document), 200
            elif asked.get("Action") == "GetClusterCredentials" and "ClusterIdentifier" in asked:
                user = f"IAM:{asked['DbUser']}"
                answer, status = CLUSTER.format(user, TEMPORARY[user], until.isoformat()), 200
            else:
                answer, status = ERROR, 400
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        for service in ("REDSHIFT", "REDSHIFT_SERVERLESS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{http.server_port}")
        yield state
        http.shutdown()
        thread.join()


CLUSTER = (
    '<GetClusterCredentialsResponse xmlns="http://redshift.amazonaws.com/doc/2012-12-01/">'
    "<GetClusterCredentialsResult><DbUser>{}</DbUser><DbPassword>{}</DbPassword><Expiration>{}</Expiration>"
    "</GetClusterCredentialsResult></GetClusterCredentialsResponse>"
)
ERROR = (
    '<ErrorResponse xmlns="http://redshift.amazonaws.com/doc/2012-12-01/"><Error>'
    "<Code>CustomDomainAssociationNotFoundFault</Code><Message>none</Message></Error></ErrorResponse>"
)


def test_iam_to_a_serverless_workgroup(server: RunningServer, api: RedshiftApi) -> None:
    assert user_of(warehouse(server, REDSHIFT_WORKGROUP="weblogs")) == "IAMR:platform"
    assert api.asked == [{"dbName": "dev", "workgroupName": "weblogs"}]


def test_iam_to_a_cluster(server: RunningServer, api: RedshiftApi) -> None:
    assert user_of(warehouse(server, REDSHIFT_CLUSTER="shop", REDSHIFT_USER="weblogs")) == "IAM:weblogs"
    asked = api.asked[-1]
    assert (asked["ClusterIdentifier"], asked["DbUser"], asked["DbName"]) == ("shop", "weblogs", "dev")
    assert asked["AutoCreate"] == "false"


def test_iam_that_is_refused_says_what_to_look_at(server: RunningServer, api: RedshiftApi) -> None:
    """boto3's error goes through as one that nobody planned for."""
    api.refuses = True
    with pytest.raises(AccessRefused, match="temporary credentials for Redshift: AccessDeniedException"):
        user_of(warehouse(server, REDSHIFT_WORKGROUP="weblogs"))


@pytest.mark.parametrize("sslmode", ["verify-full", "verify-ca"])
def test_a_server_of_another_authority_is_refused(
    server: RunningServer, tmp_path: Path, sslmode: str
) -> None:
    other = tmp_path / "other-ca.pem"
    other.write_text("", encoding="ascii")
    stranger = warehouse(
        server, REDSHIFT_USER="weblogs", REDSHIFT_PASSWORD=PASSWORD,
        REDSHIFT_SSLMODE=sslmode, REDSHIFT_SSL_CA=str(other),
    )  # fmt: skip
    with pytest.raises(WarehouseUnavailable, match="certificate"):
        user_of(stranger)
    collect_failed_logins()
