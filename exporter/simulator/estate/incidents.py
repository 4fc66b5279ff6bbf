"""What goes wrong with a VPG or a site, from when to when: by hand, or by itself from the seed and the clock.

Knows when an incident holds and how far it has come. What it does to the numbers is in the readings. State is
replaced, never changed in place, so that an answer may be built in another thread meanwhile.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from exporter.simulator.estate.seeded import guid, stream

_BY_THEMSELVES: Final = (
    "peer_disconnected",
    "recovery_possible",
    "bitmap_sync",
    "delta_sync",
    "journal_near_limit",
    "initial_sync",
    "failover_test",
    "vm_missing",
)
OF_ONE_SITE: Final = ("clock_off", "datastore_full", "vms_unprotected")
OF_A_SITE: Final = ("license_expiring", "wan_down", "site_down", *OF_ONE_SITE)
OF_A_VRA: Final = ("vra_down", "vra_failed", "vra_ghost", "host_in_maintenance")
BY_HAND: Final = (*OF_A_VRA, "ransomware", "journal_full", "test_overdue", *OF_A_SITE)
KINDS: Final = (*_BY_THEMSELVES, *BY_HAND)
"""Those `BY_HAND` begin so only, all others by themselves too. Those `OF_A_SITE` happen to it, all others to a VPG.
Those `OF_A_VRA` happen to the VRA of the first VM of a VPG.

Those `OF_ONE_SITE` are no business of its peers. Of the others, `site_down` is that of the peer: it is lost.
"""

SLOT: Final = 420
"""Seconds. In each slot every lane has one incident, which begins within the first minute and ends in the slot."""

_VPGS_OF_ONE_LANE: Final = 5
_REMEMBERED: Final = 86400


@dataclass(frozen=True, slots=True)
class Incident:
    """One VPG's trouble; `start` and `end` in unix seconds, `end` None for one that a hand started.

    That of a whole site has no VPG: both texts are empty. `site` is the identifier of the site that is down, if one is.
    """

    kind: str
    vpg_identifier: str
    vpg_name: str
    start: float
    end: float | None = None
    site: str = ""

    def elapsed(self, now: float) -> float:
        """Seconds since it began."""
        return max(0.0, now - self.start)

    def progress(self, now: float) -> float:
        """0 to 1: the share of its time that is over; one without an end nears 1 and never gets there."""
        if self.end is None:
            return 1 - math.exp(-self.elapsed(now) / 120)
        return min(1.0, self.elapsed(now) / (self.end - self.start))


def alert_identifier(incident: Incident) -> str:
    """The identifier of the alert that an incident is; the same at both sites of a pair."""
    return guid(stream("alert", incident.kind, incident.vpg_identifier, int(incident.start)))


class IncidentBook:
    """The incidents of one site and of the VPGs that it protects."""

    def __init__(self, vpgs: Iterable[tuple[str, str]], key: tuple[object, ...], *, scheduled: bool) -> None:
        """Take the (identifier, name) of each VPG; `scheduled` False leaves only those started by hand."""
        self._vpgs = tuple(vpgs)
        self._key = key
        self._lanes = round(math.sqrt(max(1, len(self._vpgs) / _VPGS_OF_ONE_LANE))) if scheduled else 0
        self._by_hand: dict[str, Incident] = {}
        self._ended: Mapping[tuple[str, float], float] = {}
        self._over: tuple[Incident, ...] = ()
        self._drawn = lru_cache(2 * _REMEMBERED // SLOT * max(1, self._lanes))(self._draw)
        self._remembered = lru_cache(4)(self._remember)
        self.revision = 0

    def at(self, now: float) -> dict[str, Incident]:
        """The incident of each VPG that has one, by its identifier; one started by hand goes before one of the clock.

        That of the whole site is under its kind.
        """
        holding: dict[str, Incident] = {}
        for lane in range(self._lanes if self._vpgs else 0):
            incident = self._drawn(lane, int(now // SLOT))
            ended = (incident.vpg_identifier, incident.start) in self._ended
            if incident.start <= now < (incident.end or now) and not ended:
                holding.setdefault(incident.vpg_identifier, incident)
        return holding | self._by_hand

    def of_the_last_day(self, second: int) -> tuple[Incident, ...]:
        """All incidents that held in the last 24 hours, those of a hand however old; the oldest first.

        `end` is when it did end, or will; one of a hand that goes on has none.
        """
        return self._remembered(second, self.revision)

    def _remember(self, second: int, _revision: int) -> tuple[Incident, ...]:
        first = (second - _REMEMBERED) // SLOT
        slots = range(first, second // SLOT + 1) if self._vpgs else ()
        drawn = [self._drawn(lane, slot) for slot in slots for lane in range(self._lanes)]
        held = [
            replace(incident, end=self._ended.get((incident.vpg_identifier, incident.start), incident.end))
            for incident in drawn
            if incident.start <= second
        ]
        return tuple(sorted((*held, *self._over, *self._by_hand.values()), key=lambda incident: incident.start))

    def start(self, kind: str, vpg_name: str | None, now: float, site: str = "") -> int:
        """Begin an incident in the VPG of that name, or in every one; says how many began.

        A kind may be spelled with hyphens. `site` is the one that is down, if one is.

        Raises:
            ValueError: no such kind, or a VPG for a kind that happens to a site.
        """
        kind = kind.replace("-", "_")
        if kind not in KINDS:
            raise ValueError(f"no incident is called {kind}; there are {', '.join(KINDS)}")
        if kind in OF_A_SITE and vpg_name is not None:
            raise ValueError(f"{kind} happens to the whole site, not to a VPG")
        begun = {
            key: Incident(kind, "" if kind in OF_A_SITE else key, name, now, site=site)
            for key, name in (((kind, ""),) if kind in OF_A_SITE else self._vpgs)
            if vpg_name in (None, name)
        }
        self._over = (*self._over, *(replace(self._by_hand[key], end=now) for key in begun.keys() & self._by_hand))
        self._by_hand = self._by_hand | begun
        self.revision += 1
        return len(begun)

    def end(self, kind: str | None, vpg_name: str | None, now: float, *, peers: bool = False) -> int:
        """End what holds now, by hand or of the clock; None stands for any. Says how many ended.

        Where a peer ends it, what is of one site goes on.
        """
        wanted = None if kind is None else kind.replace("-", "_")
        over = {
            key: incident
            for key, incident in self.at(now).items()
            if wanted in (None, incident.kind)
            and vpg_name in (None, incident.vpg_name)
            and not (peers and incident.kind in OF_ONE_SITE)
        }
        by_hand = [replace(incident, end=now) for key, incident in self._by_hand.items() if key in over]
        self._over = (*self._over, *by_hand)
        self._by_hand = {key: incident for key, incident in self._by_hand.items() if key not in over}
        self._ended = {**self._ended, **{(one.vpg_identifier, one.start): now for one in over.values()}}
        self.revision += 1
        return len(over)

    def _draw(self, lane: int, slot: int) -> Incident:
        numbers = stream(*self._key, "incident", lane, slot)
        identifier, name = numbers.choice(self._vpgs)
        start = slot * SLOT + numbers.randint(0, 60)
        return Incident(numbers.choice(_BY_THEMSELVES), identifier, name, start, start + numbers.randint(180, 355))
