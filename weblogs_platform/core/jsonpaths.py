"""The jsonpaths document of a stream: one path per column, in the order of the table."""

from __future__ import annotations

import json

from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.spec import StreamSpec


def jsonpaths_for(spec: StreamSpec) -> list[str]:
    """The paths as COPY wants them, in column order."""
    return [f.path for f in spec.fields]


def verify_jsonpaths(spec: StreamSpec, body: bytes) -> None:
    """Raises InvalidDocument when a jsonpaths file does not say what the spec says."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise InvalidDocument(f"jsonpaths of {spec.name}: not JSON: {error}") from error
    if not isinstance(document, dict) or set(document) != {"jsonpaths"}:  # pyright: ignore[reportUnknownArgumentType]
        raise InvalidDocument(f"jsonpaths of {spec.name}: must be one object with the single key 'jsonpaths'")
    if document["jsonpaths"] != jsonpaths_for(spec):
        raise InvalidDocument(
            f"jsonpaths of {spec.name}: differs from the spec: expected {jsonpaths_for(spec)}"
        )
