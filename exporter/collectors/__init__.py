"""One file per resource of the ZVM's API: its wire struct, its labels, its table of metrics, how it is fetched.

This is the only room that names a field of the API and a metric on one line.
"""

from __future__ import annotations

from typing import Any, Final

from exporter.collectors import (
    alerts,
    checkpoints,
    encryption,
    license,  # noqa: A004 - the resource is called so
    statistics,
    vms,
    volumes,
    vpgs,
    vras,
)
from exporter.collectors.base import Collector

ALL: Final[tuple[Collector[Any], ...]] = (  # in the order of the page
    vms.COLLECTOR,
    vpgs.COLLECTOR,
    vras.COLLECTOR,
    alerts.COLLECTOR,
    license.COLLECTOR,
    statistics.COLLECTOR,
    encryption.COLLECTOR,
    volumes.COLLECTOR,
    checkpoints.COLLECTOR,
)
BY_NAME: Final = {collector.name: collector for collector in ALL}
