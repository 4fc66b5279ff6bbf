"""One file per resource of the ZVM's API: its wire struct, its labels, its table of metrics, how it is fetched.

This is the only room that names a field of the API and a metric on one line.
"""

from __future__ import annotations

from typing import Any, Final

from exporter.collectors import (
    alerts,
    checkpoints,
    datastores,
    encryption,
    events,
    file_restores,
    license,  # noqa: A004 - the resource is called so
    peers,
    points_in_time,
    profiles,
    recoveries,
    retention,
    site,
    statistics,
    tasks,
    unprotected,
    vms,
    volumes,
    vpgs,
    vras,
)
from exporter.collectors.base import Collector

ALL: Final[tuple[Collector[Any], ...]] = (  # in the order of the page
    vms.COLLECTOR,
    vpgs.COLLECTOR,
    site.COLLECTOR,
    peers.COLLECTOR,
    vras.COLLECTOR,
    alerts.COLLECTOR,
    tasks.COLLECTOR,
    events.COLLECTOR,
    license.COLLECTOR,
    datastores.COLLECTOR,
    statistics.COLLECTOR,
    encryption.COLLECTOR,
    unprotected.COLLECTOR,
    volumes.COLLECTOR,
    checkpoints.COLLECTOR,
    points_in_time.COLLECTOR,
    recoveries.COLLECTOR,
    retention.COLLECTOR,
    file_restores.COLLECTOR,
    profiles.COLLECTOR,
)
BY_NAME: Final = {collector.name: collector for collector in ALL}
