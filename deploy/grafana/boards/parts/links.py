"""Links: from a cell or a line to another dashboard, from a panel to its runbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

REPOSITORY: Final = "https://github.com/zerto-exporter/zerto-exporter/blob/main"


@dataclass(frozen=True)
class Link:
    """A link from a cell to another dashboard; *passes* says which column fills which of its variables."""

    title: str
    uid: str
    passes: Mapping[str, str]

    @property
    def url(self) -> str:
        """The address, with the time and the data source of the dashboard that it leaves."""
        return self._url("__data.fields", self.passes)

    @property
    def of_a_line(self) -> str:
        """The same from a line of a chart, whose labels fill the variables of their names."""
        return self._url("__field.labels", {name: name for name in self.passes})

    def _url(self, source: str, passes: Mapping[str, str]) -> str:
        values = "".join(f"&var-{name}=${{{source}.{column}:percentencode}}" for name, column in passes.items())
        return f"/d/{self.uid}?${{__url_time_range}}&${{datasource:queryparam}}&${{job:queryparam}}{values}"


@dataclass(frozen=True)
class To:
    """The panel that lists what a number counts: a dashboard, and the title of the panel there."""

    uid: str
    panel: str


def links(title: str, url: str) -> dashboard.DynamicConfigValue:
    """Return what makes a cell or a line a link."""
    return dashboard.DynamicConfigValue("links", [{"title": title, "url": url}])


def document(title: str, url: str) -> builders.DashboardLink:
    """Return a link to a document of ours, in a window of its own."""
    link = builders.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url)
    return link.icon("doc").tooltip(title).target_blank(True)


def runbook(alert: str) -> builders.DashboardLink:
    """Return the link to the runbook of an *alert*."""
    return document(f"Runbook: {alert}", f"{REPOSITORY}/docs/runbooks/{alert}.md")
