"""GET /v1/statistics/vms: the counters of each VM in a VPG. A Windows ZVM counts in them what looks encrypted, too."""

from typing import Final

from exporter.simulator.api.encryption import blocks
from exporter.simulator.api.links import iso
from exporter.simulator.api.routes import Asked, Document, Route
from exporter.simulator.estate.counting import Amounts, Key


def _statistics(asked: Asked) -> list[Document]:
    time = iso(asked.second)
    counted = asked.site.counted_at(asked.second)
    documents = [_document(key, amounts, time) for key, amounts in counted.items()]
    if asked.appliance:
        return documents
    return [document | _encryption(amounts) for document, amounts in zip(documents, counted.values(), strict=True)]


def _document(key: Key, amounts: Amounts, time: str | None) -> Document:
    return {
        "VmIdentifier": key[0],
        "VpgIdentifier": key[1],
        "IoOperationsCounter": int(amounts.operations),
        "WriteCounterInMBs": int(amounts.written),
        "SyncCounterInMBs": int(amounts.synchronized),
        "NetworkTrafficCounterInMBs": int(amounts.sent),
        "SampleTime": time,
    }


def _encryption(amounts: Amounts) -> Document:
    return {
        "EncryptionStatistics": {
            "EncryptedDataInLBs": blocks(amounts.encrypted),
            "UnencryptedDataInLBs": blocks(amounts.written - amounts.encrypted),
        }
    }


ROUTES: Final = (Route("/v1/statistics/vms", "VmStatisticsApi", _statistics),)
