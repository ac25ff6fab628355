"""docs/OPERATIONS.md, "Restore the ledger": its own statements, on an hour whose ledger is gone."""

from __future__ import annotations

import re

import pytest

from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from tests.quarantine.accounts import account, replay
from weblogs_platform.core.errors import CountMismatch
from weblogs_platform.pipeline.replay import Replay
from weblogs_platform.repairs import repair_named
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import WEB_LOGS


def statements(hour: Hour) -> list[str]:
    """The page's statements, for this hour instead of its example."""
    page = (PROJECT_ROOT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    found = re.findall(r"^ +(DELETE FROM .* landing_hour = .*);$", page, flags=re.MULTILINE)
    assert len(found) == 5
    return [statement.replace("2025-07-20 01:00:00", hour.hour.sql) for statement in found]


def test_an_hour_is_loaded_again_from_s3(hour: Hour) -> None:
    """Rows double where the ledger is gone, or what the page says leaves something behind that no load gets past."""
    bad = (web_log(2, user_id=..., userId=5002), web_log(3, session_id=...))
    hour.drop("a", b"".join(map(encoded, (web_log(1), *bad))))
    hour.run()
    spelling = Replay(repair=repair_named("user_id_spelling", WEB_LOGS))
    replay(hour, spelling)
    before, rows = account(hour), hour.rows()
    with hour.warehouse.transaction() as tx:
        tx.execute(statements(hour)[1])
    with pytest.raises(CountMismatch, match="nothing was committed"):
        hour.run()
    for statement in statements(hour):
        with hour.warehouse.transaction() as tx:
            tx.execute(statement)
    hour.run()
    assert len(account(hour).open) == 2
    replay(hour, spelling)
    assert (account(hour), hour.rows()) == (before, rows)
