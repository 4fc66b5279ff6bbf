"""GET /v1/alerts, /v1/alerts/{id}, and the names of levels, entities and help identifiers: what a ZVM warns of."""

from typing import Final

from exporter.simulator.api.filters import among, flag, since, text, until
from exporter.simulator.api.links import address, iso, legacy_date, legacy_href, link, site_link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route, names
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.alarms import ENTITIES, KINDS, LEVELS, Alert, alerts_at
from exporter.simulator.estate.founding import NO_ZORG
from exporter.simulator.estate.inventory import Site


def _listed(asked: Asked) -> list[Document]:
    here = asked.site.here
    documents = [_alert(alert, here) for alert in alerts_at(asked.site, asked.second)]
    return documents if asked.appliance else [_legacy(document) for document in documents]


def _one(asked: Asked) -> Document:
    wanted = asked.ids["id"].lower()
    for document in _listed(asked):
        if document["Link"]["identifier"] == wanted:
            return document
    raise ApiError(404, f"Exception occurred in API: no alert '{asked.ids['id']}'.")


def _alert(alert: Alert, here: Site) -> Document:
    base = address(here)
    zorgs = dict.fromkeys(vpg.zorg for vpg in alert.vpgs if vpg.zorg != NO_ZORG)
    return {
        "Link": link(f"{base}/v1/alerts/{alert.identifier}", "AlertApi", alert.identifier),
        "Level": alert.kind.level,
        "Entity": alert.kind.entity,
        "IsDismissed": alert.dismissed,
        "HelpIdentifier": alert.kind.help_identifier,
        "Site": site_link(here, here),
        "Description": alert.text,
        "TurnedOn": iso(alert.since),
        "AffectedVpgs": [link(f"{base}/v1/vpgs/{vpg.identifier}", "VpgApi", vpg.identifier) for vpg in alert.vpgs],
        "AffectedZorgs": [link(f"{base}/v1/zorgs/{zorg}", "ZorgApi", zorg) for zorg in zorgs],
        "Generation": alert.since,
    }


def _legacy(document: Document) -> Document:
    href = legacy_href(document["Link"]["href"])
    return {key: value for key, value in document.items() if key != "Generation"} | {
        "Link": document["Link"] | {"href": href},
        "Link_{0}": {"href": href, "rel": "self", "type": "AlertApi"},
        "TurnedOn": legacy_date(document["TurnedOn"], document["Link"]["identifier"]),
    }


_FILTERS: Final = {
    "startdate": since("TurnedOn"),
    "enddate": until("TurnedOn"),
    "vpgidentifier": among("AffectedVpgs"),
    "zorgidentifier": among("AffectedZorgs"),
    "siteidentifier": text("Site", "identifier"),
    "level": text("Level"),
    "entity": text("Entity"),
    "helpidentifier": text("HelpIdentifier"),
    "isdismissed": flag("IsDismissed"),
}
_FIELDS: Final = Fields(
    enums={},
    elements={"AffectedVpgs": "ResourceLink", "AffectedZorgs": "ResourceLink"},
    identity=frozenset({"HelpIdentifier"}),
)
ROUTES: Final = (
    Route("/v1/alerts", "AlertApi", _listed, _FILTERS, _FIELDS),
    Route("/v1/alerts/{id}", "AlertApi", _one, fields=_FIELDS),
    names("/v1/alerts/levels", LEVELS),
    names("/v1/alerts/entities", ENTITIES),
    names("/v1/alerts/helpidentifiers", tuple(kind.help_identifier for kind in KINDS)),
)
