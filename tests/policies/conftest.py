"""The hours of tests/pipeline, for what the policies of a stream's spec make of them."""

from tests.pipeline.conftest import hour, lake, roles, settings, warehouse
from tests.policies.planted import instance, planted_hour

__all__ = ["hour", "instance", "lake", "planted_hour", "roles", "settings", "warehouse"]
