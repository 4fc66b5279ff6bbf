"""GET /v1/reports/recovery, in pages, and /v1/reports/recovery/{id}: what was recovered, and how long it took.

All values are text, as the vendor's document has them. A ZVM for Windows of this stand-in has no reports.
"""

from typing import Final

from exporter.simulator.api.dates import bounds
from exporter.simulator.api.filters import BadFilterError, text
from exporter.simulator.api.links import iso
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import Member, Site, Vpg
from exporter.simulator.estate.recoveries import Recovery, recoveries_at
from exporter.simulator.estate.tasks import Task

_MOST: Final = 1000
"""Reports of a page, also where none is asked for."""


def _listed(asked: Asked) -> list[Document]:
    """A page, the first if none is named; a page behind the last is empty. Filters go before the pages."""
    _only_10(asked)
    since, until = bounds(asked.query, "starttime", "endtime")
    passes = [build(asked.query[name]) for name, build in _FILTERS.items() if asked.query.get(name)]
    wanted = {name.strip().lower() for name in asked.query.get("vpgname", "").split(",") if name.strip()}
    vpgs = _founded(asked)
    found = [
        (recovery, general)
        for recovery in recoveries_at(asked.site, asked.second, int(since or 0))
        if (until is None or recovery.start <= until) and (not wanted or recovery.vpg_name.lower() in wanted)
        for general in (_general(recovery, vpgs[recovery.vpg]),)
        if all(one(general) for one in passes)
    ]
    page, size = _number(asked, "pagenumber", 1), min(_MOST, _number(asked, "pagesize", _MOST))
    return [
        _report(recovery, general, vpgs[recovery.vpg]) for recovery, general in found[(page - 1) * size : page * size]
    ]


def _one(asked: Asked) -> Document:
    _only_10(asked)
    wanted = asked.ids["id"].lower()
    for recovery in recoveries_at(asked.site, asked.second):
        if recovery.identifier == wanted:
            vpg = _founded(asked)[recovery.vpg]
            return _report(recovery, _general(recovery, vpg), vpg)
    raise ApiError(404, f"Exception occurred in API: no recovery operation '{asked.ids['id']}'.")


def _only_10(asked: Asked) -> None:
    if not asked.appliance:
        raise ApiError(404, "No HTTP resource was found that matches the request URI '/v1/reports/recovery'.")


def _number(asked: Asked, name: str, default: int) -> int:
    value = asked.query.get(name, "")
    if not value:
        return default
    if not value.isdecimal() or not int(value):
        raise BadFilterError(f"'{value}' is not a value of {name}")
    return int(value)


def _founded(asked: Asked) -> dict[str, Vpg]:
    return {vpg.identifier: vpg for protection in asked.site.protections for vpg in protection.founded}


def _general(recovery: Recovery, vpg: Vpg) -> Document:
    return {
        "VpgIdentifier": recovery.vpg,
        "VpgName": recovery.vpg_name,
        "RecoveryType": recovery.kind,
        "ProtectedSiteName": vpg.protected.name,
        "RecoverySiteName": vpg.recovery.name,
        "StartTime": iso(recovery.start),
        "EndTime": iso(recovery.end),
        "PointInTime": iso(recovery.checkpoint),
        # The key in capitals is what a client of the vendor's own reads.
        "RTOInSeconds": None if recovery.rto is None else str(recovery.rto),
        "Status": recovery.status,
        "InitiatedBy": recovery.user,
        "Notes": recovery.note or None,
    }


def _report(recovery: Recovery, general: Document, vpg: Vpg) -> Document:
    return {
        "RecoveryOperationIdentifier": recovery.identifier,
        "General": general,
        "RecoverySettings": {
            "Vpg": {
                "DefaultHostName": None,
                "DefaultDatastoreName": f"ds-dr-{vpg.name.lower()}",
                "DefaultNetworkName": "Recovery",
            },
            "Vms": [_vm(member, vpg.recovery, vpg) for member in vpg.members],
            "Steps": [_step(task) for task in recovery.tasks],
        },
    }


def _vm(member: Member, site: Site, vpg: Vpg) -> Document:
    host, store = member.recovery_host, f"ds-dr-{vpg.name.lower()}"
    return {
        "VmName": member.vm.name,
        "HostName": None if host is None else f"esx-{host}.{site.name}.test",
        "DatastoreName": store,
        "FolderName": None,
        "NetworkNames": ["Recovery"],
        "Volumes": [{"VolumeName": f"scsi:0:{number}", "DatastoreName": store} for number in range(member.vm.volumes)],
    }


def _step(task: Task) -> Document:
    return {
        "Description": task.kind.value,
        "Result": "Fail" if task.failure else "Success",
        "StartTime": iso(task.start),
        "EndTime": iso(task.end),
        "ExecutionTime": str(task.end - task.start),
    }


_FILTERS: Final = {"recoverytype": text("RecoveryType"), "state": text("Status")}
_FIELDS: Final = Fields(
    enums={},
    elements={
        "Vms": "RecoverySettingsVmApi",
        "Steps": "RecoverySettingsStepApi",
        "Volumes": "RecoverySettingVmVolumeApi",
        "NetworkNames": "string",
    },
    identity=frozenset({"RecoveryOperationIdentifier", "VpgIdentifier"}),
)
ROUTES: Final = (
    Route("/v1/reports/recovery", "RecoveryReportApi", _listed, fields=_FIELDS),
    Route("/v1/reports/recovery/{id}", "RecoveryReportApi", _one, fields=_FIELDS),
)
