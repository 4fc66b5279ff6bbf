"""Is there room on the datastores, and is the license enough?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import of_zvms, tally, told_by

_OF_EACH: Final = "zvm, datastore, datastore_id"
NONE: Final = "no datastore is reported: the collector datastores is off, or no ZVM answers."
NO_LICENSE: Final = "no license is reported: the collector license is off, or its user may not read it."
TO_EACH: Final = To("zerto-datastores", "Each datastore")
TO_LICENSES: Final = To("zerto-datastores", "Licenses")
_FREE: Final = f"max by ({_OF_EACH}) ({of_zvms('zerto_datastore_free_bytes')})"
_CAPACITY: Final = f"max by ({_OF_EACH}) ({of_zvms('zerto_datastore_capacity_bytes')})"
_AT_END: Final = " / ".join(
    f"max by ({_OF_EACH}) ({of_zvms(f'zerto_datastore_{what}_bytes')} @ end())" for what in ("free", "capacity")
)
_USED: Final = f"1 - {_FREE} / ({_CAPACITY} > 0)"
ABOVE: Final = tally(f"{_USED} > 0.9", _CAPACITY)
_FULL: Final[parts.Steps] = ((None, "orange"), (0, "green"), (0.9, "yellow"), (0.97, "red"))
_ENDS: Final = f"max by (zvm) ({of_zvms('zerto_license_expiry_timestamp_seconds')}) - time()"
# A license without an end is one of which nothing but the end is missing.
ENDS_FIRST: Final = f"clamp_min(min({_ENDS}), 0) or -(count({of_zvms('zerto_license_info')}) > bool 0)"
WITHOUT_END: Final[parts.Names] = {-1: ("Never", "green")}
UNTIL_THE_END: Final[parts.Steps] = ((None, "orange"), (0, "red"), (7 * 86400, "yellow"), (30 * 86400, "green"))
_LICENSED: Final = f"max by (zvm) ({of_zvms('zerto_license_max_vms')})"
_PROTECTED: Final = f"max by (zvm) ({of_zvms('zerto_license_used_vms')})"


def _each(metric: str, *more: str) -> str:
    return f"max by ({', '.join((_OF_EACH, *more))}) ({of_zvms(metric)})"


_NOW_FREE: Final = " / ".join(of_zvms(f"zerto_datastore_{what}_bytes") for what in ("free", "capacity"))
# What is told by a state differs from the share by its labels.
_TROUBLE: Final = " or ".join(
    (
        f"({_NOW_FREE} < bool 0.1) + ({_NOW_FREE} < bool 0.03)",
        *(
            f"2 * {of_zvms('zerto_datastore_state', state)}"
            for state in ('health="Error"', 'availability="Unavailable"')
        ),
        of_zvms("zerto_datastore_state", 'health="Warning"'),
        of_zvms("zerto_datastore_state", 'availability=~".*Maintenance"'),
    )
)


def _zertos(metric: str, *matchers: str) -> str:
    return f"sum by ({_OF_EACH}) (max by ({_OF_EACH}, usage) ({of_zvms(metric, *matchers)}))"


_JOURNALS: Final = _zertos("zerto_datastore_zerto_used_bytes", 'usage="journal"')

NOW: Final = Row(
    "Is there room?",
    (
        parts.count(
            "Datastores",
            "Datastores that the ZVMs list.",
            f"count({_CAPACITY})",
            to=TO_EACH,
            missing=NONE,
            steps=parts.COUNT,
        ),
        parts.count(
            "Above 90 %",
            "Datastores that are fuller than nine tenths.",
            ABOVE,
            runbook="ZertoDatastoreNearlyFull",
            to=TO_EACH,
            missing=NONE,
        ),
        parts.count(
            "Least free",
            "What the fullest datastore has left, as a share.",
            f"min({_FREE} / ({_CAPACITY} > 0))",
            runbook="ZertoDatastoreNearlyFull",
            to=TO_EACH,
            missing=NONE,
            unit=units.PercentUnit,
            decimals=1,
            steps=((None, "orange"), (0, "red"), (0.03, "yellow"), (0.1, "green")),
        ),
        parts.count(
            "Journals",
            "What all journals use on these datastores.",
            f"sum({_JOURNALS})",
            to=TO_EACH,
            missing=NONE,
            unit=units.BytesIEC,
            steps=parts.COUNT,
        ),
        parts.count(
            "License ends in",
            "How long the license lasts that ends first. 0: it has ended.",
            ENDS_FIRST,
            runbook="ZertoLicenseExpiring",
            to=TO_LICENSES,
            missing=NO_LICENSE,
            unit=units.DurationInDaysHoursMinutesSeconds,
            steps=UNTIL_THE_END,
            names=WITHOUT_END,
        ),
        parts.count(
            "License used",
            "How much of its license the ZVM uses that is nearest to its end.",
            f"max({_PROTECTED} / ({_LICENSED} > 0))",
            runbook="ZertoLicenseOverused",
            to=TO_LICENSES,
            missing=NO_LICENSE,
            unit=units.PercentUnit,
            decimals=0,
            steps=((None, "orange"), (0, "green"), (0.9, "yellow"), (1.001, "red")),
        ),
        parts.rows(
            "Each datastore",
            "How full is each datastore, and what of that is Zerto's? VMs to it are recovered there, VMs from it are "
            "protected there.",
            {
                "A": _USED,
                "B": _FREE,
                "C": _CAPACITY,
                "D": _zertos("zerto_datastore_zerto_used_bytes"),
                "E": _JOURNALS,
                "F": _each("zerto_datastore_incoming_vms"),
                "G": _each("zerto_datastore_outgoing_vms"),
                "H": _each("zerto_datastore_vras"),
                "I": _each("zerto_datastore_state", "availability", "health"),
                "J": _each("zerto_datastore_info", "type"),
                "K": f"max by ({_OF_EACH}) ({_TROUBLE})",
            },
            (
                Column("Trouble", "K", names=states.in_cells(states.ALERTS), empty="Not known", width=112),
                parts.share("Used", "A", _FULL, decimals=1, width=95),
                Column("Datastore", "datastore", width=175),
                Column("Available", "availability", names=states.NAMES_OF_AVAILABILITY, empty="Not known", width=110),
                Column("Health", "health", names=states.NAMES_OF_HEALTH, empty="Not known", width=110),
                Column("Free", "B", unit=units.BytesIEC, empty="Not known", width=100),
                Column("Capacity", "C", unit=units.BytesIEC, empty="Not known", width=105),
                Column("Zerto's", "D", unit=units.BytesIEC, empty="Not known", width=100),
                Column("Journals", "E", unit=units.BytesIEC, empty="Not known", width=105),
                Column("VMs to it", "F", empty="Not known", width=105),
                Column("VMs from it", "G", empty="Not known", width=115),
                Column("VRAs", "H", empty="Not known", width=80),
                Column("Type", "type", width=90),
                Column("ZVM", "zvm", link=tables.TO_ZVM, width=130),
                Column("datastore_id", "datastore_id", hidden=True),
            ),
            missing=NONE,
            worst=(("Trouble", True), ("Used", True)),
            runbook="ZertoDatastoreNearlyFull",
        ),
        parts.rows(
            "Licenses",
            "When does each license end, and how much of it is used? Sites that share one have the same numbers.",
            {
                "A": _ENDS,
                "B": _PROTECTED,
                "C": _LICENSED,
                "D": f"{_PROTECTED} / ({_LICENSED} > 0)",
                "E": f"max by (zvm, type) ({of_zvms('zerto_license_info')})",
            },
            (
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Type", "type"),
                Column(
                    "Ends in",
                    "A",
                    unit=units.DurationInDaysHoursMinutesSeconds,
                    empty="Never",
                    harmless=True,
                    steps=((None, "transparent"), (-1e12, "red"), (7 * 86400, "yellow"), (30 * 86400, "green")),
                ),
                Column("VMs protected", "B", empty="Not known"),
                Column("VMs allowed", "C", empty="No limit", harmless=True),
                parts.share(
                    "Used",
                    "D",
                    ((None, "orange"), (0, "green"), (0.9, "yellow"), (1.001, "red")),
                    empty="No limit",
                    harmless=True,
                ),
            ),
            missing=NO_LICENSE,
            worst=(("Ends in", False),),
            height=7,
            runbook="ZertoLicenseExpiring",
        ),
    ),
)

OVER_TIME: Final = Row(
    "Where does it go?",
    (
        parts.chart(
            "Free space of the ten fullest",
            "Which datastores fill up? Below the dashed line less than a tenth is free.",
            Query(
                f"{_FREE} / ({_CAPACITY} > 0) and on (zvm, datastore_id) bottomk(10, {_AT_END})",
                "{{datastore}} of {{zvm}}",
            ),
            missing=NONE,
            unit=units.PercentUnit,
            steps=((None, "transparent"), (0.1, "red")),
            many=True,
            lowest_first=True,
        ),
        parts.chart(
            "What Zerto uses",
            "For what does Zerto use the datastores?",
            Query(
                f"sum by (usage) ({told_by('zvm:zerto_datastore_zerto_used_bytes:sum')})",
                "{{usage}}",
            ),
            missing=NONE,
            unit=units.BytesIEC,
            stacked=True,
            many=True,
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-datastores",
    title="Zerto / Datastores and license",
    question="Is there room on the datastores, and is the license enough?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM),
    rows=(NOW, OVER_TIME),
    since="now-7d",
    refresh="5m",
)
