"""The settings file: what it says is what the platform does, and what is wrong with it is said by key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from weblogs_platform.cli import weblogs
from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.settings import PROJECT_ROOT, DashboardSettings, Settings, effective_settings
from weblogs_platform.settings_keys import KEYS

EXAMPLE = PROJECT_ROOT / "deploy" / "aws" / "weblogs.example.toml"
ROLE = "arn:aws:iam::123456789012:role/weblogs-copy"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:weblogs/redshift-AbCdEf"
GOOD = f"""
environment = "aws"
region = "eu-central-1"
[s3]
bucket = "shop-weblogs"
[redshift]
host = "wg.123456789012.eu-central-1.redshift-serverless.amazonaws.com"
port = 5440
workgroup = "weblogs"
copy_role = "{ROLE}"
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> dict[str, str]:
        """The environment of a process with a settings file of that text, and an embedded stack beside it."""
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        (home / "platform.env").write_text(
            "WEBLOGS_BUCKET=local-bucket\nREDSHIFT_PASSWORD=stack\nAWS_ACCESS_KEY_ID=stack\n"
            "WEBLOGS_DASHBOARD_USER=dashboard\nWEBLOGS_DASHBOARD_PASSWORD=stack\n"
        )
        path = tmp_path / "weblogs.toml"
        path.write_text(text, encoding="utf-8")
        return {"WEBLOGS_SETTINGS": str(path), "WEBLOGS_HOME": str(home)}

    return write


def test_the_file_says_where_the_platform_runs(write) -> None:
    """The embedded stack's file fills in what the account's lacks: a password, keys, a user."""
    settings = Settings.from_env(write(GOOD))
    assert (settings.environment, settings.bucket, settings.region) == ("aws", "shop-weblogs", "eu-central-1")
    assert (settings.redshift.port, settings.redshift.workgroup) == (5440, "weblogs")
    assert (settings.redshift.user, settings.redshift.password) == (None, None)
    assert (settings.access_key_id, settings.s3_endpoint, settings.dashboard_user) == (None, None, None)


def test_the_environment_wins_over_the_file(write) -> None:
    environ = write(GOOD)
    assert Settings.from_env({**environ, "WEBLOGS_BUCKET": "other"}).bucket == "other"
    assert Settings.from_env({**environ, "REDSHIFT_PORT": "6000"}).redshift.port == 6000


def test_credentials_of_the_process_are_left_to_boto3(write) -> None:
    """Keys are passed on without their session token, and every request is refused."""
    keys = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "t"}
    settings = Settings.from_env({**write(GOOD), **keys})
    assert (settings.access_key_id, settings.secret_access_key) == (None, None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[redshift]\nprot = 5439", "redshift.prot: there is no such setting; did you mean redshift.port?"),
        ("nonsense = 1", "nonsense: there is no such setting"),
        ('[redshift]\nport = "5439"', "redshift.port: must be a number, without quotes"),
        ("[redshift]\nport = true", "redshift.port: must be a number, without quotes"),
        ("[redshift]\nport = 70000", "redshift.port: must be a port number, got '70000'"),
        ("[s3]\nbucket = 7", "s3.bucket: must be text in quotes"),
        ('[s3]\nbucket = ""', "s3.bucket: must not be empty"),
        ('s3 = "shop"', "s3: there is no such setting"),
        ("[s3.bucket]\nname = 'shop'", "s3.bucket: must be text in quotes"),
        ('environment = "prod"', "environment: must be `local` or `aws`, got 'prod'"),
        ('[redshift]\nsslmode = "disable"', "redshift.sslmode: must be verify-full or verify-ca"),
        ('[redshift]\ncopy_role = "copy"', "redshift.copy_role: must be the ARN of a role"),
        ('[redshift]\npassword_secret = "weblogs"', "redshift.password_secret: must be the ARN of a secret"),
        ('[dagster]\nurl = "dagster:3000"', "dagster.url: must start with http:// or https://"),
        ("[redshift\nport = 1", "is not TOML: "),
    ],
)
def test_what_is_wrong_is_said_by_file_and_key(write, text: str, complaint: str) -> None:
    """A typing error is ignored, and a default taken instead."""
    environ = write(text)
    with pytest.raises(InvalidSettings, match=re.escape(complaint)) as raised:
        Settings.from_env(environ)
    assert environ["WEBLOGS_SETTINGS"] in str(raised.value)


def test_everything_wrong_is_said_at_once(write) -> None:
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_env(write("[s3]\nbucket = 1\n[redshift]\nhots = 'x'\n"))
    assert "s3.bucket" in str(raised.value)
    assert "redshift.hots" in str(raised.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A path with a typing error means the embedded stack."""
    with pytest.raises(InvalidSettings, match=r"cannot read the settings file .*none\.toml: No such file"):
        Settings.from_env({"WEBLOGS_SETTINGS": str(tmp_path / "none.toml")})


@pytest.mark.parametrize("line", ['[redshift]\npassword = "h4nds"', '[alerts]\nwebhook = "https://h4nds"'])
def test_a_secret_in_the_file_is_refused_on_aws_and_not_quoted(write, line: str) -> None:
    """A password gets into version control."""
    environ = write(f'environment = "aws"\n{line}')
    with pytest.raises(
        InvalidSettings, match="a secret does not stand in a file on AWS: take it out"
    ) as raised:
        Settings.from_env(environ)
    assert "h4nds" not in str(raised.value)
    with pytest.raises(InvalidSettings, match="a secret does not stand"):
        Settings.from_env({**write(line), "WEBLOGS_ENV": "aws"})


def test_an_invalid_secret_is_not_quoted(write) -> None:
    with pytest.raises(InvalidSettings, match=r"alerts\.webhook: must start with http") as raised:
        Settings.from_env(write('[alerts]\nwebhook = "h4nds"'))
    assert "h4nds" not in str(raised.value)


@pytest.mark.parametrize(
    ("dropped", "named"),
    [
        ("bucket", "s3.bucket (WEBLOGS_BUCKET)"),
        ("host", "redshift.host (REDSHIFT_HOST)"),
        ("copy_role", "redshift.copy_role (WEBLOGS_COPY_ROLE)"),
        ("region", "region (AWS_REGION)"),
        ("workgroup", "redshift.user (REDSHIFT_USER), redshift.password (REDSHIFT_PASSWORD)"),
    ],
)
def test_what_is_missing_is_said_by_key_variable_and_file(write, dropped: str, named: str) -> None:
    """The error of an account tells to start the embedded stack; or its values are taken."""
    environ = write("\n".join(line for line in GOOD.splitlines() if not line.startswith(dropped)))
    with pytest.raises(InvalidSettings, match=re.escape(named)) as raised:
        Settings.from_env(environ)
    assert environ["WEBLOGS_SETTINGS"] in str(raised.value)
    assert "weblogs up" not in str(raised.value)


def test_two_ways_to_log_in_are_refused(write) -> None:
    with pytest.raises(
        InvalidSettings, match=r"redshift\.password .*, redshift\.workgroup .*leave one of them"
    ):
        Settings.from_env({**write(GOOD), "REDSHIFT_PASSWORD": "x"})


def test_a_cluster_by_iam_needs_a_user(write) -> None:
    with pytest.raises(InvalidSettings, match=r"redshift\.user"):
        Settings.from_env(write(GOOD.replace("workgroup", "cluster")))


def test_plain_http_to_s3_is_refused_on_aws(write) -> None:
    """The exports of an embedded stack are left in the shell, and half of the platform goes there."""
    with pytest.raises(InvalidSettings, match="must be https:// on AWS"):
        Settings.from_env({**write(GOOD), "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:8333"})


def test_tls_cannot_be_turned_off_by_the_environment(write) -> None:
    with pytest.raises(InvalidSettings, match=r"redshift\.sslmode .*the server is always verified"):
        Settings.from_env({**write(GOOD), "REDSHIFT_SSLMODE": "disable"})


def test_a_local_file_may_name_what_differs_from_the_stack(write) -> None:
    settings = DashboardSettings.from_env({**write('[dashboard]\nunlock = "0pen"'), "REDSHIFT_HOST": "h"})
    assert (settings.environment, settings.unlock_code, settings.redshift.user) == (
        "local",
        "0pen",
        "dashboard",
    )


@pytest.mark.parametrize("command", ["up", "down", "status", "env", "logs", "traffic", "demo"])
def test_with_aws_the_embedded_stack_is_not_touched(write, command: str) -> None:
    """A demo's traffic is delivered into an account, or a stack is started in its name."""
    result = CliRunner().invoke(weblogs, [command], env=write(GOOD))
    assert result.exit_code == 1
    assert f"`weblogs {command}` is about the embedded stack" in result.output


def test_the_command_shows_each_value_with_its_source(write) -> None:
    """Nobody can tell why a value is what it is; or a password is printed."""
    environ = {**write(GOOD), "WEBLOGS_BUCKET": "other", "WEBLOGS_DASHBOARD_UNLOCK": "0pen"}
    result = CliRunner().invoke(weblogs, ["settings", "--json"], env=environ)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.output)["settings"]
    assert shown["s3.bucket"] == {"value": "other", "source": "WEBLOGS_BUCKET"}
    assert shown["redshift.workgroup"] == {"value": "weblogs", "source": environ["WEBLOGS_SETTINGS"]}
    assert shown["redshift.database"] == {"value": "dev", "source": "default"}
    assert shown["dashboard.unlock"] == {"value": "********", "source": "WEBLOGS_DASHBOARD_UNLOCK"}
    assert shown["redshift.password"] == {"value": None, "source": "not set"}
    text = CliRunner().invoke(weblogs, ["settings"], env=environ).output
    assert "0pen" not in text + result.output
    assert re.search(r"s3\.bucket +other +WEBLOGS_BUCKET\n", text)


def test_the_command_says_what_is_wrong(write) -> None:
    environ = {**write(GOOD), "WEBLOGS_ALERT_WEBHOOK": "h4nds"}
    result = CliRunner().invoke(weblogs, ["settings"], env=environ)
    assert result.exit_code == 1
    assert "Wrong: alerts.webhook (WEBLOGS_ALERT_WEBHOOK) must start with http" in result.output
    assert "h4nds" not in result.output
    result = CliRunner().invoke(weblogs, ["settings"], env=write("environment = 'aws'"))
    assert result.exit_code == 1
    assert "Wrong: s3.bucket (WEBLOGS_BUCKET), " in result.output


def test_the_example_is_valid_and_shows_every_key() -> None:
    """The file that people begin with does not work, or leaves settings out."""
    text = EXAMPLE.read_text(encoding="utf-8")
    settings = Settings.from_env({"WEBLOGS_SETTINGS": str(EXAMPLE)})
    assert settings.environment == "aws"
    shown = {e.key.name for e in effective_settings({"WEBLOGS_SETTINGS": str(EXAMPLE)}) if e.shown}
    for key in KEYS:
        if key.secret:
            assert key.variable in text
        elif key.name not in shown:
            assert re.search(rf"^# ?{key.name.rpartition('.')[2]} = ", text, re.MULTILINE), key.name


def test_the_documentation_lists_every_setting() -> None:
    page = (PROJECT_ROOT / "docs" / "SETTINGS.md").read_text(encoding="utf-8")
    for key in KEYS:
        assert f"| `{key.name}` | `{key.variable}` |" in page, key.name
