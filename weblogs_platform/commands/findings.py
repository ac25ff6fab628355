"""What commands that look around say: findings, each with what to do, and whether all is well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import click

Level = Literal["ok", "note", "problem"]
_STYLES = {"ok": "green", "note": "yellow", "problem": "red"}


@dataclass(frozen=True)
class Finding:
    """One sentence about one question. `check` names the question; `why` says what comes of it, where that is not
    plain; `todo` says what to do, and is empty where there is nothing to do; statements and commands stand on lines
    of their own."""

    check: str
    level: Level
    says: str
    todo: str = ""
    why: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def is_well(findings: Iterable[Finding]) -> bool:
    """Whether none of them is a problem."""
    return all(finding.level != "problem" for finding in findings)


def print_findings(findings: Sequence[Finding], as_json: bool) -> None:
    """A line or more for each, and the sum; or one JSON document."""
    well = is_well(findings)
    if as_json:
        click.echo(json.dumps({"well": well, "findings": [finding.as_dict() for finding in findings]}))
        return
    for finding in findings:
        level = click.style(f"{finding.level:7}", fg=_STYLES[finding.level], bold=finding.level == "problem")
        click.echo(f"{level}  {finding.says}")
        if finding.why:
            click.echo("         " + finding.why)
        if finding.todo:
            click.echo("         -> " + finding.todo.replace("\n", "\n            "))
    problems = sum(finding.level == "problem" for finding in findings)
    click.echo(
        "\nAll is well." if well else f"\nNot well: {problems} of {len(findings)} findings are problems."
    )
