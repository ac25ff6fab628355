"""The targets of fuzzing hold for all that fuzzing begins from, and would see a broken promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.faults import fuzz, fuzz_seeds, fuzz_targets
from weblogs_platform.core import framing, validation
from weblogs_platform.core.csv_rows import Row
from weblogs_platform.core.framing import Piece


@pytest.mark.parametrize("target", [name for name in fuzz_targets.TARGETS if name != "growth"])
def test_the_seeds_hold(target: str) -> None:
    """What the tests' own contents break, a fuzzer finds in its first second, and nothing else any more."""
    for seed in fuzz_seeds.seeds(target):
        fuzz_targets.TARGETS[target](seed)


def test_every_target_is_tried() -> None:
    assert tuple(fuzz_targets.TARGETS) == fuzz.TARGETS


def _breaks(target: str) -> bool:
    for seed in fuzz_seeds.seeds(target):
        try:
            fuzz_targets.TARGETS[target](seed)
        except AssertionError:
            return True
    return False


def test_a_lost_byte_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that cannot fail finds nothing in an hour either."""
    whole = framing.Framer.next_piece

    def shorter(self: framing.Framer, text: str, at: int, *, final: bool) -> Piece | None:
        found = whole(self, text, at, final=final)
        return replace(found, start=found.start + 1) if found and found.end - found.start > 90 else found

    monkeypatch.setattr(framing.Framer, "next_piece", shorter)
    assert _breaks("framing")
    assert _breaks("json_scan")


def test_a_record_passed_wrongly_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "is_null", lambda value: False)
    monkeypatch.setattr(validation, "_type_problem", lambda field, value: None)
    assert _breaks("validation")


def test_a_shifted_cell_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fuzz_targets.next_row

    def shifted(data: bytes, at: int, **how: Any) -> Row | None:
        found = whole(data, at, **how)
        return replace(found, cells=(*found.cells[1:], b"")) if found and found.cells else found

    monkeypatch.setattr(fuzz_targets, "next_row", shifted)
    assert _breaks("csv_scan")


def test_quadratic_time_is_seen() -> None:
    """The bound on growth is so wide that nothing fails it."""

    def quadratic(content: bytes) -> None:
        for at in range(0, len(content), 64):
            content[at:].count(b"ab")

    assert not fuzz_targets._grows_linearly(quadratic, b"ab" * 50, 64_000)
