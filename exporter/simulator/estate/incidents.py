"""What goes wrong with a VPG, from when to when: by hand, or by itself from the seed and the clock.

Knows when an incident holds and how far it has come. What it does to the numbers is in the readings. State is
replaced, never changed in place, so that an answer may be built in another thread meanwhile.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.seeded import stream

KINDS: Final = (
    "peer_disconnected",
    "recovery_possible",
    "bitmap_sync",
    "delta_sync",
    "journal_near_limit",
    "initial_sync",
    "failover_test",
    "vm_missing",
)
SLOT: Final = 420
"""Seconds. In each slot every lane has one incident, which begins within the first minute and ends in the slot."""

_VPGS_OF_ONE_LANE: Final = 5


@dataclass(frozen=True, slots=True)
class Incident:
    """One VPG's trouble; `start` and `end` in unix seconds, `end` None for one that a hand started."""

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
    """The incidents of the VPGs that one site protects."""

    def __init__(self, vpgs: Iterable[tuple[str, str]], key: tuple[object, ...], *, scheduled: bool) -> None:
        """Take the (identifier, name) of each VPG; `scheduled` False leaves only those started by hand."""
        self._vpgs = tuple(vpgs)
        self._key = key
        self._lanes = round(math.sqrt(max(1, len(self._vpgs) / _VPGS_OF_ONE_LANE))) if scheduled else 0
        self._by_hand: dict[str, Incident] = {}
        self._ended: frozenset[tuple[str, float]] = frozenset()
        self.revision = 0

    def at(self, now: float) -> dict[str, Incident]:
        """The incident that holds for each VPG that has one; one started by hand goes before one of the clock."""
        holding: dict[str, Incident] = {}
        for lane in range(self._lanes if self._vpgs else 0):
            incident = self._drawn(lane, int(now // SLOT))
            ended = (incident.vpg_identifier, incident.start) in self._ended
            if incident.start <= now < (incident.end or now) and not ended:
                holding.setdefault(incident.vpg_identifier, incident)
        return holding | self._by_hand

    def start(self, kind: str, vpg_name: str | None, now: float) -> int:
        """Begin an incident in the VPG of that name, or in every one; says in how many.

        Raises:
            ValueError: no such kind.
        """
        if kind not in KINDS:
            raise ValueError(f"no incident is called {kind}; there are {', '.join(KINDS)}")
        begun = {
            identifier: Incident(kind, identifier, name, now)
            for identifier, name in self._vpgs
            if vpg_name in (None, name)
        }
        self._by_hand = self._by_hand | begun
        self.revision += 1
        return len(begun)

    def end(self, kind: str | None, vpg_name: str | None, now: float) -> int:
        """End what holds now, by hand or of the clock; None stands for any. Says how many ended."""
        over = [
            incident
            for incident in self.at(now).values()
            if kind in (None, incident.kind) and vpg_name in (None, incident.vpg_name)
        ]
        ended = {incident.vpg_identifier for incident in over}
        self._by_hand = {vpg: incident for vpg, incident in self._by_hand.items() if vpg not in ended}
        self._ended = self._ended | {(incident.vpg_identifier, incident.start) for incident in over}
        self.revision += 1
        return len(over)

    def _drawn(self, lane: int, slot: int) -> Incident:
        numbers = stream(*self._key, "incident", lane, slot)
        identifier, name = numbers.choice(self._vpgs)
        start = slot * SLOT + numbers.randint(0, 60)
        return Incident(numbers.choice(KINDS), identifier, name, start, start + numbers.randint(180, 355))
