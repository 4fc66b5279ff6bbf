"""What a ZVM warns of: an alert for what is wrong with its VPGs, its VRAs, its peer and its license, as long as it is.

The help identifiers are those of Zerto's list of alerts (2019). It is older than encryption detection: ENC0001 stands
for an identifier that no public source names.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.incidents import Incident, alert_identifier
from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.licensing import license_at
from exporter.simulator.estate.readings import VpgReading
from exporter.simulator.estate.seeded import guid, stream
from exporter.simulator.estate.site import LivingSite
from exporter.simulator.estate.suspicion import observed_at

LEVELS: Final = ("Warning", "Error")
ENTITIES: Final = ("Zvm", "Vra", "Vpg", "CloudConnector", "Storage", "License", "Zcm", "FileRecoveryComponent")

_DAY: Final = 86400
_LICENSE_WARNS_BEFORE: Final = 30 * _DAY
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of alert; its text is for people."""

    help_identifier: str
    level: str
    entity: str
    text: str


_RPO: Final = Kind("VPG0010", "Error", "Vpg", "The RPO of VPG {0} is above its target.")
_HISTORY: Final = Kind("VPG0037", "Warning", "Vpg", "The journal history of VPG {0} is less than configured.")
_PAUSED: Final = Kind("VPG0017", "Warning", "Vpg", "The protection of VPG {0} is paused.")
_WAITING: Final = Kind("VPG0014", "Warning", "Vpg", "VPG {0} waits to be committed or rolled back.")
_IN_ERROR: Final = Kind("VPG0005", "Error", "Vpg", "VPG {0} is in an error state.")
_MISSING_VM: Final = Kind("VPG0049", "Error", "Vpg", "A virtual machine of VPG {0} was removed from the inventory.")
_ENCRYPTION: Final = Kind("ENC0001", "Error", "Vpg", "Encryption is suspected in VPG {0}.")
_JOURNAL: Final = Kind("VRA0040", "Warning", "Vra", "The journals of VPG {0} are nearly at their limit.")
_VRA: Final = Kind("VRA0028", "Error", "Vra", "The VRA on host esx-{1} is not powered on; VPG {0} is affected.")
_PEER: Final = Kind("ZVM0003", "Error", "Zvm", "There is no connection to the peer site {0}.")
_LICENSE_ENDS: Final = Kind("LIC0003", "Warning", "License", "The license is about to expire.")
_LICENSE_EXCEEDED: Final = Kind("LIC0007", "Warning", "License", "More virtual machines are protected than licensed.")
KINDS: Final = tuple(
    sorted(
        (
            _RPO,
            _HISTORY,
            _PAUSED,
            _WAITING,
            _IN_ERROR,
            _MISSING_VM,
            _ENCRYPTION,
            _JOURNAL,
            _VRA,
            _PEER,
            _LICENSE_ENDS,
            _LICENSE_EXCEEDED,
        ),
        key=lambda kind: kind.help_identifier,
    )
)

_SUBSTATUSES: Final = {8: _IN_ERROR, 15: _WAITING, 19: _WAITING, 25: _PAUSED, 26: _PAUSED}
_DISCONNECTED: Final = frozenset({5, 10, 24})
_OF_INCIDENTS: Final = {
    "vm_missing": _MISSING_VM,
    "journal_near_limit": _JOURNAL,
    "journal_full": _JOURNAL,
    "vra_down": _VRA,
}
_OF_CUTS: Final = frozenset({"peer_disconnected", "recovery_possible"})
_KIND_OF: Final = {
    **_OF_INCIDENTS,
    **dict.fromkeys((*_OF_CUTS, "wan_down", "site_down"), _PEER),
    "ransomware": _ENCRYPTION,
    "license_expiring": _LICENSE_ENDS,
}
"""The alert that an incident is."""


@dataclass(frozen=True, slots=True)
class _CutOff:
    """A VPG without a connection since a unix second, and the incident that is why, if one is."""

    vpg: Vpg
    incident: Incident | None
    since: int


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is on since `since`, in unix seconds; `identifier` is its own."""

    identifier: str
    kind: Kind
    text: str
    since: int
    vpgs: tuple[Vpg, ...]
    dismissed: bool


def alerts_at(site: LivingSite, second: int) -> list[Alert]:
    """What is on at a unix second, the same as long as it lasts."""
    holding: dict[str, Incident] = {}
    for protection in site.protections:
        holding |= protection.incidents.at(second)
    suspected = {vpg.identifier for one in observed_at(site, second) if one.level for vpg in one.vpgs}
    found: list[Alert] = []
    unreachable: list[_CutOff] = []
    lost = holding.get("site_down") or holding.get("wan_down")
    for vpg, reading in site.vpgs_at(second):
        incident = holding.get(vpg.identifier)
        since = second // _HOUR * _HOUR if incident is None else int(incident.start)
        kinds = [*_of_vpg(vpg, reading, incident)] + [_ENCRYPTION] * (vpg.identifier in suspected)
        host = vpg.members[0].vm.host if vpg.members else 0
        found += [_alert(site, kind, kind.text.format(vpg.name, host), since, (vpg,), incident) for kind in kinds]
        if reading.substatus in _DISCONNECTED:
            cut = incident if incident is not None and incident.kind in _OF_CUTS else lost
            unreachable.append(_CutOff(vpg, cut, since if cut is None else int(cut.start)))
    found += _of_peers(site, unreachable)
    return [*found, *_of_license(site, second)]


def _of_vpg(vpg: Vpg, reading: VpgReading, incident: Incident | None) -> Iterator[Kind]:
    if reading.rpo > vpg.rpo:
        yield _RPO
    if reading.status and reading.history < vpg.history:
        yield _HISTORY
    if reading.substatus in _SUBSTATUSES:
        yield _SUBSTATUSES[reading.substatus]
    if incident is not None and incident.kind in _OF_INCIDENTS:
        yield _OF_INCIDENTS[incident.kind]


def _of_peers(site: LivingSite, unreachable: Iterable[_CutOff]) -> Iterator[Alert]:
    """One for each site that VPGs have no connection to, and each incident that is why."""
    by_cause: dict[tuple[str, Incident | None], list[_CutOff]] = {}
    for one in unreachable:
        other = one.vpg.recovery if one.vpg.protected.identifier == site.here.identifier else one.vpg.protected
        by_cause.setdefault((other.name, one.incident), []).append(one)
    for (name, incident), cut_off in by_cause.items():
        since, vpgs = min(one.since for one in cut_off), tuple(one.vpg for one in cut_off)
        # What a site has lost altogether is one event: that of its peer.
        its_own = incident is not None and (incident.vpg_identifier or name == site.peer.name)
        yield _alert(site, _PEER, _PEER.text.format(name), since, vpgs, incident if its_own else None)


def _of_license(site: LivingSite, second: int) -> Iterator[Alert]:
    found = license_at(site, second)
    if found.expires - second <= _LICENSE_WARNS_BEFORE:
        incident = site.own.incidents.at(second).get("license_expiring")
        since = found.expires - _LICENSE_WARNS_BEFORE if incident is None else int(incident.start)
        yield _alert(site, _LICENSE_ENDS, _LICENSE_ENDS.text, since, (), incident)
    if sum(count for _, count in found.used) > found.max_vms:
        yield _alert(site, _LICENSE_EXCEEDED, _LICENSE_EXCEEDED.text, second // _HOUR * _HOUR, ())


def _alert(
    site: LivingSite, kind: Kind, text: str, since: int, vpgs: tuple[Vpg, ...], incident: Incident | None = None
) -> Alert:
    """An alert; the one that an *incident* is has the identifier that the events about it have."""
    first = vpgs[0].identifier if vpgs else ""
    numbers = stream(site.seed, site.here.name, "alert", kind.help_identifier, first, since)
    identifier = guid(numbers)
    if incident is not None and kind is _KIND_OF.get(incident.kind):
        identifier = alert_identifier(incident)
    # A warning is dismissed now and then by whoever has read it.
    return Alert(identifier, kind, text, since, vpgs, kind.level == "Warning" and numbers.random() < 0.25)
