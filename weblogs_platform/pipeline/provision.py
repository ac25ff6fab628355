"""What must be there before the first load: schemas and tables in the warehouse, jsonpaths files in the lake."""

from __future__ import annotations

from pathlib import Path

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.jsonpaths import verify_jsonpaths
from weblogs_platform.core.keys import jsonpaths_key
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import STREAMS


def initialise(lake: Lake, warehouse: Warehouse, *, root: Path = PROJECT_ROOT) -> list[str]:
    """Runs every statement of `sql/ddl` in order and uploads the jsonpaths files. Idempotent.

    Returns what was done, a line each. Raises InvalidDocument when a jsonpaths file contradicts its spec.
    """
    done = [_upload_jsonpaths(lake, root, spec.name) for spec in STREAMS]
    for path in sorted((root / "sql" / "ddl").glob("*.sql")):
        with warehouse.transaction() as tx:
            tx.execute(path.read_text(encoding="utf-8"))
        done.append(f"{path.relative_to(root)}")
    return done


def _upload_jsonpaths(lake: Lake, root: Path, stream: str) -> str:
    path = root / "jsonpaths" / f"{stream}.json"
    if not path.is_file():
        raise InvalidDocument(f"jsonpaths/{stream}.json is missing: each stream needs one")
    body = path.read_bytes()
    spec = next(s for s in STREAMS if s.name == stream)
    verify_jsonpaths(spec, body)
    lake.put(jsonpaths_key(stream), body)
    return f"jsonpaths/{stream}.json -> {lake.url(jsonpaths_key(stream))}"
