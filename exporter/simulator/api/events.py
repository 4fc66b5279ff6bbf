"""GET /v1/events, /v1/events/{id} and the names of their types, categories and entities."""

from typing import Final

from exporter.simulator.api.codes import code_of
from exporter.simulator.api.dates import bounds
from exporter.simulator.api.filters import Test, code, text
from exporter.simulator.api.links import address, iso, legacy_date, legacy_href, link, site_link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route, names
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.founding import NO_ZORG
from exporter.simulator.estate.happenings import ALERT_OFF, ALERT_ON, Happening, happenings_at
from exporter.simulator.estate.tasks import Kind

_NAMED: Final = (
    "Unknown",
    "CreateProtectionGroup",
    "RemoveProtectionGroup",
    "FailOver",
    "FailOverTest",
    "StopFailOverTest",
    "Move",
    "ProtectVM",
    "UnprotectVM",
    "InstallVra",
    "UninstallVra",
    "UpdateProtectionGroup",
    "InsertTaggedCP",
    "HandleMirrorPromotion",
    "ActivateAllMirrors",
    "LogCollection",
    "ForceReconfigurationOfNewVM",
    "ClearSite",
    "ForceRemoveProtectionGroup",
    "ForceUpdateProtectionGroup",
    "ForceKillProtectionGroup",
    "PrePostScript",
    "InitFullSync",
    "Pair",
    "Unpair",
    "InstallCloudConnector",
    "UninstallCloudConnector",
    "RedeployCloudConnector",
    "ScriptExecutionFailure",
    "SetAdvancedSiteSettings",
    "Clone",
    "KeepDisk",
    "FailoverBeforeCommit",
    "FailoverCommit",
    "FailoverRollback",
    "MoveBeforeCommit",
    "MoveRollback",
    "MoveCommit",
    "MaintainHost",
    "UpgradeVra",
    "MoveProtectionGroupToManualOperationNeeded",
    "ChangeVraIpSettings",
    "PauseProtectionGroup",
    "ResumeProtectionGroup",
    "UpgradeZVM",
    "BulkUpgradeVras",
    "BulkUninstallVras",
    "AlertTurnedOn",
    "AlertTurnedOff",
    "ChangeVraPassword",
    "ChangeRecoveryHost",
    "BackupProtectionGroup",
    "CleanupProtectionGroupVipDiskbox",
    "RestoreProtectionGroup",
    "PreScript",
    "PostScript",
    "RemoveVmFromVc",
    "ChangeVraPasswordIpSettings",
    "FlrJournalMount",
    "FlrJournalUnmount",
    "Login",
    "HostEnteringMaintenanceMode",
    "HostExitingMaintenanceMode",
    "VmRestoredToSnapshot",
    "ProtectedVmRemovedFromHypervisor",
    "ProtectedVmAddedToHypervisor",
    "PauseProtectionGroupForMissingVm",
    "ResumeProtectionGroupAfterUserRemovedMissingVm",
    "ResumeProtectionGroupAfterVmReadded",
    # From here on no public source names the codes: three that the restore of a VM takes here, and placeholders.
    Kind.RESTORE.value,
    Kind.RESTORE_COMMIT.value,
    Kind.RESTORE_ROLLBACK.value,
)
_LAST: Final = 120
TYPES: Final = (*_NAMED, *(f"EventType{code}" for code in range(len(_NAMED), _LAST + 1)))
ENTITIES: Final = ("VPG", "VRA", "Unknown", "Site")
CATEGORIES: Final = ("All", "Events", "Alerts")
_WITHOUT_A_DATE: Final = 1000
"""How many events are told where the query has no date: the last ones."""


def _listed(asked: Asked) -> list[Document]:
    since, until = bounds(asked.query, "startdate", "enddate")
    found = happenings_at(asked.site, asked.second, int(since or 0))
    if since is None and until is None:
        found = found[:_WITHOUT_A_DATE]
    return [
        _event(event, asked)
        for event in found
        if (since is None or event.second >= since) and (until is None or event.second <= until)
    ]


def _one(asked: Asked) -> Document:
    wanted = asked.ids["id"].lower()
    for event in happenings_at(asked.site, asked.second):
        if event.identifier == wanted:
            return _event(event, asked)
    raise ApiError(404, f"Exception occurred in API: no event '{asked.ids['id']}'.")


def _event(event: Happening, asked: Asked) -> Document:
    here = asked.site.here
    base = address(here)
    links: dict[str, list[Document]] = {name: [] for name in _RELATED}
    links["Sites"] = [site_link(here, here)]
    if event.vpg:
        links["Vpgs"] = [link(f"{base}/v1/vpgs/{event.vpg}", "VpgApi", event.vpg)]
    if event.alert:
        links["Alerts"] = [link(f"{base}/v1/alerts/{event.alert}", "AlertApi", event.alert)]
    document = {
        "EventIdentifier": event.identifier,
        "Link": link(f"{base}/v1/events/{event.identifier}", "EventApi", event.identifier),
        "Description": event.text,
        "OccurredOn": iso(event.second),
        "EventType": TYPES.index(event.kind),
        "HelpLink": None,
        "EventCompletedSuccessfully": event.successful,
        "EntityType": event.about,
        "EventCategory": "Alerts" if event.kind in (ALERT_ON, ALERT_OFF) else "Events",
        "UserName": event.user,
        "RelatedEntities": links,
        "SiteIdentifier": here.identifier,
        "SiteName": here.name,
        "ZorgIdentifier": NO_ZORG,
        "ZorgName": "",
        "Vpgs": [{"VpgIdentifier": event.vpg, "VpgName": event.vpg_name}] if event.vpg else [],
    }
    return document if asked.appliance else _legacy(document)


def _legacy(document: Document) -> Document:
    href = legacy_href(document["Link"]["href"])
    related = {key: links for key, links in document["RelatedEntities"].items() if key != "Repositories"}
    return document | {
        "Link": document["Link"] | {"href": href},
        "Link_{0}": {"href": href, "rel": "self", "type": "EventApi"},
        "OccurredOn": legacy_date(document["OccurredOn"], document["EventIdentifier"]),
        "RelatedEntities": related,
    }


def _of_vpg(value: str) -> Test:
    wanted = value.lower()
    return lambda document: any(vpg["VpgIdentifier"] == wanted for vpg in document["Vpgs"])


def _of_alert(value: str) -> Test:
    wanted = value.lower()
    return lambda document: any(alert["identifier"] == wanted for alert in document["RelatedEntities"]["Alerts"])


def _of_category(value: str) -> Test:
    wanted = CATEGORIES[code_of(CATEGORIES, value)]
    return lambda document: wanted in ("All", document["EventCategory"])


_RELATED: Final = ("Vpgs", "Sites", "Hosts", "Zorgs", "Alerts", "FlrSessions", "Repositories")
_FILTERS: Final = {
    "vpg": _of_vpg,
    "vpgidentifier": _of_vpg,
    "sitename": text("SiteName"),
    "siteidentifier": text("SiteIdentifier"),
    "zorgidentifier": text("ZorgIdentifier"),
    "eventtype": code(TYPES, "EventType"),
    "entitytype": code(ENTITIES, "EntityType"),
    "category": _of_category,
    "eventcategory": _of_category,
    "username": text("UserName"),
    "alertidentifier": _of_alert,
}
_FIELDS: Final = Fields(
    enums={"EventType": TYPES, "EntityType": ENTITIES},
    elements=dict.fromkeys(_RELATED, "ResourceLink"),
    identity=frozenset({"EventIdentifier"}),
)
ROUTES: Final = (
    Route("/v1/events", "EventApi", _listed, _FILTERS, _FIELDS),
    Route("/v1/events/{id}", "EventApi", _one, fields=_FIELDS),
    names("/v1/events/types", TYPES),
    names("/v1/events/entities", ENTITIES),
    names("/v1/events/categories", CATEGORIES),
)
