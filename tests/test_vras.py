"""VRAs: what an answer of a real kind becomes, null by null."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import Page, plain

from exporter.collectors import vras
from exporter.prometheus.table import Renderer

WIRE: dict[str, Any] = {
    "VraIdentifierStr": "7794262686850411078",
    "VraName": "Z-VRA-esx-10",
    "Status": 9,
    "UpgradeStatus": 1,
    "Progress": 42,
    "VraVersion": "10.0.60",
    "HostVersion": "8.0.2",
    "HostIdentifier": "host-10",
    "HostDisplayName": "esx-10",
    "IpAddress": "10.0.0.1",
    "VraGroup": "default_group",
    "DatastoreName": "ds-1",
    "NetworkName": "Replication",
    "MemoryInGB": 3,
    "NumOfCpus": 2,
    "IsGhost": True,
    "SelfProtectedVpgs": 4,
    "ProtectedCounters": {"Vms": 1, "Vpgs": 2, "Volumes": 3},
    "RecoveryCounters": {"Vms": 5, "Vpgs": 6, "Volumes": 7},
    "VraAlerts": {"VraAlertsStatus": 2},
}
VALUES = {
    "zerto_vra_status_code": 9,
    "zerto_vra_upgrade_status_code": 1,
    "zerto_vra_progress_ratio": 0.42,
    "zerto_vra_alert_status_code": 2,
    "zerto_vra_memory_bytes": 3 * 2**30,
    "zerto_vra_cpu_cores": 2,
    "zerto_vra_ghost": 1,
    "zerto_vra_protected_vms": 1,
    "zerto_vra_protected_vpgs": 2,
    "zerto_vra_protected_volumes": 3,
    "zerto_vra_recovery_vms": 5,
    "zerto_vra_recovery_vpgs": 6,
    "zerto_vra_recovery_volumes": 7,
    "zerto_vra_self_protected_vpgs": 4,
}


def page(*records: dict[str, Any]) -> Page:
    decoded = vras.DECODER.decode(json.dumps(records).encode(), "application/json", "what came")
    assert not decoded.lost
    blocks = Renderer(vras.TABLE, {"zvm": "nyc"}).render(decoded.rows).blocks
    return Page(plain(part for block in blocks for part in block.parts).decode())


def test_each_value_is_a_sample() -> None:
    shown = page(WIRE)
    for name, value in VALUES.items():
        assert shown.value(name, vra="Z-VRA-esx-10", vra_id="7794262686850411078") == value
    assert shown.values("zerto_vra_state", status="HostInMaintenanceMode") == [1]
    ((labels, _),) = shown.all("zerto_vra_info")
    assert labels == {
        "zvm": "nyc",
        "vra": "Z-VRA-esx-10",
        "vra_id": "7794262686850411078",
        "host": "esx-10",
        "host_id": "host-10",
        "host_version": "8.0.2",
        "version": "10.0.60",
        "ip": "10.0.0.1",
        "group": "default_group",
        "datastore": "ds-1",
        "network": "Replication",
    }


def test_null_is_no_sample() -> None:
    shown = page({"VraIdentifierStr": "1", **dict.fromkeys(WIRE.keys() - {"VraIdentifierStr"})})
    assert {name for name, _ in shown.samples} == {"zerto_vra_info"}


@pytest.mark.parametrize(
    "identity",
    [
        {"VraIdentifier": 7794262686850411078},
        {"Link": {"identifier": "7794262686850411078"}},
        {"vraIdentifierStr": "7794262686850411078"},
    ],
    ids=["a number beyond 2^53", "its link", "another case"],
)
def test_its_identity_may_be_elsewhere(identity: dict[str, Any]) -> None:
    assert page({"VraName": "one", **identity}).all("zerto_vra_info", vra_id="7794262686850411078")
