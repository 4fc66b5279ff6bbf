"""The queries' building blocks: what is asked, of which VPGs or VMs, and each of them once.

A VPG and a VM are listed by two ZVMs. What the protecting one says counts; where it says nothing (it is down, or is
not polled) what the recovering one says. So nothing is counted twice, and nothing is missed when a site is lost.

Numbers, tables, and lines of a few VPGs ask the exporter's own metrics. To fall back from one ZVM to the other matches
series with series, and a line would pay for that at each of its points: lines of all VPGs ask what zerto-dashboards.yml
records, and only add it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ONCE: Final = 'role!="recovery"'
FIRST_SYNC: Final = 'status="Initializing"'
MISSED: Final = 'status=~".*NotMeetingSLA"'
ORGANIZATION: Final = 'organization=~"$organization"'
A_VPG: Final = 'vpg=~"$vpg"'
A_VM: Final = 'vm=~"$vm"'
# Two sites may have a VPG or a VM of the same name: links pass the id too.
VPG_ID: Final = 'vpg_id=~"$vpg_id"'
VM_ID: Final = 'vm_id=~"$vm_id"'

_JOB: Final = 'job=~"$job"'
_ZVM: Final = 'zvm=~"$zvm"'
# In `zvms` a recorded VPG has both ZVMs that list it, as "nyc,lon".
_LISTED_BY: Final = 'zvms=~"(.+,)?$zvm(,.*)?"'


def series(metric: str, *matchers: str) -> str:
    """Return a selector of *metric* among the jobs of the exporter."""
    return f"{metric}{{{', '.join((_JOB, *matchers))}}}"


def of_zvms(metric: str, *matchers: str) -> str:
    """Return a selector of *metric* among the chosen ZVMs."""
    return series(metric, _ZVM, *matchers)


def listed(record: str, *matchers: str) -> str:
    """Return a selector of what zerto-dashboards.yml records as *record*, among what the chosen ZVMs list."""
    return f"{record}{{{', '.join((_LISTED_BY, ORGANIZATION, *matchers))}}}"


def of_vms(expression: str, *matchers: str) -> str:
    """Return the value of *expression* for each VM, once: by the ZVM that speaks for the VMs of its VPG."""
    return f"max by (vpg_id, vm_id) ({expression} and on (zvm, vpg_id) {listed('vpg:zerto_vm_info:listed', *matchers)})"


def told_by(record: str, *matchers: str) -> str:
    """Return a selector of the recorded series *record*, among what the chosen ZVMs themselves have told."""
    return f"{record}{{{', '.join((_ZVM, *matchers))}}}"


def told_lately(record: str) -> str:
    """Return the same of a *record* that is made every ten minutes: without a range no sample counts for that long."""
    return f"last_over_time({told_by(record)}[11m])"


def scraped(*matchers: str) -> str:
    """Return whether each target answers: of the exporter's jobs, or where none was ever seen, of those named so."""
    named = ", ".join(('job=~".*zerto.*"', *matchers))
    return f"({series('up', *matchers)} or on () up{{{named}}})"


@dataclass(frozen=True)
class Level:
    """VPGs, or VMs in their VPGs: how one is told from another, and which of them the variables choose.

    *collector* is the one that lists them.
    """

    collector: str
    info: str
    labels: tuple[str, ...]
    identity: tuple[str, ...]
    chosen: tuple[str, ...]

    def metric(self, name: str, *matchers: str) -> str:
        """Return a selector of the metric *name*, of what is chosen."""
        return of_zvms(name, *self.chosen, *matchers)

    def beside(self, name: str, *matchers: str) -> str:
        """Return a shorter selector of the metric *name*, for the other side of an operator with a chosen metric."""
        return series(name, *self.chosen[-1:], *matchers)

    @property
    def view(self) -> str:
        """The info series of each, once."""
        once, other = (self.metric(self.info, ORGANIZATION, *role) for role in ((ONCE,), ()))
        return f"({once} or on ({', '.join(self.identity)}) {other})"

    def each(self, expression: str, *more: str) -> str:
        """Return the value of *expression* for each, once, with the labels of the level and *more* ones."""
        return self._once(expression, *self.labels, *more)

    def values(self, expression: str) -> str:
        """Return the value of *expression* for each, once, to be added up: with no labels but the identity."""
        return self._once(expression, *self.identity)

    def described(self, expression: str, *by: str) -> str:
        """Return the value of *expression* for each, once, with labels of its info *by* which it may be summed."""
        info = f"max by ({self._key}, {', '.join(by)}) {self.view}"
        return f"max by ({self._key}) ({expression}) * on ({self._key}) group_left ({', '.join(by)}) {info}"

    def missing(self, expression: str) -> str:
        """Count those without a value of *expression*: no answer at all where there are none to count."""
        without = f"{self.view} unless on ({self._key}) ({expression})"
        return f"count(group by ({', '.join(self.identity)}) ({without})) or 0 * count({self.ever})"

    @property
    def count(self) -> str:
        """How many there are: each has one id, whichever ZVM lists it."""
        return f"count(group by ({self.identity[-1]}) ({self.ever}))"

    @property
    def ever(self) -> str:
        """The info series of what is chosen, by every ZVM that lists it."""
        return self.metric(self.info, ORGANIZATION)

    @property
    def _key(self) -> str:
        return ", ".join(("zvm", *self.identity))

    def _once(self, expression: str, *by: str) -> str:
        return f"max by ({', '.join(by)}) (({expression}) and on ({self._key}) {self.view})"


def vpgs(*chosen: str) -> Level:
    """Return the level of VPGs, less those that the matchers *chosen* leave out; the last of them is the narrowest."""
    return Level("vpgs", "zerto_vpg_info", ("vpg", "vpg_id"), ("vpg_id",), chosen)


def vms(*chosen: str) -> Level:
    """Return the level of VMs, less those that the matchers *chosen* leave out; the last of them is the narrowest."""
    return Level("vms", "zerto_vm_info", ("vpg", "vpg_id", "vm", "vm_id"), ("vpg_id", "vm_id"), chosen)


def counted(rows: str, collector: str) -> str:
    """Count *rows* by ZVM: 0 only for one that answered its *collector*, and nothing for one that did not."""
    asked = of_zvms("zerto_collector_success", f'collector="{collector}"')
    return f"count by (zvm) ({rows}) or 0 * max by (zvm) ({asked} == 1)"


def tally(bad: str, known: str) -> str:
    """Count *bad*: 0 where some are *known* and none is bad, and no answer at all where none is known."""
    return f"count({bad}) or 0 * count({known})"


UP: Final = f"max by (zvm) ({of_zvms('zerto_up')})"
SUCCEEDED: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_success')})"
LAST_GOOD: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_last_success_timestamp_seconds')})"
NEVER_GOOD: Final = f"{SUCCEEDED} unless on (zvm, collector) {LAST_GOOD}"
_VMS_OR_VPGS: Final = 'collector=~"vms|vpgs"'
# Not of what is asked once an hour: its last poll may have been a good one long after the ZVM went down.
_OFTEN: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_success', _VMS_OR_VPGS)})"
# 2 where VMs and VPGs of a ZVM are answered, 1 where one of them is, 0 where none is.
ANSWERS: Final = f"max by (zvm) ({_OFTEN}) + min by (zvm) ({_OFTEN}) or 2 * {UP}"
SILENT: Final = f"({ANSWERS}) == 0"
INTERVAL: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_interval_seconds')})"
# Some collectors are polled each half minute, some once an hour: what is old for one is new for another.
OVERDUE: Final = f"clamp_min(time() - {LAST_GOOD} - {INTERVAL}, 0)"
# Without an answer for a ZVM of which one collector was never polled well: the others' age is not its age.
OVERDUE_OF_EACH: Final = f"max by (zvm) ({OVERDUE}) unless on (zvm) ({NEVER_GOOD})"


def share(level: Level, metric: str, limit: str, *, unless: str = "") -> str:
    """Return how much of its own limit each uses, *unless* it is in that state; 1 is all."""
    return f"{level.metric(metric)} / {level.beside(limit)}{_but_those(level, unless)}"


def _but_those(level: Level, state: str) -> str:
    """Leave out what is in that *state*, if one is given."""
    return (
        f" unless on ({', '.join(('zvm', *level.identity))}) {level.beside('zerto_vpg_state', state)}" if state else ""
    )


def over(level: Level, metric: str, limit: str) -> str:
    """Count what is above its own limit: no answer at all where nothing has one."""
    return f"sum({level.values(f'{level.metric(metric)} > bool {level.beside(limit)}')})"


def under(level: Level, metric: str, limit: str, *, unless: str = "") -> str:
    """Count what is below its own limit, *unless* it is in that state: no answer at all where nothing has one."""
    return f"sum({level.values(f'{level.metric(metric)} < bool {level.beside(limit)}{_but_those(level, unless)}')})"


RPO: Final = ("zerto_vpg_actual_rpo_seconds", "zerto_vpg_configured_rpo_seconds")
HISTORY: Final = ("zerto_vpg_history_seconds", "zerto_vpg_configured_history_seconds")
RPO_SHARE: Final = "vpg:zerto_rpo:ratio"
HISTORY_SHARE: Final = "vpg:zerto_history:ratio"


def untested(level: Level) -> str:
    """Count the VPGs without a failover test in the time that the variable test_every gives."""
    return level.missing(f"time() - {level.metric('zerto_vpg_last_test_timestamp_seconds')} < $test_every")


def _answered(level: Level) -> str:
    """Return the ZVMs of which is known what they list: those whose last poll of it was a good one."""
    asked = of_zvms("zerto_collector_success", f'collector="{level.collector}"')
    return f"({asked} == 1)"


def went(level: Level) -> str:
    """Return what a ZVM that answers listed a day ago, and no ZVM lists now."""
    return f"{level.ever} offset 1d and on (zvm) {_answered(level)} unless on ({level.identity[-1]}) {level.ever}"


def gone(level: Level) -> str:
    """Count what was listed a day ago and is no longer: no answer where no ZVM of that day answers now."""
    known = f"({of_zvms('zerto_up')} offset 1d and on (zvm) {_answered(level)})"
    return tally(f"group by ({level.identity[-1]}) ({went(level)})", known)


def journal_limit(level: Level, kind: str) -> str:
    """Return the hard_limit or the warning_threshold of each journal in bytes, whichever way it is set."""
    in_bytes, ratio = (level.beside(f"zerto_vm_journal_{kind}_{unit}") for unit in ("bytes", "ratio"))
    return f"({in_bytes} or {ratio} * {level.beside('zerto_vm_provisioned_storage_bytes')})"


def chosen_at_end(choose: str, record: str) -> str:
    """Return the lines of the ten VPGs that *choose* (topk or bottomk) chooses at their end, each VPG one line.

    What is chosen at each point is more than ten in the end, and those that left lead the list.
    """
    return f"max by (vpg, vpg_id) ({record} and on (vpg_id) {choose}(10, {record} @ end()))"
