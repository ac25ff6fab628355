"""What validation says of a record stands in reports and ledger under RULES_VERSION: it never changes under the same one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.hours import Hour
from tests.pipeline.judged_objects import objects
from weblogs_platform.core.spec import RULES_VERSION, StreamSpec
from weblogs_platform.streams import STREAMS

RECORDED = Path(__file__).parent / "verdicts"
RENEW = "RENEW_VERDICTS"


@pytest.mark.parametrize("spec", STREAMS, ids=[spec.name for spec in STREAMS])
def test_a_verdict_changes_with_the_version_of_the_rules_only(hour: Hour, spec: StreamSpec) -> None:
    """An object that is validated a second time has other bad records than the ledger says, and its hour's quarantine
    cannot be read."""
    path = RECORDED / f"{spec.name}.json"
    judged = _judged(hour.of(spec))
    if os.environ.get(RENEW):
        path.write_text(
            json.dumps({"version": RULES_VERSION, "verdicts": judged}, indent=1) + "\n", encoding="utf-8"
        )
    recorded = json.loads(path.read_text(encoding="utf-8"))
    told = recorded["verdicts"]
    changed = [name for name in told.keys() | judged.keys() if told.get(name) != judged.get(name)]
    assert not changed or recorded["version"] != RULES_VERSION, (
        f"{spec.name}: {sorted(changed)} are judged otherwise: raise RULES_VERSION in core/spec.py"
    )
    assert recorded["version"] == RULES_VERSION, f"the rules are new: write the verdicts anew with {RENEW}=1"


def _judged(hour: Hour) -> dict[str, Any]:
    """Verdicts by the names of the objects."""
    ending = ".csv" if hour.spec.content == "csv" else ".json"
    names = {
        hour.drop(f"{n // 60:02}{n % 60:02}{ending}", content): name
        for n, (name, content) in enumerate(objects(hour.spec))
    }
    return {names[f.source.key]: _verdict(hour, f) for f in hour.validate().files}


def _verdict(hour: Hour, file: Any) -> dict[str, Any]:
    """Counts, and the bad records: offset, length and reasons."""
    bad = [f"{e['offset']} {e['length']} {' '.join(sorted(e['reasons']))}" for e in hour.quarantine(file)]
    return {"records": file.records, "good": file.good, "truncated": dict(file.truncated), "bad": bad}
