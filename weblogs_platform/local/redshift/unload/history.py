"""The rows of stl_unload_log, sys_unload_history and sys_unload_detail."""

from __future__ import annotations

from collections.abc import Sequence

from weblogs_platform.local.redshift.systables import LoadHistory, QueryContext, utc_now
from weblogs_platform.local.redshift.unload.statement import UnloadStatement
from weblogs_platform.local.redshift.unload.target import UnloadedFile


def record_unload(
    history: LoadHistory,
    context: QueryContext,
    statement: UnloadStatement,
    files: Sequence[UnloadedFile],
    rows: int,
    error: str | None,
) -> None:
    """Writes what an UNLOAD did, durable when this returns. `error` is the message of one that failed."""
    form = {"text": "Text"}.get(statement.format, statement.format.upper())
    history.insert(
        "unload_files",
        [[*context.row, file.url, file.started, file.ended, file.lines, file.size, form] for file in files],
    )
    history.insert(
        "unloads",
        [
            [
                *context.row, "completed" if error is None else "aborted", context.started, utc_now(), form,
                "" if statement.compression == "none" else statement.compression.upper(), statement.url, rows,
                len(files), sum(file.size for file in files), error,
            ]
        ],
    )  # fmt: skip
