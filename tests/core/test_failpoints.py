"""Failpoints: off unless a local environment names one."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.core.failpoints import Kill
from weblogs_platform.settings import Settings

NEEDED = {
    "WEBLOGS_HOME": "/nowhere",
    "WEBLOGS_BUCKET": "lake",
    "REDSHIFT_HOST": "redshift",
    "REDSHIFT_USER": "user",
    "REDSHIFT_PASSWORD": "secret",
    "WEBLOGS_COPY_ROLE": "arn:aws:iam::000000000000:role/copy",
}
RUN = """
import sys
from resources.settings import SettingsResource
from weblogs_platform.core import failpoints
SettingsResource().read_settings()
SettingsResource().read_settings()  # a run reads them more than once, and the count goes on
for name in ("a", "b", "b", "c"):
    failpoints.reach(name)
    print(name, flush=True)
"""


@pytest.mark.parametrize("environment", [{}, {"WEBLOGS_ENV": "aws", "AWS_REGION": "eu-west-1"}])
def test_only_an_environment_that_says_it_is_local_is_armed(environment: dict[str, str]) -> None:
    """A variable left over from a test kills runs in production."""
    assert Settings.from_env({**NEEDED, **environment, "WEBLOGS_FAILPOINT": "load:copied"}).failpoint is None
    local = {**NEEDED, "WEBLOGS_ENV": "local"}
    assert Settings.from_env({**local, "WEBLOGS_FAILPOINT": "load:copied"}).failpoint == "load:copied"
    assert Settings.from_env(local).failpoint is None


@pytest.mark.parametrize(
    ("place", "reached"), [("b", ["a"]), ("b*2", ["a", "b"]), ("x", ["a", "b", "b", "c"])]
)
def test_a_run_is_killed_where_the_variable_says(place: str, reached: list[str]) -> None:
    """The settings are read, and nobody is armed; or each reading begins to count anew."""
    environment = {**NEEDED, "WEBLOGS_ENV": "local", "WEBLOGS_FAILPOINT": place}
    run = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.split() == reached
    assert run.returncode == (0 if place == "x" else -signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "*2", "load:copied*x", "load:copied*2*3"])
def test_what_names_no_place_is_refused(text: str) -> None:
    """A misspelt failpoint is never reached, and the test that set it proves nothing."""
    with pytest.raises(InvalidSettings, match="WEBLOGS_FAILPOINT"):
        Kill(text)
