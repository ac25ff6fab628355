"""Dagster's GraphQL, as its UI uses it: for what a test waits for, and for what would take a hundred clicks."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

_RUNS = """{ runsOrError(limit: 200) { ... on Runs { results {
  runId jobName status tags { key value } startTime endTime } } } }"""
_LAUNCH = """mutation($keys: [AssetKeyInput!], $partitions: [String!]) {
  launchPartitionBackfill(backfillParams: {assetSelection: $keys, partitionNames: $partitions}) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_BACKFILL = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status assetBackfillData { assetBackfillStatuses {
    ... on AssetPartitionsStatusCounts { assetKey { path }
      numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed } } } } } }"""

RUN_SECS = 240
"""In which a run that is asked for has ended, on a machine that does much else: others may be before it in the queue."""


@dataclass(frozen=True)
class Run:
    """One run; times are seconds since 1970."""

    id: str
    job: str
    status: str
    tags: dict[str, str]
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class DagsterApi:
    """The GraphQL endpoint of the UI at `url`."""

    url: str

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of the answer. Raises AssertionError with its errors."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=60) as response:
            answer = json.load(response)
        assert not answer.get("errors"), answer["errors"]
        return answer["data"]

    def runs(self, **tags: str) -> list[Run]:
        """The newest 200 runs that have these tags (`partition="..."` means dagster/partition)."""
        wanted = {f"dagster/{name}": value for name, value in tags.items()}
        found = [
            Run(
                r["runId"],
                r["jobName"],
                r["status"],
                {t["key"]: t["value"] for t in r["tags"]},
                r["startTime"],
                r["endTime"],
            )
            for r in self.ask(_RUNS)["runsOrError"]["results"]
        ]
        return [run for run in found if wanted.items() <= run.tags.items()]

    def finished_run(self, **tags: str) -> Run:
        """The run with these tags, once it succeeded. Raises AssertionError when it failed or the time is up."""

        def succeeded() -> Run | None:
            runs = self.runs(**tags)
            bad = [run for run in runs if run.status in {"FAILURE", "CANCELED"}]
            assert not bad, f"run {bad[0].id} ended as {bad[0].status}"
            return next((run for run in runs if run.status == "SUCCESS"), None)

        return wait_for(succeeded, RUN_SECS, f"a successful run with {tags}")

    def assets(self) -> list[list[str]]:
        """The keys of everything that can be materialized."""
        nodes = self.ask("{ assetNodes { assetKey { path } isMaterializable } }")["assetNodes"]
        return [node["assetKey"]["path"] for node in nodes if node["isMaterializable"]]

    def launch_backfill(self, assets: Sequence[Sequence[str]], partitions: Sequence[str]) -> str:
        """What the button `Launch backfill` does; the backfill's id."""
        keys = [{"path": list(path)} for path in assets]
        answer = self.ask(_LAUNCH, keys=keys, partitions=list(partitions))["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return answer["backfillId"]

    def backfill(self, backfill_id: str) -> dict[str, Any]:
        return self.ask(_BACKFILL, id=backfill_id)["partitionBackfillOrError"]


def wait_for(condition: Callable[[], T | None], deadline_secs: float, what: str) -> T:
    """What `condition` returns once it is something, looked at twice a second."""
    end = time.monotonic() + deadline_secs
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"waited {deadline_secs:g} s for {what}"
        time.sleep(0.5)
