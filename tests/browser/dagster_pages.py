"""Dagster's UI as a person uses it: pages by their address, buttons by their names."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

_REPOSITORY = "__repository__@weblogs_platform"


@dataclass(frozen=True)
class DagsterPages:
    """Drives one page over the UI at `url`."""

    page: Page
    url: str

    def open_group(self, group: str, last_asset: str) -> None:
        """The asset graph of a group, once its last asset is drawn."""
        self.page.goto(f"{self.url}/locations/{_REPOSITORY}/asset-groups/{group}/lineage")
        expect(self.page.get_by_text(last_asset, exact=True).first).to_be_visible()

    def open_lineage(self) -> None:
        """All groups of assets and what they depend on."""
        self.page.goto(f"{self.url}/asset-groups")
        expect(self.page.get_by_role("button", name="Materialize all")).to_be_visible()

    def open_code_location(self) -> None:
        self.page.goto(f"{self.url}/deployment/locations")
        expect(self.page.get_by_text("weblogs_platform", exact=True).first).to_be_visible()

    def open_automation(self) -> None:
        self.page.goto(f"{self.url}/automation")

    def materialize(self, partition: str) -> None:
        """On a graph: Materialize all, the partition by its key, Launch."""
        self.page.get_by_role("button", name="Materialize all").click()
        dialog = self.page.get_by_role("dialog")
        chosen = dialog.get_by_role("textbox").first
        chosen.fill(partition)
        chosen.press("Enter")
        launch = dialog.get_by_role("button", name="Launch 1 run")
        expect(launch).to_be_enabled()
        launch.click()
        expect(dialog).to_be_hidden()

    def open_partition(self, asset: str, partition: str, *, shown: str = "seconds") -> None:
        """The page of an asset (`validated/web_logs`) with one partition's metadata, once they are there."""
        self.page.goto(f"{self.url}/assets/{asset}?view=partitions&partition={quote(partition)}")
        expect(self.page.get_by_text(shown, exact=True).first).to_be_visible()

    def launch_job(self, job: str, config: str) -> None:
        """On the launchpad: the configuration pasted, Launch Run, once Dagster finds it right."""
        self.page.goto(f"{self.url}/locations/{_REPOSITORY}/jobs/{job}/playground")
        launch = self.page.get_by_role("button", name="Launch Run")
        expect(launch).to_be_visible()
        self.page.locator(".CodeMirror").first.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(config)
        expect(launch).to_be_enabled()
        launch.click()

    def open_check(self, asset: str, check: str) -> None:
        self.page.goto(f"{self.url}/assets/{asset}?view=checks&checkDetail={check}")
        expect(self.page.get_by_text("Latest execution")).to_be_visible()

    def metadata(self, name: str) -> Locator:
        """The row of a metadata table."""
        return self.page.locator("tr").filter(has=self.page.get_by_text(name, exact=True)).first
