"""The filters of the API as flags: `vpgName` is `--vpg-name`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.collectors import vms, vpgs, vras
from exporter.collectors.enums import ENTITY, PRIORITY, STATUS, SUBSTATUS, Enum

FORMATS: Final = ("table", "json", "csv")
RESOURCES: Final = {
    "vms": "VMs, one row for each VPG that a VM is in",
    "vpgs": "VPGs",
    "vras": "VRAs",
    "points": "what a VM can be recovered to",
    "alerts": "alerts of the ZVMs themselves",
}

_BOOLEANS: Final = ("true", "false")
_ENUMS: Final[Mapping[str, Enum]] = {
    "status": STATUS,
    "subStatus": SUBSTATUS,
    "priority": PRIORITY,
    "protectedSiteType": ENTITY,
    "recoverySiteType": ENTITY,
    "sourceType": ENTITY,
    "targetType": ENTITY,
}
_FLAGS: Final = {"subStatus": "--substatus"}
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "vms": tuple(sorted(vms.FILTERS)),
    "vpgs": tuple(sorted(vpgs.FILTERS)),
    # Source: the vendor's OpenAPI document of 10.0 U6, as for alerts.
    "vras": (
        "datastoreClusterName",
        "datastoreName",
        "hostVersion",
        "ipAddress",
        "networkName",
        "status",
        "vraGroup",
        "vraIpConfigurationTypeApi",
        "vraName",
        "vraVersion",
    ),
    "points": (),
    "alerts": (
        "endDate",
        "entity",
        "helpIdentifier",
        "isDismissed",
        "level",
        "siteIdentifier",
        "startDate",
        "vpgIdentifier",
        "zorgIdentifier",
    ),
}


@dataclass(frozen=True)
class Filter:
    """A filter of the API: its flag, its *name* there, and what reads its value, which raises ValueError."""

    flag: str
    name: str
    read: Callable[[str], str]


def filters(resource: str) -> list[Filter]:
    """Return the filters of *resource*, in the order of their flags."""
    found = []
    for name in _NAMES[resource]:
        flag = _FLAGS.get(name) or "--" + re.sub("[A-Z]", lambda capital: f"-{capital[0].lower()}", name)
        enum = vras.STATUS if (resource, name) == ("vras", "status") else _ENUMS.get(name)
        boolean = name.startswith(("include", "is"))
        found.append(Filter(flag, name, _boolean if boolean else str if enum is None else _code(enum)))
    return sorted(found, key=lambda one: one.flag)


def _code(enum: Enum) -> Callable[[str], str]:
    """Return what reads a state. One with a wrong name would be ignored by some ZVMs, which then show all there is."""

    def read(text: str) -> str:
        if enum.code(text) is None:
            known = ", ".join(enum.name(code) for code in enum.codes)
            raise ValueError(f"expected a code or one of {known}, got {text!r}")
        return text

    return read


def _boolean(text: str) -> str:
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"expected true or false, got {text!r}")
    return text.lower()
