"""What goes wrong with a VPG or a site, from when to when: by hand, or by itself from the seed and the clock.

Knows when an incident holds and how far it has come. What it does to the numbers is in the readings. State is
replaced, never changed in place, so that an answer may be built in another thread meanwhile.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.seeded import stream

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
_OF_A_SITE: Final = ("license_expiring",)
KINDS: Final = (*_BY_THEMSELVES, "vra_down", "ransomware", *_OF_A_SITE)
"""`vra_down`, `ransomware` and `license_expiring` begin by hand only, all others by themselves too.

`license_expiring` happens to a site, all others to a VPG.
"""

SLOT: Final = 420
"""Seconds. In each slot every lane has one incident, which begins within the first minute and ends in the slot."""

_VPGS_OF_ONE_LANE: Final = 5


@dataclass(frozen=True, slots=True)
class Incident:
    """One VPG's trouble; `start` and `end` in unix seconds, `end` None for one that a hand started.

    That of a whole site has no VPG: both texts are empty.
    """

    kind: str
    vpg_identifier: str
    vpg_name: str
    start: float
    end: float | None = None

    def elapsed(self, now: float) -> float:
        """Seconds since it began."""
        return max(0.0, now - self.start)

    def progress(self, now: float) -> float:
        """0 to 1: the share of its time that is over; one without an end nears 1 and never gets there."""
        if self.end is None:
            return 1 - math.exp(-self.elapsed(now) / 120)
        return min(1.0, self.elapsed(now) / (self.end - self.start))


class IncidentBook:
    """The incidents of one site and of the VPGs that it protects."""

    def __init__(self, vpgs: Iterable[tuple[str, str]], key: tuple[object, ...], *, scheduled: bool) -> None:
        """Take the (identifier, name) of each VPG; `scheduled` False leaves only those started by hand."""
        self._vpgs = tuple(vpgs)
        self._key = key
        self._lanes = round(math.sqrt(max(1, len(self._vpgs) / _VPGS_OF_ONE_LANE))) if scheduled else 0
        self._by_hand: dict[str, Incident] = {}
        self._ended: frozenset[tuple[str, float]] = frozenset()
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

    def start(self, kind: str, vpg_name: str | None, now: float) -> int:
        """Begin an incident in the VPG of that name, or in every one; says how many began.

        A kind may be spelled with hyphens.

        Raises:
            ValueError: no such kind, or a VPG for a kind that happens to a site.
        """
        kind = kind.replace("-", "_")
        if kind not in KINDS:
            raise ValueError(f"no incident is called {kind}; there are {', '.join(KINDS)}")
        if kind in _OF_A_SITE and vpg_name is not None:
            raise ValueError(f"{kind} happens to the whole site, not to a VPG")
        begun = {
            key: Incident(kind, "" if kind in _OF_A_SITE else key, name, now)
            for key, name in (((kind, ""),) if kind in _OF_A_SITE else self._vpgs)
            if vpg_name in (None, name)
        }
        self._by_hand = self._by_hand | begun
        self.revision += 1
        return len(begun)

    def end(self, kind: str | None, vpg_name: str | None, now: float) -> int:
        """End what holds now, by hand or of the clock; None stands for any. Says how many ended."""
        wanted = None if kind is None else kind.replace("-", "_")
        over = {
            key: incident
            for key, incident in self.at(now).items()
            if wanted in (None, incident.kind) and vpg_name in (None, incident.vpg_name)
        }
        self._by_hand = {key: incident for key, incident in self._by_hand.items() if key not in over}
        self._ended = self._ended | {(incident.vpg_identifier, incident.start) for incident in over.values()}
        self.revision += 1
        return len(over)

    def _drawn(self, lane: int, slot: int) -> Incident:
        numbers = stream(*self._key, "incident", lane, slot)
        identifier, name = numbers.choice(self._vpgs)
        start = slot * SLOT + numbers.randint(0, 60)
        return Incident(numbers.choice(_BY_THEMSELVES), identifier, name, start, start + numbers.randint(180, 355))
