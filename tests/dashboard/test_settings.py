"""What the dashboards are told by the environment, and how they are served."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from weblogs_platform.commands.dashboard import dashboard
from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.dashboard.serve import command
from weblogs_platform.local.home import Home
from weblogs_platform.settings import DashboardSettings

GIVEN = {
    "WEBLOGS_HOME": "/nowhere",
    "REDSHIFT_HOST": "127.0.0.1",
    "WEBLOGS_DASHBOARD_USER": "dashboard",
    "WEBLOGS_DASHBOARD_PASSWORD": "s3cret",
}


def test_without_its_user_the_error_names_every_missing_variable() -> None:
    """The dashboards fall back to the owner of the tables, who may write."""
    owner = {"WEBLOGS_HOME": "/nowhere", "REDSHIFT_USER": "awsuser", "REDSHIFT_PASSWORD": "x"}
    with pytest.raises(
        InvalidSettings, match=r"REDSHIFT_HOST, WEBLOGS_DASHBOARD_USER, WEBLOGS_DASHBOARD_PASSWORD"
    ):
        DashboardSettings.from_env(owner)


def test_secrets_do_not_show() -> None:
    shown = repr(DashboardSettings.from_env({**GIVEN, "WEBLOGS_DASHBOARD_UNLOCK": "op3n"}))
    assert "s3cret" not in shown
    assert "op3n" not in shown


@pytest.mark.parametrize("url", ["javascript:alert(1)", "127.0.0.1:3000", "file:///etc/passwd"])
def test_runs_are_linked_over_http_only(url: str) -> None:
    with pytest.raises(InvalidSettings, match="WEBLOGS_DAGSTER_URL"):
        DashboardSettings.from_env({**GIVEN, "WEBLOGS_DAGSTER_URL": url})


def test_the_server_listens_on_loopback_and_tells_nobody() -> None:
    """Figures of the shop on every interface of the machine, or usage statistics sent elsewhere."""
    line = command(8600)
    for flag in (
        "--server.address=127.0.0.1",
        "--server.port=8600",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.toolbarMode=minimal",
    ):
        assert flag in line


def test_a_container_listens_where_it_is_told() -> None:
    """A load balancer gets its connection refused."""
    assert "--server.address=0.0.0.0" in command(8600, host="0.0.0.0")
    refused = CliRunner().invoke(dashboard, ["--host", "dashboards.example.com"])
    assert (refused.exit_code, "is not an IP address" in refused.output) == (2, True)


def test_a_folder_that_is_older_than_the_dashboards_keeps_its_secrets(tmp_path: Path) -> None:
    """An update of the platform makes new S3 keys, and the data of the folder cannot be read any more."""
    home = Home(tmp_path / "home")
    home.prepare()
    before = home.credentials(generate=True)
    path = home.path("credentials.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    del kept["dashboard_password"]
    path.write_text(json.dumps(kept), encoding="utf-8")
    after = home.credentials(generate=True)
    assert (after.s3, after.redshift_password) == (before.s3, before.redshift_password)
    assert after.dashboard_password not in ("", before.dashboard_password, after.redshift_password)
    assert home.credentials() == after
