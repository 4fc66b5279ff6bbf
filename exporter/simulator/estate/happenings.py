"""What a ZVM writes into its list of events: each task that ended, and each alert that was turned on or off."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.incidents import Incident, alert_identifier
from exporter.simulator.estate.seeded import guid, stream
from exporter.simulator.estate.site import LivingSite
from exporter.simulator.estate.tasks import Task

ALERT_ON, ALERT_OFF = "AlertTurnedOn", "AlertTurnedOff"
OF_A_VPG, OF_A_VRA, UNKNOWN, OF_A_SITE = range(4)
"""What an event is about."""

SYSTEM: Final = "System"
"""The user of what the ZVM does by itself."""

_WHERE_PROTECTED: Final = frozenset({"ransomware"})
"""Of which only the ZVM knows that protects the VPG."""

_NOT_LISTED: Final = frozenset({"datastore_full"})
"""Of which the list of alerts has nothing: no public source has an identifier for it."""

_LONGEST_TASK: Final = 3600

# What an incident is to a ZVM: an alert with these words, about that. A failover test or a sync is none.
_ALERTS: Final = {
    "peer_disconnected": ("The connection to the peer site is lost", OF_A_VPG),
    "recovery_possible": ("The ZVM of the protected site does not answer; protection is halted", OF_A_VPG),
    "journal_near_limit": ("A journal has nearly reached its hard limit", OF_A_VPG),
    "journal_full": ("A journal has reached its hard limit; no checkpoint is added", OF_A_VPG),
    "vm_missing": ("A protected virtual machine is missing", OF_A_VPG),
    "vra_down": ("A VRA does not answer", OF_A_VRA),
    "ransomware": ("Encryption is suspected", OF_A_VPG),
    "wan_down": ("The connection to the peer site is lost", OF_A_SITE),
    "site_down": ("The peer site does not answer", OF_A_SITE),
    "datastore_full": ("A datastore is nearly full", OF_A_SITE),
    "license_expiring": ("The license is about to expire", OF_A_SITE),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """An event at a unix second. `vpg` is empty where it is about a whole site, `alert` where it is no alert."""

    identifier: str
    kind: str
    second: int
    successful: bool
    about: int
    user: str
    text: str
    vpg: str
    vpg_name: str
    alert: str = ""


def happenings_at(site: LivingSite, second: int, since: int = 0) -> list[Happening]:
    """The events of a site from `since` on, the newest first."""
    concerned = site.concerned
    found = [
        _ended(task)
        for protection in site.protections
        for task in protection.tasks(since - _LONGEST_TASK, second)
        if since <= task.end <= second and task.vpg in concerned
    ]
    found += [
        event
        for protection in site.protections
        for incident in protection.incidents.of_the_last_day(second)
        if incident.vpg_identifier in concerned or (protection is site.own and not incident.vpg_identifier)
        if incident.kind not in _WHERE_PROTECTED or protection is site.own
        for event in _alerts(incident, second)
        if event.second >= since
    ]
    return sorted(found, key=lambda event: (event.second, event.identifier), reverse=True)


def _ended(task: Task) -> Happening:
    said = f"{task.kind} of VPG '{task.vpg_name}'"
    return Happening(
        identifier=guid(stream("event", task.identifier)),
        kind=task.kind,
        second=task.end,
        successful=not task.failure,
        about=OF_A_VPG,
        user=SYSTEM if task.system else task.user,
        text=f"{said} failed: {task.failure}" if task.failure else f"{said} ended",
        vpg=task.vpg,
        vpg_name=task.vpg_name,
    )


def _alerts(incident: Incident, second: int) -> Iterator[Happening]:
    if incident.kind not in _ALERTS:
        return
    said, about = _ALERTS[incident.kind]
    alert = alert_identifier(incident)
    for kind, when in ((ALERT_ON, incident.start), (ALERT_OFF, incident.end)):
        if when is not None and when <= second:
            yield Happening(
                identifier=guid(stream("event", kind, alert)),
                kind=kind,
                second=int(when),
                successful=True,
                about=about,
                user=SYSTEM,
                text=f"{said}: VPG '{incident.vpg_name}'" if incident.vpg_name else said,
                vpg=incident.vpg_identifier,
                vpg_name=incident.vpg_name,
                alert="" if incident.kind in _NOT_LISTED else alert,
            )
