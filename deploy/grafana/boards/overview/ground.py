"""Does what recovery stands on hold? In numbers, each of which leads to a dashboard of its own."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import coverage, datastores, parts, peers, ransomware, vras
from boards.parts import Row

GROUND: Final = Row(
    "Is what recovery needs in order?",
    (
        parts.count(
            "VRAs not ready",
            "VRAs that are not installed, failed to install, or cannot be managed.",
            vras.NOT_READY,
            runbook="ZertoVraNotReady",
            to=vras.TO_EACH,
            missing=vras.NONE,
        ),
        parts.count(
            "Pairings lost",
            "Peer sites of which a ZVM says that they are no longer paired with it.",
            peers.LOST,
            runbook="ZertoPairingLost",
            to=peers.TO_PEERS,
            missing=peers.NO_PEER,
        ),
        parts.count(
            "Datastores above 90 %",
            "Datastores that are fuller than nine tenths. When one is full, journals on it cannot grow.",
            datastores.ABOVE,
            runbook="ZertoDatastoreNearlyFull",
            to=datastores.TO_EACH,
            missing=datastores.NONE,
        ),
        parts.count(
            "VPGs suspected",
            "VPGs of which Zerto suspects that their data are being encrypted, of all organizations.",
            ransomware.SUSPECTED,
            runbook="ZertoEncryptionSuspected",
            to=ransomware.TO_VPGS,
            missing=ransomware.NOBODY,
        ),
        parts.count(
            "License ends in",
            "How long the license lasts that ends first. 0: it has ended.",
            datastores.ENDS_FIRST,
            runbook="ZertoLicenseExpiring",
            to=datastores.TO_LICENSES,
            missing=datastores.NO_LICENSE,
            unit=units.DurationInDaysHoursMinutesSeconds,
            steps=datastores.UNTIL_THE_END,
            names=datastores.WITHOUT_END,
        ),
        parts.count(
            "VMs unprotected",
            "VMs of these sites that are in no VPG. Not all of them need be.",
            coverage.IN_NONE,
            runbook="ZertoUnprotectedVmsGrow",
            to=coverage.TO_EACH,
            missing=coverage.NONE,
            steps=parts.COUNT,
        ),
    ),
)
