"""Service profiles and organizations of Zerto Cloud Manager: GET /v1/serviceprofiles and /v1/zorgs."""

from __future__ import annotations

import re
from typing import Any, Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source, UnsupportedError, if_there
from exporter.collectors.fields import Identifier, Number, Text, identity_from_link
from exporter.prometheus.table import NONE, PERCENT, SECONDS, Metric, NoNumber, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PROFILES: Final = "/v1/serviceprofiles"
ORGANIZATIONS: Final = "/v1/zorgs"

_SPAN: Final = re.compile(r"(?:(?P<d>\d{1,8})\.)?(?P<h>\d{1,2}):(?P<m>\d{2}):(?P<s>\d{2}(?:\.\d{1,7})?)", re.ASCII)
_ISO_SPAN: Final = re.compile(
    r"P(?=.)(?:(?P<d>\d{1,8})D)?(?:T(?=.)(?:(?P<h>\d{1,8})H)?(?:(?P<m>\d{1,8})M)?(?:(?P<s>\d{1,8}(?:\.\d{1,7})?)S)?)?",
    re.ASCII,
)
_SECONDS_OF: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class Profile(Struct, frozen=True, gc=False):
    id: Identifier = field(name="ServiceProfileIdentifier")
    name: Text = field(name="ServiceProfileName", default=None)
    rpo: Text = field(name="Rpo", default=None)
    history: Text = field(name="History", default=None)
    test_interval: Text = field(name="TestInterval", default=None)
    journal_max: Number = field(name="MaxJournalSizeInPercent", default=None)
    journal_warning: Number = field(name="JournalWarningThresholdInPercent", default=None)


class Organization(Struct, frozen=True, gc=False):
    id: Identifier = field(name="ZorgIdentifier")
    name: Text = field(name="ZorgName", default=None)
    name_at_cloud_manager: Text = field(name="Name", default=None)


class Catalogue(Struct, frozen=True):
    """What both lists hold."""

    profiles: list[Profile]
    organizations: list[Organization]


def span(text: str | None) -> Number:
    """Return a span of time in seconds, None where there is none, NaN for a text that is no span.

    JSON has .NET's form, `d.hh:mm:ss`, XML that of ISO 8601, `P1DT2H`. The unit of a bare number is not documented.
    """
    if not text:
        return None
    found = _SPAN.fullmatch(text) or _ISO_SPAN.fullmatch(text)
    if found is None:
        return NoNumber(text)
    return sum(float(found[part] or 0) * seconds for part, seconds in _SECONDS_OF.items())


TABLE: Table[Profile] = Table(
    {"profile": lambda profile: profile.name or "", "profile_id": lambda profile: profile.id},
    Metric(
        "zerto_service_profile_rpo_seconds",
        "RPO that the service profile promises.",
        "GET /v1/serviceprofiles Rpo",
        SECONDS,
        lambda profile: span(profile.rpo),
    ),
    Metric(
        "zerto_service_profile_history_seconds",
        "Journal history that the service profile promises.",
        "GET /v1/serviceprofiles History",
        SECONDS,
        lambda profile: span(profile.history),
    ),
    Metric(
        "zerto_service_profile_test_interval_seconds",
        "Longest time between two failover tests, by the service profile; 0 is no such time.",
        "GET /v1/serviceprofiles TestInterval",
        SECONDS,
        lambda profile: span(profile.test_interval),
    ),
    Metric(
        "zerto_service_profile_journal_max_ratio",
        "Largest size of a journal, as a share of its VM's.",
        "GET /v1/serviceprofiles MaxJournalSizeInPercent",
        PERCENT,
        lambda profile: profile.journal_max,
    ),
    Metric(
        "zerto_service_profile_journal_warning_ratio",
        "Size of a journal that is warned of, as a share of its VM's.",
        "GET /v1/serviceprofiles JournalWarningThresholdInPercent",
        PERCENT,
        lambda profile: profile.journal_warning,
    ),
    each=lambda catalogue: catalogue.profiles,
)

OF_ORGANIZATIONS: Table[Organization] = Table(
    {"organization": lambda one: one.name or one.name_at_cloud_manager or "", "organization_id": lambda one: one.id},
    Metric("zerto_organization_info", "An organization, ZORG, by its name.", "GET /v1/zorgs", NONE, lambda _: 1),
    each=lambda catalogue: catalogue.organizations,
)


def repair_profile(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from its link."""
    identity_from_link(record, "serviceprofileidentifier")


def repair_organization(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from its link."""
    identity_from_link(record, "zorgidentifier")


PROFILE_DECODER: Decoder[Profile] = Decoder(Profile, repair_profile)
ORGANIZATION_DECODER: Decoder[Organization] = Decoder(Organization, repair_organization)


def begin(source: Source) -> Fetch[Catalogue]:
    """Return what asks *source* for its service profiles and organizations."""

    async def fetch() -> Decoded[Catalogue]:
        profiles = await if_there(source.get(PROFILES, PROFILE_DECODER))
        organizations = await if_there(source.get(ORGANIZATIONS, ORGANIZATION_DECODER))
        if profiles is None and organizations is None:
            raise UnsupportedError(f"neither GET {PROFILES} nor GET {ORGANIZATIONS} is there, or not for this user")
        profiles, organizations = profiles or Decoded(), organizations or Decoded()
        return Decoded([Catalogue(profiles.rows, organizations.rows)], profiles.lost + organizations.lost)

    return fetch


COLLECTOR: Collector[Catalogue] = Collector(
    "profiles",
    "Service profiles and organizations",
    PROFILES,
    (TABLE, OF_ORGANIZATIONS),
    begin,
    interval=3600.0,
    standard=False,
)
