"""Dagster's UI as a component: when it counts as ready, and that nothing of it outlives the stack."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from weblogs_platform.local import processes
from weblogs_platform.local.component import BrokenComponent, NotReady
from weblogs_platform.local.dagster_ui import INSTANCE_FILE, _check_locations
from weblogs_platform.local.home import Home
from weblogs_platform.local.stack import Stack, Wanted, attach


def answer(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": list(entries)}}}


LOADED = {
    "name": "weblogs_platform",
    "loadStatus": "LOADED",
    "locationOrLoadError": {"__typename": "RepositoryLocation"},
}


def test_ready_means_that_the_code_location_is_loaded() -> None:
    """The web server answers seconds before it knows any asset."""
    _check_locations(answer(LOADED))
    for early in (answer(), answer({**LOADED, "loadStatus": "LOADING", "locationOrLoadError": None}), {}):
        with pytest.raises(NotReady):
            _check_locations(early)


def test_a_location_that_does_not_load_is_an_error_with_its_reason() -> None:
    """Dagster's UI comes up without the assets and shows the error on a page nobody has open."""
    failed = {"__typename": "PythonError", "message": "ImportError: no module named assets"}
    with pytest.raises(BrokenComponent, match="weblogs_platform does not load: ImportError: no module"):
        _check_locations(answer({**LOADED, "locationOrLoadError": failed}))


@pytest.mark.slow
@pytest.mark.timeout(300)  # Dagster alone takes a minute on a busy machine
def test_the_ui_comes_up_with_the_stack_and_goes_with_it(tmp_path: Path) -> None:
    """Webserver, daemon and code servers are grandchildren: one that stays behind holds the port and the
    instance. The instance is the project's, in the stack's folder."""
    home = Home(tmp_path / "home")
    stack = Stack(home.folder)
    try:
        url = stack.start(Wanted(dashboard=False)).dagster_url
        assert url == attach(home.folder).dagster_url
        with urllib.request.urlopen(f"{url}/server_info", timeout=10) as response:
            assert "dagster_version" in json.load(response)
        installed = home.path("dagster", "dagster.yaml").read_text(encoding="utf-8")
        assert installed == INSTANCE_FILE.read_text(encoding="utf-8")
        mark = home.mark(home.spec().stack_id, "dagster")
        assert len(processes.marked(mark)) > 1
    finally:
        stack.stop()
    assert processes.marked(mark) == []
