"""Does something encrypt our data?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import UP, of_zvms, tally, told_lately, vpgs

_VPGS: Final = vpgs()
_NONE: Final = (
    "no ZVM says whether it looks for encryption: the collector encryption is off, or they are older than 10.0."
)
NOBODY: Final = "encryption is not looked for, or no ZVM answers. That is no proof that all is well."
SUSPECTED: Final = f"sum(max by (zvm) ({of_zvms('zerto_suspected_vpgs')}))"
_ENABLED: Final = f"max by (zvm) ({of_zvms('zerto_encryption_detection_enabled')})"
_LEVEL: Final = f"{of_zvms('zerto_vpg_suspicion_level')}"
_SUSPECTED: Final[parts.Steps] = ((None, "orange"), (0, "transparent"), (1, "red"))
TO_VPGS: Final = To("zerto-ransomware", "Suspected VPGs")
_WINDOW: Final = "15m"


def _rate(metric: str) -> str:
    return f"max by (vm, vm_id) (rate({of_zvms(metric)}[{_WINDOW}]))"


_ENCRYPTED: Final = _rate("zerto_vm_encrypted_bytes_total")
_PLAIN: Final = _rate("zerto_vm_unencrypted_bytes_total")
# Each rate once: they are those of all VMs. Not a number where nothing is written, which is no number >= 0.
_SHARE: Final = f"1 / (1 + {_PLAIN} / {_ENCRYPTED}) >= 0"
_MOST: Final = f"topk(20, max by (vm, vm_id) ({told_lately('zvm:zerto_vm_encrypted_ratio:topk20')}))"
_TREND: Final = f"max by (vm, vm_id) ({of_zvms('zerto_vm_encryption_trend_level')})"
_OF_VMS: Final = f"max by (vm, vm_id) ({of_zvms('zerto_vm_suspicion_level')})"

NOW: Final = Row(
    "Is something suspected?",
    (
        parts.count(
            "VPGs suspected",
            "VPGs of which Zerto suspects that their data are being encrypted, of all organizations.",
            SUSPECTED,
            runbook="ZertoEncryptionSuspected",
            to=TO_VPGS,
            missing=NOBODY,
            width=6,
        ),
        parts.count(
            "VMs suspected",
            "VMs of which Zerto suspects it, of all organizations.",
            f"sum(max by (zvm) ({of_zvms('zerto_suspected_vms')}))",
            runbook="ZertoEncryptionSuspected",
            to=To("zerto-ransomware", "Suspected VMs"),
            missing=NOBODY,
            width=6,
        ),
        parts.count(
            "Detection on",
            "ZVMs that look for encryption.",
            f"count({_ENABLED} == 1) or 0 * count({_ENABLED})",
            to=To("zerto-ransomware", "Who looks for it"),
            missing=_NONE,
            steps=((None, "orange"), (0, "yellow"), (1, "green")),
            width=6,
        ),
        parts.count(
            "Detection off",
            "ZVMs that could look for encryption and do not.",
            tally(f"{_ENABLED} == 0", _ENABLED),
            to=To("zerto-ransomware", "Who looks for it"),
            missing=_NONE,
            steps=parts.ANY_IS_ODD,
            width=6,
        ),
        parts.rows(
            "Suspected VPGs",
            "Which VPGs, how much are they suspected, and how far back can they be recovered? Checkpoints from before "
            "the encryption are the good ones. Zerto does not say how far its levels go: a higher one is worse.",
            {
                "A": _VPGS.each(f"{_LEVEL} > 0"),
                "B": f"{_VPGS.each(_VPGS.metric('zerto_vpg_history_seconds'))} and on (vpg_id) {_LEVEL} > 0",
                "C": f"max by (vpg, vpg_id, zvm, organization) ({_VPGS.view}) and on (vpg_id) {_LEVEL} > 0",
            },
            (
                Column("Level", "A", steps=_SUSPECTED, empty="Not known"),
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("History", "B", unit=units.DurationInDaysHoursMinutesSeconds, empty="Not known"),
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Tenant", "organization"),
                tables.A_VPG_ID,
            ),
            missing="no VPG is suspected, or encryption is not looked for: the numbers above tell which.",
            nothing="None, or not known",
            worst=(("Level", True),),
            height=9,
            width=12,
            runbook="ZertoEncryptionSuspected",
        ),
        parts.rows(
            "Suspected VMs",
            "Which VMs, how much are they suspected, and what share of what they write now is encrypted? A higher "
            "level is worse.",
            {
                "A": f"{_OF_VMS} > 0",
                "B": f"{_SHARE} and on (vm_id) {_OF_VMS} > 0",
                "C": f"max by (vm, vm_id) ({of_zvms('zerto_suspected_volumes')}) > 0",
            },
            (
                Column("Level", "A", steps=_SUSPECTED, empty="Not known"),
                Column("VM", "vm", link=tables.TO_VM),
                Column("Volumes", "C", empty="Not told", harmless=True),
                parts.share("Encrypted now", "B", ((None, "orange"), (0, "green"), (0.5, "yellow"), (0.9, "red"))),
                tables.A_VM_ID,
            ),
            missing="no VM is suspected, or encryption is not looked for: the numbers above tell which.",
            nothing="None, or not known",
            worst=(("Level", True),),
            height=9,
            width=12,
            runbook="ZertoEncryptionSuspected",
        ),
        parts.rows(
            "Most encrypted",
            "Which twenty VMs write the largest share of encrypted data, whether they are suspected or not? Databases "
            "and disks that are encrypted on purpose are among them. The trend is a level: how much the "
            "share has changed lately.",
            {
                "A": _MOST,
                "B": f"{_ENCRYPTED} and on (vm_id) {_MOST}",
                "C": f"{_TREND} and on (vm_id) {_MOST}",
            },
            (
                Column("VM", "vm", link=tables.TO_VM),
                Column("Encrypted", "A", unit=units.PercentUnit, decimals=0, empty="Not known"),
                Column("At a rate of", "B", unit=units.BytesPerSecondIEC, empty="Not known"),
                Column("Trend", "C", empty="Not told", harmless=True),
                tables.A_VM_ID,
            ),
            missing="no VM writes, or the ZVMs do not tell what is encrypted.",
            worst=(("Encrypted", True),),
            height=9,
            width=14,
        ),
        parts.rows(
            "Who looks for it",
            "Which ZVM looks for encryption? One of which that is not known does not answer, is older than 10.0, or is "
            "not asked.",
            {"A": _ENABLED, "B": f"max by (zvm) ({of_zvms('zerto_suspected_vms')})", "C": UP},
            (
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Detection", "A", names={0: ("Off", "yellow"), 1: ("On", "transparent")}, empty="Not known"),
                Column("VMs suspected", "B", empty="Not known", steps=_SUSPECTED),
            ),
            missing=_NONE,
            worst=(("Detection", False),),
            height=9,
            width=10,
        ),
    ),
)

OVER_TIME: Final = Row(
    "Since when?",
    (
        parts.chart(
            "Encrypted share of what is written",
            "When did the share rise? Checkpoints from before are the good ones.",
            Query(f"max by (zvm) ({told_lately('zvm:zerto_vm_encrypted:ratio15m')})", "{{zvm}}"),
            missing="no VM writes, or the ZVMs do not tell what is encrypted.",
            unit=units.PercentUnit,
            in_sight=1,
            many=True,
            runbook="ZertoEncryptionSuspected",
        ),
        parts.chart(
            "Suspected VMs of each ZVM",
            "Since when are VMs suspected?",
            Query(f"max by (zvm) ({of_zvms('zerto_suspected_vms')})", "{{zvm}}"),
            missing=NOBODY,
            whole=True,
            many=True,
            runbook="ZertoEncryptionSuspected",
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-ransomware",
    title="Zerto / Ransomware",
    question="Does something encrypt our data, and since when?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM, variables.ORGANIZATION),
    rows=(NOW, OVER_TIME),
)
