"""The organizations that VPGs belong to, and what the service profile of each promises."""

from dataclasses import dataclass

from exporter.simulator.estate.founding import NO_ZORG
from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.site import LivingSite

_JOURNAL_MAX, _JOURNAL_WARNING = 75, 50
"""Per cent of the size of a VM."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A service profile: RPO and time between tests in seconds, history in minutes.

    It promises what each of its VPGs keeps to: the longest RPO of theirs, the shortest history.
    """

    identifier: str
    name: str
    rpo: int
    history: int
    test_interval: int
    journal_max: int
    journal_warning: int


def organizations_of(site: LivingSite) -> dict[str, str]:
    """The names of the organizations of a site's VPGs, by their identifiers."""
    return {vpg.zorg: vpg.organization for vpg in _founded(site) if vpg.zorg != NO_ZORG}


def profiles_of(site: LivingSite) -> list[Profile]:
    """The service profiles that a site's VPGs have."""
    of_profile: dict[str, list[Vpg]] = {}
    for vpg in _founded(site):
        if vpg.service_profile is not None:
            of_profile.setdefault(vpg.service_profile, []).append(vpg)
    return [
        Profile(
            identifier,
            profile_name(vpgs[0]),
            rpo=max(vpg.rpo for vpg in vpgs),
            history=min(vpg.history for vpg in vpgs),
            test_interval=max(vpg.test_period or 0 for vpg in vpgs),
            journal_max=_JOURNAL_MAX,
            journal_warning=_JOURNAL_WARNING,
        )
        for identifier, vpgs in of_profile.items()
    ]


def profile_name(vpg: Vpg) -> str:
    """The name of the service profile of a VPG."""
    return f"{vpg.organization}-Gold"


def _founded(site: LivingSite) -> list[Vpg]:
    return [vpg for protection in site.protections for vpg in protection.founded]
