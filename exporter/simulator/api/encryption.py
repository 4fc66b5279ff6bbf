"""GET /v1/encryptionDetection/...: what of the VMs that a site protects looks encrypted, and who is suspected.

An appliance of 10.x has it, a Windows ZVM does not.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from exporter.simulator.api.links import address
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.volumes import datastore_of, path_of, size_of
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.counting import Amounts
from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.suspicion import Observed, observed_at
from exporter.simulator.estate.volumes import protected_volumes

_PATH: Final = "/v1/encryptionDetection"
_BLOCKS_OF_A_MEBIBYTE: Final = 2048
_COUNTED_TOGETHER: Final = 300


def blocks(mebibytes: float) -> int:
    """Blocks of 512 bytes. A ZVM counts some and takes them for all: its numbers are multiples of 300."""
    return int(mebibytes * _BLOCKS_OF_A_MEBIBYTE) // _COUNTED_TOGETHER * _COUNTED_TOGETHER


def _only_10(answer: Callable[[Asked], Any]) -> Callable[[Asked], Any]:
    def made(asked: Asked) -> Any:
        if not asked.appliance:
            raise ApiError(404, "No HTTP resource was found that matches the request URI.")
        return answer(asked)

    return made


def _state(_: Asked) -> Document:
    return {"EncryptionDetectionEnabled": True}


def _vms(asked: Asked) -> list[Document]:
    counted = asked.site.counted_at(asked.second)
    return [
        {
            "Link": _vm_link(one, asked),
            "AssociatedVpgs": _named(one.vpgs),
            "EncryptionMetrics": _metrics([_amounts(one, counted)], one.level),
        }
        for one in observed_at(asked.site, asked.second)
    ]


def _vpgs(asked: Asked) -> list[Document]:
    counted = asked.site.counted_at(asked.second)
    return [
        {
            "Link": _vpg_link(vpg, asked),
            "EncryptionMetrics": _metrics(
                [counted[one.vm.identifier, vpg.identifier] for one in members], max(one.level for one in members)
            ),
        }
        for vpg, members in _by_vpg(observed_at(asked.site, asked.second))
    ]


def _volumes(asked: Asked) -> list[Document]:
    counted = asked.site.counted_at(asked.second)
    return [
        {
            "VolumeIdentifier": volume.identifier,
            "AssociatedVm": {"Identifier": one.vm.identifier, "Name": one.vm.name},
            "AssociatedVpgs": _named(one.vpgs),
            "EncryptionMetrics": _metrics([_amounts(one, counted)], one.level, volume.share),
        }
        for one in observed_at(asked.site, asked.second)
        for volume in protected_volumes(one.vm)
    ]


def _suspected_vms(asked: Asked) -> list[Document]:
    return [
        {"Link": _vm_link(one, asked), "SuspicionLevel": one.level, "AssociatedVpgs": _named(one.vpgs)}
        for one in _suspected(asked)
    ]


def _suspected_vpgs(asked: Asked) -> list[Document]:
    return [
        {"Link": _vpg_link(vpg, asked), "SuspicionLevel": max(one.level for one in members)}
        for vpg, members in _by_vpg(_suspected(asked))
    ]


def _suspected_volumes(asked: Asked) -> list[Document]:
    return [
        {
            "VolumeType": "Protected",
            "VolumeIdentifier": volume.identifier,
            "Path": path_of(volume),
            "Size": size_of(volume),
            "Datastore": datastore_of(volume, asked.site.here),
            "AssociatedVm": {"Identifier": one.vm.identifier, "Name": one.vm.name},
            "AssociatedVpgs": _named(one.vpgs),
            "SuspicionLevel": one.level,
        }
        for one in _suspected(asked)
        for volume in protected_volumes(one.vm)
    ]


def _suspected(asked: Asked) -> list[Observed]:
    return [one for one in observed_at(asked.site, asked.second) if one.level]


def _by_vpg(observed: Iterable[Observed]) -> list[tuple[Vpg, list[Observed]]]:
    found: dict[str, tuple[Vpg, list[Observed]]] = {}
    for one in observed:
        for vpg in one.vpgs:
            found.setdefault(vpg.identifier, (vpg, []))[1].append(one)
    return list(found.values())


def _amounts(one: Observed, counted: dict[tuple[str, str], Amounts]) -> Amounts:
    """What a VM writes is the same in all its VPGs, but those that it came to later count less: the first has all."""
    return counted[one.vm.identifier, one.vpgs[0].identifier]


def _metrics(amounts: list[Amounts], trend: int, share: float = 1.0) -> Document:
    written, encrypted = sum(one.written for one in amounts), sum(one.encrypted for one in amounts)
    return {
        "EncryptedData": blocks(encrypted * share),
        "NonEncryptedData": blocks((written - encrypted) * share),
        "TrendChangeLevel": trend,
    }


def _named(vpgs: Iterable[Vpg]) -> list[Document]:
    return [{"Identifier": vpg.identifier, "Name": vpg.name} for vpg in vpgs]


def _vm_link(one: Observed, asked: Asked) -> Document:
    return {
        "instance_identifier": None,
        "rel": None,
        "href": f"{address(asked.site.here)}/v1/vms/{one.vm.identifier}",
        "type": "VmApi",
        "identifier": one.vm.identifier,
        "name": one.vm.name,
    }


def _vpg_link(vpg: Vpg, asked: Asked) -> Document:
    return {
        "rel": None,
        "href": f"{address(asked.site.here)}/v1/vpgs/{vpg.identifier}",
        "type": "VpgApi",
        "identifier": vpg.identifier,
        "name": vpg.name,
    }


_FIELDS: Final = Fields(
    elements={"AssociatedVpgs": "AssociatedVpgApi"}, identity=frozenset({"identifier", "VolumeIdentifier"})
)
ROUTES: Final = tuple(
    Route(f"{_PATH}/{path}", kind, _only_10(answer), fields=_FIELDS)
    for path, kind, answer in (
        ("state", "SettingsApi", _state),
        ("metrics/vms", "MetricsVmApi", _vms),
        ("metrics/vpgs", "MetricsVpgApi", _vpgs),
        ("metrics/volumes", "MetricsVolumeApi", _volumes),
        ("suspected/vms", "SuspectedVmApi", _suspected_vms),
        ("suspected/vpgs", "SuspectedVpgApi", _suspected_vpgs),
        ("suspected/volumes", "SuspectedVolumeApi", _suspected_volumes),
    )
)
