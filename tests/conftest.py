"""What every test shares: no test reads the settings or the credentials of the machine it runs on.

Deliberately absent: fixtures of one area (they live beside its tests). The embedded stack is in stack_fixtures.py.
"""

from __future__ import annotations

import os

import hypothesis
import pytest

# The same examples in every run, here as in CI; HYPOTHESIS_PROFILE=default searches for new ones.
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

pytest_plugins = ["tests.stack_fixtures"]

FOREIGN_PREFIXES = ("AWS_", "REDSHIFT_", "WEBLOGS_", "DAGSTER_")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own AWS profile or warehouse can neither be reached nor change a result."""
    for name in [name for name in os.environ if name.startswith(FOREIGN_PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
