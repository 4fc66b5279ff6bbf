"""Was recovery proved, when, and how long did it take? For an auditor, and for whoever prepares for one."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import ORGANIZATION, of_zvms, tally, told_by, vpgs

_VPGS: Final = vpgs()
_NONE: Final = (
    "no recovery is reported: the collector recoveries is off, the ZVMs have no reports, or nothing was ever tested."
)
_NO_VPG: Final = "no VPG is reported."
_TO_EACH: Final = To("zerto-evidence", "Each proof")
_TO_UNPROVED: Final = To("zerto-evidence", "Not proved in time")
_SUCCESSFUL: Final = _VPGS.metric("zerto_vpg_recovery_successful")
_START: Final = _VPGS.metric("zerto_vpg_recovery_start_timestamp_seconds")
_RTO: Final = _VPGS.metric("zerto_vpg_recovery_rto_seconds")
# With the kind on both sides: a test that failed does not hide a move that succeeded.
_RTO_OF_A_SUCCESS: Final = f"{_RTO} and {_SUCCESSFUL} == 1"
_PROVED: Final = f"{_SUCCESSFUL} == 1 and {_START} > time() - $test_every"
_KEPT: Final = _VPGS.metric("zerto_retention_last_success_timestamp_seconds")
_RUN: Final = _VPGS.metric("zerto_retention_last_run_timestamp_seconds")
_PROMISED: Final = "max by (vpg_id) (vpg:zerto_rto_seconds:threshold)"

_LAST_TEST: Final = _VPGS.each(tables.since(_VPGS.metric("zerto_vpg_last_test_timestamp_seconds")))


def _each(expression: str) -> str:
    return _VPGS.each(expression, "type")


def _of_repository(metric: str) -> str:
    return f"max by (zvm, repository) ({of_zvms(metric)})"


NOW: Final = Row(
    "Is it proved?",
    (
        parts.count("VPGs", "VPGs, each once.", _VPGS.count, to=_TO_UNPROVED, missing=_NO_VPG, steps=parts.COUNT),
        parts.count(
            "Proved in time",
            "VPGs with a failover test, failover or move that succeeded within the time that is chosen above.",
            f"count({_VPGS.values(_PROVED)}) or 0 * count({_SUCCESSFUL})",
            to=_TO_EACH,
            missing=_NONE,
            steps=parts.COUNT,
        ),
        parts.count(
            "Not proved",
            "VPGs without one.",
            f"count(group by (vpg_id) ({_VPGS.view} unless on (vpg_id) ({_PROVED}))) or 0 * count({_VPGS.ever})",
            runbook="ZertoFailoverTestOverdue",
            to=_TO_UNPROVED,
            missing=_NO_VPG,
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "None succeeded",
            "VPGs of whose last failover test, failover and move each one failed that is known.",
            tally(f"{_VPGS.values(_SUCCESSFUL)} == 0", _SUCCESSFUL),
            runbook="ZertoRecoveryNotProved",
            to=_TO_EACH,
            missing=_NONE,
        ),
        parts.count(
            "Too slow",
            "VPGs with a last recovery that succeeded, and took longer than was promised "
            "(`fleet:zerto_rto_seconds:threshold`, 4 hours as shipped).",
            tally(f"{_VPGS.values(_RTO_OF_A_SUCCESS)} > on (vpg_id) {_PROMISED}", _RTO_OF_A_SUCCESS),
            runbook="ZertoRtoAboveTarget",
            to=_TO_EACH,
            missing=_NONE,
        ),
        parts.count(
            "Slowest",
            "How long the slowest of the last recoveries that succeeded took until its VMs were there.",
            f"max({_VPGS.values(_RTO_OF_A_SUCCESS)})",
            runbook="ZertoRtoAboveTarget",
            to=_TO_EACH,
            missing=_NONE,
            unit=units.DurationInDaysHoursMinutesSeconds,
            steps=parts.COUNT,
        ),
        parts.rows(
            "Each proof",
            "For each VPG, the last failover test, failover and move: when it began, whether it succeeded, how long it "
            "took.",
            {
                "A": _each(_SUCCESSFUL),
                "B": f"1000 * {_each(_START)}",
                "C": _each(tables.since(_START)),
                "D": _each(_VPGS.metric("zerto_vpg_recovery_duration_seconds")),
                "E": _each(_RTO),
            },
            (
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("Kind", "type", width=170),
                Column(
                    "Result",
                    "A",
                    names={0: ("Failed", "red"), 1: ("Succeeded", "transparent")},
                    empty="Not known yet",
                    harmless=True,
                    width=150,
                ),
                Column("Began", "B", unit=units.DatetimeISO, empty="Not known", width=180),
                Column("Ago", "C", unit=units.DurationInDaysHoursMinutesSeconds, empty="Not known", width=150),
                Column(
                    "Took",
                    "D",
                    unit=units.DurationInDaysHoursMinutesSeconds,
                    empty="No end",
                    harmless=True,
                    width=130,
                ),
                Column(
                    "RTO", "E", unit=units.DurationInDaysHoursMinutesSeconds, empty="Not told", harmless=True, width=130
                ),
                tables.A_VPG_ID,
            ),
            missing=_NONE,
            worst=(("Result", False), ("Ago", True)),
            runbook="ZertoRecoveryNotProved",
        ),
        parts.rows(
            "Not proved in time",
            "Which VPGs have no recovery that succeeded within the time that is chosen above?",
            {
                "A": f"max by (vpg, vpg_id, zvm, organization) ({_VPGS.view} unless on (vpg_id) ({_PROVED}))",
                "B": f"{_LAST_TEST} unless on (vpg_id) ({_PROVED})",
            },
            (
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("Last test, by the VPG", "B", unit=units.DurationInDaysHoursMinutesSeconds, empty="Never"),
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Tenant", "organization"),
                tables.A_VPG_ID,
            ),
            missing="each VPG is proved, or none is reported: the numbers above tell which.",
            nothing="None, or not known",
            worst=(("VPG", False),),
            height=9,
            runbook="ZertoFailoverTestOverdue",
        ),
    ),
)

KEPT: Final = Row(
    "Is it kept for long?",
    (
        parts.rows(
            "Long-term retention",
            "Which VPGs are kept for months or years, was the last run a success, and how many sets of how many were "
            "made?",
            {
                "A": _VPGS.each(tables.since(_KEPT)),
                "B": _VPGS.each(tables.since(_RUN)),
                "C": _VPGS.each(_VPGS.metric("zerto_retention_expected_sets")),
                "D": _VPGS.each(_VPGS.metric("zerto_retention_successful_sets")),
                "E": _VPGS.each(f"{_KEPT} >= bool {_RUN}"),
            },
            (
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column(
                    "Last run was",
                    "E",
                    names={0: ("Failed, or runs", "yellow"), 1: ("A success", "transparent")},
                    empty="Never a success",
                    width=145,
                ),
                Column("Last success", "A", unit=units.DurationInDaysHoursMinutesSeconds, empty="Never", width=145),
                Column("Last run", "B", unit=units.DurationInDaysHoursMinutesSeconds, empty="Never", width=110),
                Column("Expected", "C", empty="Not told", harmless=True, width=95),
                Column("Made", "D", empty="Not told", harmless=True, width=70),
                tables.A_VPG_ID,
            ),
            missing="no VPG has long-term retention, or the collector retention is off.",
            worst=(("Last run was", False), ("Last success", True)),
            height=8,
            width=12,
            runbook="ZertoRetentionFailed",
        ),
        parts.rows(
            "Repositories",
            "Is there room where the copies are kept?",
            {
                "A": _of_repository("zerto_repository_free_bytes"),
                "B": _of_repository("zerto_repository_capacity_bytes"),
                "C": _of_repository("zerto_repository_immutable"),
                "D": f"1 - {_of_repository('zerto_repository_free_bytes')}"
                f" / ({_of_repository('zerto_repository_capacity_bytes')} > 0)",
            },
            (
                Column("Repository", "repository"),
                parts.share(
                    "Used",
                    "D",
                    ((None, "orange"), (0, "green"), (0.9, "yellow"), (0.97, "red")),
                    empty="Not told",
                    harmless=True,
                    width=100,
                ),
                Column("Free", "A", unit=units.BytesIEC, empty="Not told", harmless=True, width=100),
                Column("Capacity", "B", unit=units.BytesIEC, empty="Not told", harmless=True, width=115),
                Column(
                    "Immutable",
                    "C",
                    names={0: ("No", "yellow"), 1: ("Yes", "transparent")},
                    empty="Not told",
                    harmless=True,
                    width=125,
                ),
                Column("ZVM", "zvm", link=tables.TO_ZVM, width=110),
            ),
            missing="no repository is reported, or the collector retention is off.",
            worst=(("Used", True),),
            height=8,
            width=12,
        ),
        parts.chart(
            "VPGs with a success",
            "How many VPGs had a success as their last failover test, failover or move?",
            Query(f"count(count by (vpg_id) ({told_by('vpg:zerto_recovery_proved:listed', ORGANIZATION)}))", "VPGs"),
            missing=_NONE,
            whole=True,
            width=24,
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-evidence",
    title="Zerto / Recovery evidence",
    question="Was recovery proved, when, and how long did it take?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM, variables.ORGANIZATION, variables.TEST_EVERY),
    rows=(NOW, KEPT),
    since="now-30d",
    refresh="5m",
)
