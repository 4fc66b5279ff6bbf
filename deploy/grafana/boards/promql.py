"""The queries' building blocks: what is asked, of which VPGs or VMs, and each of them once.

A VPG and a VM are listed by two ZVMs. What the protecting one says counts; where it says nothing (it is down, or is
not polled) what the recovering one says. So nothing is counted twice, and nothing is missed when a site is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HERE: Final = 'role=~"protected|local"'
THERE: Final = 'role!~"protected|local"'
MISSED: Final = 'status=~".*NotMeetingSLA"'

_JOB: Final = 'job=~"$job"'


def series(metric: str, *matchers: str) -> str:
    """Return a selector of *metric* among the jobs of the exporter."""
    return f"{metric}{{{', '.join((_JOB, *matchers))}}}"


def of_zvms(metric: str, *matchers: str) -> str:
    """Return a selector of *metric* among the chosen ZVMs."""
    return series(metric, 'zvm=~"$zvm"', *matchers)


@dataclass(frozen=True)
class Level:
    """VPGs, or VMs in their VPGs: how one is told from another, and which of them the variables choose."""

    info: str
    labels: tuple[str, ...]
    identity: tuple[str, ...]
    chosen: tuple[str, ...]

    def metric(self, name: str, *matchers: str) -> str:
        """Return a selector of the metric *name*, of what is chosen."""
        return of_zvms(name, *self.chosen, *matchers)

    @property
    def view(self) -> str:
        """The info series of each, once."""
        organization = 'organization=~"$organization"'
        here, there = (self.metric(self.info, organization, role) for role in (HERE, THERE))
        return f"({here} or on ({', '.join(self.identity)}) {there})"

    def each(self, expression: str, *more: str) -> str:
        """Return the value of *expression* for each, once, with the labels of the level and *more* ones."""
        key = ", ".join(("zvm", *self.identity))
        return f"max by ({', '.join(self.labels + more)}) (({expression}) and on ({key}) {self.view})"

    def described(self, expression: str, *by: str) -> str:
        """Return the value of *expression* for each, once, with labels of its info *by* which it may be summed."""
        key = ", ".join(("zvm", *self.identity))
        info = f"max by ({key}, {', '.join(by)}) {self.view}"
        return f"max by ({', '.join(self.labels)}) ({expression}) * on ({key}) group_left ({', '.join(by)}) {info}"

    @property
    def all(self) -> str:
        """1 for each, once."""
        return f"max by ({', '.join(self.labels)}) {self.view}"

    @property
    def ever(self) -> str:
        """The info series of what is chosen, by every ZVM that lists it."""
        return self.metric(self.info, 'organization=~"$organization"')


def vpgs(*chosen: str) -> Level:
    """Return the level of VPGs, less those that the matchers *chosen* leave out."""
    return Level("zerto_vpg_info", ("zvm", "vpg", "vpg_id"), ("vpg_id",), chosen)


def vms(*chosen: str) -> Level:
    """Return the level of VMs, less those that the matchers *chosen* leave out."""
    return Level("zerto_vm_info", ("zvm", "vpg", "vpg_id", "vm", "vm_id"), ("vpg_id", "vm_id"), chosen)


def tally(bad: str, known: str) -> str:
    """Count *bad*: 0 where some are *known* and none is bad, and no answer at all where none is known."""
    return f"count({bad}) or 0 * count({known})"


UP: Final = f"max by (zvm) ({of_zvms('zerto_up')})"
SUCCEEDED: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_success')})"
LAST_GOOD: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_last_success_timestamp_seconds')})"
NEVER_GOOD: Final = f"{SUCCEEDED} unless on (zvm, collector) {LAST_GOOD}"
# Without an answer for a ZVM of which one collector was never polled well: the others' age is not its age.
AGE_OF_EACH: Final = f"max by (zvm) (time() - {LAST_GOOD}) unless on (zvm) ({NEVER_GOOD})"


def over(level: Level, metric: str, limit: str) -> str:
    """Return the selector of what is above its own limit."""
    return f"{level.metric(metric)} > {level.metric(limit)}"


def under(level: Level, metric: str, limit: str) -> str:
    """Return the selector of what is below its own limit."""
    return f"{level.metric(metric)} < {level.metric(limit)}"


def share(level: Level, metric: str, limit: str) -> str:
    """Return how much of its own limit each uses; 1 is all."""
    return f"{level.metric(metric)} / {level.metric(limit)}"


RPO: Final = ("zerto_vpg_actual_rpo_seconds", "zerto_vpg_configured_rpo_seconds")
HISTORY: Final = ("zerto_vpg_history_seconds", "zerto_vpg_configured_history_seconds")


def trouble(level: Level) -> str:
    """Rate each VPG: 4 breaks a promise, 3 has no RPO, 2 is being worked on, 0 is fine."""
    state, rpo = level.metric("zerto_vpg_state"), level.metric(RPO[0])
    rated = (
        (level.metric("zerto_vpg_state", MISSED), 4),
        (f"({over(level, *RPO)})", 4),
        (f"({under(level, *HISTORY)})", 4),
        (f"({state} unless on (zvm, vpg_id) {rpo})", 3),
        (level.metric("zerto_vpg_state", 'status!="MeetingSLA"'), 2),
        (level.metric("zerto_vpg_state", 'substatus!="None"'), 2),
        (state, 0),
    )
    return level.each(" or ".join(f"{what} * 0 + {rating}" for what, rating in rated))


def untested(level: Level) -> str:
    """Return the VPGs without a failover test in the time that the variable test_every gives."""
    tested = f"time() - {level.metric('zerto_vpg_last_test_timestamp_seconds')} < $test_every"
    return f"{level.all} unless on (vpg_id) {level.each(tested)}"


def gone(level: Level) -> str:
    """Return what was reported a day ago and is no longer, by any ZVM."""
    identity = ", ".join(level.identity)
    return f"group by ({identity}) ({level.ever} offset 1d) unless group by ({identity}) ({level.ever})"


def journal_limit(level: Level, kind: str) -> str:
    """Return the hard_limit or the warning_threshold of each journal in bytes, whichever way it is set."""
    in_bytes, ratio = (level.metric(f"zerto_vm_journal_{kind}_{unit}") for unit in ("bytes", "ratio"))
    return f"({in_bytes} or {ratio} * {level.metric('zerto_vm_provisioned_storage_bytes')})"
