"""Storylines of sites that lose one another: what the ZVMs say meanwhile, minute by minute.

Each VPG is listed by the ZVM that protects it and by the one that recovers it. Nothing of this was seen at real ZVMs;
it follows what Zerto's documents say of the states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from storyline import Storyline

TARGET_SECONDS: Final = 300.0
CALM: Final = 62
"""Minutes before anything happens: the windows of the budget want data from before them."""

State = tuple[str, str]
CALM_STATE: Final = ("MeetingSLA", "None")


@dataclass(frozen=True)
class Vpg:
    """A VPG and the two ZVMs that list it; a site is called as its ZVM, in capitals."""

    name: str
    protected: str
    recovery: str
    organization: str
    sync: int
    """Minutes in which it works off what was written during a cut."""


@dataclass(frozen=True)
class Cut:
    """From minute *start* to before *end*, which VPGs are *cut* and which ZVMs the exporter does not *reach*."""

    start: int
    end: int
    cut: Callable[[Vpg], bool]
    unreached: frozenset[str] = frozenset()


def played(vpgs: list[Vpg], cut: Cut, minutes: int) -> Storyline:
    """Return the samples of *vpgs* and their ZVMs over so many *minutes*."""
    story = Storyline(minutes)
    every = range(minutes + 1)
    story.add("up", [1.0 for _ in every])
    story.add("zerto_exporter_build_info", [1.0 for _ in every], version="1")
    for zvm in sorted({zvm for vpg in vpgs for zvm in (vpg.protected, vpg.recovery)}):
        reached = [zvm not in cut.unreached or not cut.start <= minute < cut.end for minute in every]
        _zvm(story, zvm, reached)
        seen = [any(reached[max(0, minute - 2) : minute + 1]) for minute in every]  # stale_after: two minutes
        for vpg in vpgs:
            if zvm in (vpg.protected, vpg.recovery):
                _vpg(story, vpg, zvm, cut, seen)
    return story


def _zvm(story: Storyline, zvm: str, reached: list[bool]) -> None:
    story.add("zerto_up", [float(one) for one in reached], zvm=zvm)
    story.add("zerto_exporter_tls_insecure", [0.0 for _ in reached], zvm=zvm)
    last = 0.0
    for_collector: list[float] = []
    for minute, one in enumerate(reached):
        last = minute * 60.0 if one else last
        for_collector.append(last)
    for collector in ("vms", "vpgs"):
        story.add("zerto_collector_success", [float(one) for one in reached], zvm=zvm, collector=collector)
        story.add("zerto_collector_last_success_timestamp_seconds", for_collector, zvm=zvm, collector=collector)
        story.add("zerto_collector_interval_seconds", [60.0 for _ in reached], zvm=zvm, collector=collector)


def _vpg(story: Storyline, vpg: Vpg, zvm: str, cut: Cut, seen: list[bool]) -> None:
    role = "protected" if zvm == vpg.protected else "recovery"
    labels = {"zvm": zvm, "role": role, "vpg": vpg.name, "vpg_id": f"id-{vpg.name}"}
    sites = {"protected_site": vpg.protected.upper(), "recovery_site": vpg.recovery.upper()}
    present = [1.0 if one else None for one in seen]
    story.add("zerto_vpg_info", present, **labels, **sites, organization=vpg.organization, priority="Medium")
    states: dict[State, list[float | None]] = {}
    rpos: list[float | None] = []
    for minute, one in enumerate(seen):
        state, rpo = _reading(vpg, role, cut, minute)
        rpos.append(rpo if one else None)
        states.setdefault(state, [None] * len(seen))[minute] = 1.0 if one else None
    for (status, substatus), values in states.items():
        story.add("zerto_vpg_state", values, **labels, status=status, substatus=substatus)
    story.add("zerto_vpg_actual_rpo_seconds", rpos, **labels)
    for metric, value in (
        ("zerto_vpg_configured_rpo_seconds", TARGET_SECONDS),
        ("zerto_vpg_history_seconds", 86_400.0),
        ("zerto_vpg_configured_history_seconds", 86_400.0),
    ):
        story.add(metric, [value if one else None for one in seen], **labels)


def _reading(vpg: Vpg, role: str, cut: Cut, minute: int) -> tuple[State, float]:
    """Return what a ZVM says of a VPG at a *minute*, and its RPO in seconds."""
    if not cut.cut(vpg) or not cut.start <= minute < cut.end + vpg.sync + 1:
        return CALM_STATE, 6.0
    rpo = 6.0 + 60 * (minute - cut.start)
    status = "MeetingSLA" if rpo <= TARGET_SECONDS else "RpoNotMeetingSLA"
    if minute < cut.end:
        return (status, "DisconnectedFromPeer" if role == "protected" else "RecoveryPossible"), rpo
    if minute < cut.end + vpg.sync:
        return (status, "BitmapSync"), rpo
    return (status, "DeltaSync"), TARGET_SECONDS
