"""Which VPGs need attention over all ZVMs, each of them once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from exporter.collectors.base import Trouble
from exporter.polling.target import Status, Told


@dataclass(frozen=True)
class Needing:
    """A VPG that needs attention, as the ZVM of *status* *told*; a *peer* is one to which it only recovers."""

    trouble: Trouble
    status: Status
    told: Told
    peer: bool


@dataclass(frozen=True)
class Attention:
    """The *worst* VPGs, the worst first, of so many *needing* attention among the *listed* ones.

    The *silent* ZVMs tell nothing of their VPGs now.
    """

    worst: list[Needing]
    needing: int
    listed: int
    silent: list[Status]


def attention(statuses: Sequence[Status], most: int) -> Attention:
    """Tell which VPGs need attention, at *most* so many of them by name.

    The ZVM that protects a VPG speaks for it, else the one that it recovers to; one whose last poll failed speaks only
    for those that no other knows.
    """
    heard: set[str] = set()
    found: list[Needing] = []
    for status, told, vpgs, peer in _in_turn(statuses):
        found.extend(
            Needing(trouble, status, told, peer)
            for identifier, trouble in vpgs.items()
            if trouble is not None and identifier not in heard
        )
        heard.update(vpgs)
    return Attention(
        nsmallest(most, found, key=lambda one: one.trouble.order),
        needing=len(found),
        listed=len(heard),
        silent=[status for status in statuses if status.told is None],
    )


def _in_turn(statuses: Sequence[Status]) -> Iterator[tuple[Status, Told, Mapping[str, Trouble | None], bool]]:
    """Return what each ZVM tells in the order in which it is believed."""
    for current in (True, False):
        for peer in (False, True):
            for status in statuses:
                told = status.told
                if told is not None and told.current is current:
                    yield status, told, told.vpgs.others if peer else told.vpgs.own, peer
