"""What an operation makes of the readings of a VPG and its VMs, and what a VPG is when protection has turned round."""

from dataclasses import replace
from typing import Final

from exporter.simulator.estate.inventory import Member, Vpg
from exporter.simulator.estate.operations import Standing
from exporter.simulator.estate.readings import NOT_CALCULATED, VmReading, VpgReading, sla_status
from exporter.simulator.estate.stages import LOOKS, Stage

_MEETING: Final = 1
_TRAFFIC_OF_A_SYNC: Final = 1.5
_BEYOND_ALL_NUMBERS: Final = 10_000_000


def acted(vpg: Vpg, reading: VpgReading, standing: Standing, second: int) -> VpgReading:
    """The reading of a VPG in an operation."""
    look = LOOKS.get(standing.stage)
    if look is None:
        return reading
    lag = round(standing.lag * (1 - standing.progress))
    if look.halted and standing.halted is not None:
        lag = max(0, second - standing.halted)
    if standing.stage is Stage.RECOVERED:
        return _recovered(reading, look.status or 0, look.substatus or 0)
    restored = standing.task.vm if standing.task is not None else None
    off = [look.off or member.vm.identifier == restored for member in vpg.members]
    traffic = 0.0 if look.halted else _TRAFFIC_OF_A_SYNC if standing.stage is Stage.SYNCING else 1.0
    members = tuple(
        _member(member, lag, 0.0 if still else traffic, still=still)
        for member, still in zip(reading.members, off, strict=True)
    )
    rpo = max((member.rpo for member in members), default=NOT_CALCULATED)
    history = max(0, reading.history - lag // 60)
    newest = second - rpo if reading.newest is not None else None
    status = sla_status(rpo > vpg.rpo, history < vpg.history) if lag else reading.status
    status = status if look.status is None else look.status
    return replace(
        reading,
        status=status,
        substatus=reading.substatus if look.substatus is None else look.substatus,
        alert=max(reading.alert, int(status > _MEETING)),
        rpo=rpo,
        progress=round(100 * standing.progress, 1) if standing.stage is Stage.SYNCING else reading.progress,
        history=history,
        failsafe=None if reading.failsafe is None else min(reading.failsafe, history),
        test_stage=look.test or reading.test_stage,
        oldest=None if newest is None else newest - 60 * history,
        newest=newest,
        iops=sum(member.iops for member in members),
        throughput=sum(member.throughput for member in members),
        members=members,
    )


def _member(reading: VmReading, lag: int, traffic: float, *, still: bool) -> VmReading:
    return replace(
        reading,
        rpo=reading.rpo + lag,
        iops=0 if still else reading.iops,
        throughput=0.0 if still else reading.throughput,
        bandwidth=round(reading.bandwidth * traffic, 6),
    )


def _recovered(reading: VpgReading, status: int, substatus: int) -> VpgReading:
    """Nothing is protected any more."""
    off = tuple(
        replace(one, rpo=NOT_CALCULATED, iops=0, throughput=0.0, bandwidth=0.0, journal_mb=0) for one in reading.members
    )
    return replace(
        reading,
        status=status,
        substatus=substatus,
        rpo=NOT_CALCULATED,
        history=0,
        failsafe=None if reading.failsafe is None else 0,
        oldest=None,
        newest=None,
        iops=0,
        throughput=0.0,
        members=off,
    )


def turned(vpg: Vpg) -> Vpg:
    """A VPG whose machines run where they recovered to, and are protected to where they came from.

    They are other machines to the hypervisor manager there, with identifiers of its own.
    """
    return replace(
        vpg,
        protected=vpg.recovery,
        recovery=vpg.protected,
        members=tuple(_turned(member, vpg.recovery.server) for member in vpg.members),
    )


def _turned(member: Member, server: str) -> Member:
    number = int(member.vm.identifier.rpartition("-")[2])
    host = member.vm.host if member.recovery_host is None else member.recovery_host
    return replace(
        member,
        vm=replace(member.vm, identifier=f"{server}.vm-{_BEYOND_ALL_NUMBERS + number}", host=host),
        recovery_host=member.vm.host,
    )
