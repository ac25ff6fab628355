"""The judgement of the checks of derived tables, as pure functions of what is found in a period."""

from __future__ import annotations

from datetime import datetime

from assets.checks import CheckDeclaration, CheckOutcome, Number
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.derived_facts import volume_name
from weblogs_platform.pipeline.derived_facts import PeriodFacts

KEY_UNIQUE = CheckDeclaration(
    "key_unique", "ERROR", "No two rows of the table have the same key, in this period or any other."
)
NO_NULLS = CheckDeclaration(
    "no_nulls", "ERROR", "Every column that must hold a value holds one. Those that may be null say when."
)
AGREES = CheckDeclaration(
    "agrees_with_sources",
    "ERROR",
    "The figures of the period are those of the tables it is computed from, to the cent (sql/checks). Of a period whose "
    "sources changed since it was computed they need not be: it is compared when it is computed anew.",
)
VOLUME = CheckDeclaration(
    "volume_in_band",
    "WARN",
    "The volume of the period is within the table's band around that of the period before.",
)

DERIVED_CHECKS = (KEY_UNIQUE, NO_NULLS, AGREES, VOLUME)


def evaluate_period(
    table: DerivedTable, start: datetime, facts: PeriodFacts, now: datetime
) -> tuple[CheckOutcome, ...]:
    """The checks of one period, in the order of DERIVED_CHECKS."""
    return (
        key_unique(table, facts),
        no_nulls(facts),
        agrees_with_sources(facts),
        volume_in_band(table, facts, over=start + table.step <= now),
    )


def key_unique(table: DerivedTable, facts: PeriodFacts) -> CheckOutcome:
    key = ", ".join(table.key)
    repeated = facts.repeated_keys
    summary = f"{repeated} of {facts.rows} rows share their key ({key})" if repeated else f"unique by {key}"
    numbers: dict[str, Number] = {"rows": facts.rows, "rows_with_repeated_key": repeated}
    return CheckOutcome(KEY_UNIQUE, not repeated, summary, numbers)


def no_nulls(facts: PeriodFacts) -> CheckOutcome:
    found = {name: count for name, count in facts.nulls.items() if count}
    listed = ", ".join(f"{name} in {count} rows" for name, count in found.items())
    numbers: dict[str, Number] = {"nulls": sum(found.values())}
    summary = f"null: {listed}" if found else "every column is filled that must be"
    return CheckOutcome(NO_NULLS, not found, summary, numbers, {"by_column": found})


def agrees_with_sources(facts: PeriodFacts) -> CheckOutcome:
    wrong = {name: a for name, a in facts.agreements.items() if a.expected != a.found}
    listed = ", ".join(f"{name} is {a.found}, the sources have {a.expected}" for name, a in wrong.items())
    right = ", ".join(f"{name} {a.found}" for name, a in sorted(facts.agreements.items()))
    numbers: dict[str, Number] = {
        f"{name}_difference": float(a.found - a.expected) for name, a in facts.agreements.items()
    }
    if wrong and facts.stale:
        why = "not compared: a source has changed since the period was computed, so it will be computed again"
        return CheckOutcome(AGREES, True, why, numbers)
    return CheckOutcome(AGREES, not wrong, listed or right or "nothing there, and nothing expected", numbers)


def volume_in_band(table: DerivedTable, facts: PeriodFacts, *, over: bool) -> CheckOutcome:
    """`over`: whether the period has ended; a running one is not compared."""
    low, high = table.volume_band
    what, before = volume_name(table), facts.previous_volume
    numbers: dict[str, Number] = {"volume": float(facts.volume)}
    if not over or not before:
        why = f"the {table.grain} is not over" if not over else f"there is no {table.grain} before"
        return CheckOutcome(VOLUME, True, f"not compared: {why}", numbers)
    ratio = float(facts.volume / before)
    numbers |= {"previous_volume": float(before), "ratio": round(ratio, 4)}
    summary = f"{what} is {ratio:.2f} times that of the {table.grain} before; the band is {low:g} to {high:g}"
    return CheckOutcome(VOLUME, low <= ratio <= high, summary, numbers)
