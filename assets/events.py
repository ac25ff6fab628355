"""The events of one partition inside a run over many.

A run over a range of partitions that returns a result records it for all of them at once, at its end: a crash
would forget every hour before it, and one bad hour would stand for all. So each hour's events are yielded as
they happen. Dagster stores a yielded event at once, with nothing derived; what it would have added to a result
(code version, input versions, the materialization that a check looked at) is added here.

This is the only module that knows names inside Dagster (`dagster._core`). Where they are missing, checks are
recorded without their target and versions are left away; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import dagster as dg

try:
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationTargetMaterializationData as _Target,
    )
except ImportError:  # pragma: no cover - an older or newer Dagster
    _Target = None

from assets.checks import CheckOutcome
from assets.metadata import check_metadata

_CODE_VERSION = "dagster/code_version"
_DATA_VERSION = "dagster/data_version"
_USER_PROVIDED = "dagster/data_version_is_user_provided"
_INPUT_VERSION = "dagster/input_data_version"
_INPUT_POINTER = "dagster/input_event_pointer"


@dataclass
class PartitionEvents:
    """Makes the events of one partition, in the order in which they are yielded.

    `dependencies` maps each asset to those that it is made from, over the same partition.
    """

    instance: dg.DagsterInstance
    partition: str
    dependencies: Mapping[dg.AssetKey, tuple[dg.AssetKey, ...]]
    code_versions: Mapping[dg.AssetKey, str | None]
    _latest: dict[dg.AssetKey, dg.EventLogRecord | None] = field(default_factory=dict)

    def materialization(
        self, key: dg.AssetKey, metadata: Mapping[str, dg.MetadataValue], data_version: str
    ) -> dg.AssetMaterialization:
        """The asset was made anew; `data_version` changes when its content does."""
        self._latest.pop(key, None)
        tags = {_DATA_VERSION: data_version, _USER_PROVIDED: "true", **self._provenance(key)}
        return dg.AssetMaterialization(key, partition=self.partition, metadata=metadata, tags=tags)

    def elsewhere(
        self, key: dg.AssetKey, partition: str, metadata: Mapping[str, dg.MetadataValue], data_version: str
    ) -> dg.AssetMaterialization:
        """Another partition of the asset that was made on the way; without what it was made from."""
        tags = {_DATA_VERSION: data_version, _USER_PROVIDED: "true"}
        return dg.AssetMaterialization(key, partition=partition, metadata=metadata, tags=tags)

    def evaluation(self, key: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckEvaluation:
        """A check of that asset, about its newest materialization of this partition."""
        return dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=outcome.declaration.name,
            passed=outcome.passed,
            severity=dg.AssetCheckSeverity(outcome.declaration.severity),
            description=outcome.summary,
            metadata=check_metadata(outcome),
            partition=self.partition,
            blocking=outcome.declaration.blocking,
            target_materialization_data=self._target(key),
        )

    def _provenance(self, key: dg.AssetKey) -> dict[str, str]:
        tags = {_CODE_VERSION: version} if (version := self.code_versions.get(key)) else {}
        for dependency in self.dependencies.get(key, ()):
            record = self._newest(dependency)
            name = dependency.to_user_string()
            if record is not None and (made := record.asset_materialization) is not None:
                tags[f"{_INPUT_VERSION}/{name}"] = (made.tags or {}).get(_DATA_VERSION, "unknown")
                tags[f"{_INPUT_POINTER}/{name}"] = str(record.storage_id)
        return tags

    def _target(self, key: dg.AssetKey):
        record = self._newest(key)
        if record is None or _Target is None:
            return None
        return _Target(storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp)

    def _newest(self, key: dg.AssetKey) -> dg.EventLogRecord | None:
        if key not in self._latest:
            found = self.instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, asset_partitions=[self.partition]), limit=1
            )
            self._latest[key] = next(iter(found.records), None)
        return self._latest[key]
