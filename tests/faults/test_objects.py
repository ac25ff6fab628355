"""Objects, cursors and clocks that are not as one expects: faults of the campaign's part `objects`, one of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import edges, objects, servers
from tests.faults.laboratory import Laboratory
from tests.faults.report import Report

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FAULTS = (
    objects.VANISHED,
    objects.REWRITTEN_BACK,
    objects.RENAMED_DROP,
    objects.OLDER,
    objects.PAUSES,
    objects.CURSORS,
    edges.EDGES,
)
"""The others take as long again, and have smaller tests elsewhere."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with servers.running(tmp_path_factory.mktemp("objects home")) as running:
        yield Laboratory(running, 20_240_229)


@pytest.mark.parametrize("fault", FAULTS)
def test_everything_comes_home(lab: Laboratory, fault: str) -> None:
    """What a sensor takes for seen, tried or loaded is not, and stays away for ever."""
    report = Report()
    objects.FAULTS[fault](lab, report, 0)
    assert report.lines[fault].tried > 0


def test_everything_is_as_delivered(lab: Laboratory) -> None:
    assert lab.check_everything() > 0
