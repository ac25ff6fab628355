"""The hours of tests/pipeline, for what the policies of a stream's spec make of them."""

from tests.pipeline.conftest import hour, lake, roles, settings, warehouse

__all__ = ["hour", "lake", "roles", "settings", "warehouse"]
