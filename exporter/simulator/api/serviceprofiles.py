"""GET /v1/serviceprofiles and /v1/serviceprofiles/{id}: what VPGs are promised.

Spans of time are .NET's in JSON, `d.hh:mm:ss`. XML is known to have another form, which no public source shows.
"""

from typing import Final

from exporter.simulator.api.links import address, legacy_links, link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import Site
from exporter.simulator.estate.organizations import Profile, profiles_of


def _listed(asked: Asked) -> list[Document]:
    documents = [_profile(profile, asked.site.here) for profile in profiles_of(asked.site)]
    return documents if asked.appliance else [legacy_links(document) for document in documents]


def _one(asked: Asked) -> Document:
    identifier = asked.ids["id"]
    for document in _listed(asked):
        if document["ServiceProfileIdentifier"] == identifier.lower():
            return document
    raise ApiError(404, f"Exception occurred in API: no service profile '{identifier}'.")


def _profile(profile: Profile, here: Site) -> Document:
    return {
        "ServiceProfileIdentifier": profile.identifier,
        "ServiceProfileName": profile.name,
        "Description": f"Agreed with {profile.name.partition('-')[0]}.",
        "Rpo": span(profile.rpo),
        "History": span(60 * profile.history),
        "TestInterval": span(profile.test_interval),
        "MaxJournalSizeInPercent": profile.journal_max,
        "JournalWarningThresholdInPercent": profile.journal_warning,
        "Link": link(
            f"{address(here)}/v1/serviceprofiles/{profile.identifier}", "ServiceProfileApi", profile.identifier
        ),
    }


def span(seconds: int) -> str:
    """A span of time as .NET writes it: days only where there is one."""
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}.{clock}" if days else clock


_FIELDS: Final = Fields(enums={}, identity=frozenset({"ServiceProfileIdentifier"}))
ROUTES: Final = (
    Route("/v1/serviceprofiles", "ServiceProfileApi", _listed, fields=_FIELDS),
    Route("/v1/serviceprofiles/{id}", "ServiceProfileApi", _one, fields=_FIELDS),
)
