"""What a client can do with a VPG and a VM: failover test, failover, move, pause, force sync, instant restore.

Each is answered with the identifier of a task, which /v1/tasks tells of. What the state of the VPG does not allow
is answered 409 with the state; nobody outside the vendor knows the code of a real ZVM.
"""

from typing import Final

from exporter.simulator.api.orders import Act, Order
from exporter.simulator.api.routes import ApiError, Route, names
from exporter.simulator.api.tasks import task_identifier
from exporter.simulator.estate.inventory import AZURE, Vpg
from exporter.simulator.estate.operations import RefusedError, Wish
from exporter.simulator.estate.points import SECONDS_BETWEEN
from exporter.simulator.estate.tasks import Kind

COMMIT_POLICIES: Final = ("Rollback", "Commit", "None")
SHUTDOWN_POLICIES: Final = ("None", "Shutdown", "ForceShutdown")
_RETENTION_POLICIES: Final = ("None", "Daily", "Weekly", "Monthly", "Yearly")
_NO_POLICY: Final = 2


def _failover_test(order: Order) -> str:
    vpg = _vpg(order)
    return _begin(order, vpg, Wish(Kind.FAILOVER_TEST, order.user, checkpoint=_checkpoint(order, vpg)))


def _stop(order: Order) -> str:
    note = order.name("failovertestsummary")
    proved = order.values.get("failovertestsuccess") is None or order.flag("failovertestsuccess")
    return _begin(order, _vpg(order), Wish(Kind.STOP_FAILOVER_TEST, order.user, note=note, proved=proved))


def _failover(order: Order) -> str:
    vpg = _vpg(order)
    order.code("shutdownpolicy", SHUTDOWN_POLICIES, 0)
    wish = Wish(
        Kind.FAILOVER,
        order.user,
        checkpoint=_checkpoint(order, vpg),
        then=_then(order, Kind.FAILOVER_COMMIT, Kind.FAILOVER_ROLLBACK),
        wait=order.seconds("timetowaitbeforeshutdowninsec"),
        reverse=_reverse(order, vpg, "isreverseprotection"),
    )
    return _begin(order, vpg, wish)


def _move(order: Order) -> str:
    vpg = _vpg(order)
    wish = Wish(
        Kind.MOVE,
        order.user,
        checkpoint=_checkpoint(order, vpg),
        then=_then(order, Kind.MOVE_COMMIT, Kind.MOVE_ROLLBACK),
        wait=order.seconds("commitpolicytimeout"),
        reverse=_reverse(order, vpg, "reverseprotection"),
    )
    return _begin(order, vpg, wish)


def _failover_commit(order: Order) -> str:
    vpg = _vpg(order)
    reverse = _reverse(order, vpg, "isreverseprotection")
    return _begin(order, vpg, Wish(Kind.FAILOVER_COMMIT, order.user, reverse=reverse))


def _move_commit(order: Order) -> str:
    vpg = _vpg(order)
    return _begin(order, vpg, Wish(Kind.MOVE_COMMIT, order.user, reverse=_reverse(order, vpg, "reverseprotection")))


def _plain(kind: Kind) -> Act:
    path = _PLAIN[kind]
    return Act(f"/v1/vpgs/{{id}}/{path}", lambda order: _begin(order, _vpg(order), Wish(kind, order.user)))


def _restore(order: Order) -> str:
    vpg = _vpg_of_vm(order, order.name("vpgidentifier"))
    if vpg.protected.identifier != vpg.recovery.identifier:
        raise ApiError(409, f"Exception occurred in API: VPG '{vpg.name}' is not a local one; its VMs fail over.")
    order.code("shutdownpolicy", SHUTDOWN_POLICIES, 0)
    wish = Wish(
        Kind.RESTORE,
        order.user,
        vm=_vm(order),
        checkpoint=_checkpoint(order, vpg),
        then=_then(order, Kind.RESTORE_COMMIT, Kind.RESTORE_ROLLBACK),
        wait=order.seconds("timetowaitbeforecontinueinseconds"),
        note=order.name("restoredvmname"),
    )
    return _begin(order, vpg, wish)


def _after_restore(kind: Kind) -> Act:
    def do(order: Order) -> str:
        vpg = _vpg_of_vm(order, order.text or order.name("vpgidentifier"))
        return _begin(order, vpg, Wish(kind, order.user, vm=_vm(order)))

    path = "RestoreCommit" if kind is Kind.RESTORE_COMMIT else "RestoreRollback"
    return Act(f"/v1/vms/{{id}}/{path}", do, once_by_get=True)


def _begin(order: Order, vpg: Vpg, wish: Wish) -> str:
    try:
        return task_identifier(*order.site.begin(vpg, wish))
    except RefusedError as refused:
        raise ApiError(409, f"Exception occurred in API: {refused}.") from refused


def _then(order: Order, commit: Kind, rollback: Kind) -> Kind | None:
    policy = order.code("commitpolicy", COMMIT_POLICIES, _NO_POLICY)
    return {0: rollback, 1: commit}.get(policy)


def _reverse(order: Order, vpg: Vpg, key: str) -> bool:
    if order.flag(key) and vpg.recovery.entity_type == AZURE:
        raise ApiError(409, "Exception occurred in API: protection from a public cloud is not turned round here.")
    return order.flag(key)


def _checkpoint(order: Order, vpg: Vpg) -> int | None:
    """The second of the checkpoint that is asked for, or of the newest."""
    found = order.site.vpg_at(vpg.identifier, order.site.second)
    oldest, newest = (found[1].oldest, found[1].newest) if found else (None, None)
    wanted = order.name("checkpointidentifier")
    if not wanted or oldest is None or newest is None:
        return newest
    second = int(wanted) * SECONDS_BETWEEN if wanted.isdecimal() else 0
    if not oldest - SECONDS_BETWEEN < second <= newest:
        raise ApiError(400, f"Exception occurred in API: VPG '{vpg.name}' has no checkpoint '{wanted}'.")
    return max(second, oldest)


def _vpg(order: Order) -> Vpg:
    found = order.site.vpg_at(order.ids["id"].lower(), order.site.second)
    if found is None:
        raise ApiError(404, f"Exception occurred in API: no VPG '{order.ids['id']}'.")
    return found[0]


def _vm(order: Order) -> str:
    return order.ids["id"].lower()


def _vpg_of_vm(order: Order, wanted: str) -> Vpg:
    """The VPG of a VM. Raises ApiError: 404 without one, 400 where it is in several and none is named."""
    found = [vpg for vpg in order.site.vpgs_of(_vm(order)) if wanted.lower() in ("", vpg.identifier)]
    if not found:
        raise ApiError(404, f"Exception occurred in API: no virtual machine '{order.ids['id']}'.")
    if len(found) > 1:
        raise ApiError(
            400,
            f"Exception occurred in API: virtual machine '{order.ids['id']}' is in {len(found)} VPGs; "
            "vpgIdentifier is required.",
        )
    return found[0]


_PLAIN: Final = {
    Kind.FAILOVER_ROLLBACK: "FailoverRollback",
    Kind.MOVE_ROLLBACK: "moveRollback",
    Kind.PAUSE: "pause",
    Kind.RESUME: "resume",
    Kind.FORCE_SYNC: "forcesync",
}
ACTS: Final = (
    Act("/v1/vpgs/{id}/FailoverTest", _failover_test),
    Act("/v1/vpgs/{id}/FailoverTestStop", _stop),
    Act("/v1/vpgs/{id}/Failover", _failover),
    Act("/v1/vpgs/{id}/FailoverCommit", _failover_commit),
    Act("/v1/vpgs/{id}/Move", _move),
    Act("/v1/vpgs/{id}/MoveCommit", _move_commit),
    *(_plain(kind) for kind in _PLAIN),
    Act("/v1/vms/{id}/Restore", _restore, once_by_get=True),
    _after_restore(Kind.RESTORE_COMMIT),
    _after_restore(Kind.RESTORE_ROLLBACK),
)
ROUTES: Final[tuple[Route, ...]] = (
    names("/v1/vpgs/failovercommitpolicies", COMMIT_POLICIES),
    names("/v1/vpgs/failovershutdownpolicies", SHUTDOWN_POLICIES),
    names("/v1/vpgs/retentionpolicies", _RETENTION_POLICIES),
)
