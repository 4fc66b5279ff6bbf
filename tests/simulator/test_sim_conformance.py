"""The appliance's documents against the vendor's OpenAPI document, which is not part of the repository."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from simulator_serving import NOON, Clock, serving

from exporter.simulator import INCIDENT_KINDS, Estate, pair
from exporter.simulator.api.answers import Api
from exporter.simulator.api.registry import ALL_ACTS, ALL_ROUTES, route_of
from exporter.simulator.api.unanswered import UNANSWERED
from exporter.simulator.exchange import JSON
from exporter.simulator.faults.mutations import camel_case

DOCUMENT = Path(__file__).parents[3] / "shared" / "zvm-openapi-10.0u6.json"
REFERENCE = "#/components/schemas/"

MOST = 100
"""How many documents of a long answer are looked at, spread evenly."""

OF_VPGS = [kind for kind in INCIDENT_KINDS if kind != "license_expiring"]


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    if not DOCUMENT.exists():
        pytest.skip(f"the vendor's OpenAPI document is not at {DOCUMENT}")
    document: dict[str, Any] = msgspec.json.decode(DOCUMENT.read_bytes())
    return document


def plain(schema: Any, schemas: dict[str, Any]) -> Any:
    """An OpenAPI 3.0 schema as a JSON Schema with every reference in its place.

    OpenAPI 3.0 cannot say of a reference that it may be null; servers answer null for nested objects, so each may.
    """
    if "$ref" in schema:
        target = plain(schemas[schema["$ref"].removeprefix(REFERENCE)], schemas)
        return target if "enum" in target else {"anyOf": [target, {"type": "null"}]}
    found = {key: value for key, value in schema.items() if key not in {"nullable", "format"}}
    if "properties" in found:
        found["properties"] = {key: plain(value, schemas) for key, value in found["properties"].items()}
        # Without this a schema with no required properties accepts an empty object.
        found["required"] = sorted(found["properties"])
    if "items" in found:
        found["items"] = plain(found["items"], schemas)
    if schema.get("nullable"):
        found["type"] = [found["type"], "null"]
    return found


def validator(openapi: dict[str, Any], ending: str) -> Draft202012Validator:
    schemas = openapi["components"]["schemas"]
    return Draft202012Validator(plain(schemas[f"Zerto.Zvm.Api.Interfaces.{ending}"], schemas))


def estates() -> list[Estate]:
    """Estates of every kind, each in another trouble."""
    nyc, lon = pair(("nyc", 60), ("lon", 30), seed=4, clock=Clock(), cloud=True, local=True, incidents=False)
    for kind, vpg in zip(OF_VPGS, nyc.vpgs(), strict=False):
        nyc.start_incident(kind, vpg["VpgName"])
    return [nyc, lon, *(Estate("nyc", 50, 1, Clock(NOON + 600 * n)) for n in range(3))]


# The path of a resource, the type of its documents, and the fields that real servers answer beside those of that type.
RESOURCES = [
    ("/v1/vms", "Vms.VmApi", {"vmIdentifier", "vpgIdentifier", "sourceSite", "targetSite"}),
    (
        "/v1/vpgs",
        "Vpgs.VpgApi",
        {
            "vpgIdentifier",
            "sourceSite",
            "targetSite",
            "organizationName",
            "serviceProfileIdentifier",
            "serviceProfileName",
        },
    ),
    ("/v1/vpgs/{id}/checkpoints/stats", "Vpgs.VpgCheckpointsStatsApi", set()),
    ("/v1/vras", "Vras.VraApi", {"vraIdentifierStr", "ipAddress"}),
    ("/v1/license", "Licenses.LicenseApi", set()),
    ("/v1/tasks", "Tasks.TaskApi", {"taskIdentifier"}),
    (
        "/v1/events",
        "Events.EventApi",
        {"eventIdentifier", "siteIdentifier", "siteName", "zorgIdentifier", "zorgName", "vpgs"},
    ),
    ("/v1/vpgs/{id}/checkpoints", "Vpgs.CheckpointApi", set()),
    ("/v1/vms/{id}/pointsInTime", "PointsInTime.PointInTimeApi", set()),
    ("/v1/vms/{id}/pointsInTime/stats", "PointsInTime.PointInTimeStatsApi", set()),
    ("/v1/reports/recovery", "RecoveryReports.RecoveryReportsApiDataItems.RecoveryReportApi", set()),
]


@pytest.mark.parametrize(("path", "kind", "others"), RESOURCES)
async def test_documents_are_as_the_vendor_says(
    openapi: dict[str, Any], path: str, kind: str, others: set[str]
) -> None:
    checked = validator(openapi, kind)
    for estate in estates():
        for one in [path.format(id=identifier) for identifier in identifiers(estate, path)]:
            answer = msgspec.json.decode((await Api(estate, "appliance").answer(one, {}, JSON, None)).body)
            documents = camel_case(answer if isinstance(answer, list) else [answer], keep_identity=True)
            assert documents or path.endswith(("/checkpoints", "/pointsInTime"))
            for document in documents[:: max(1, len(documents) // MOST)]:
                checked.validate({key: value for key, value in document.items() if key not in others})


def identifiers(estate: Estate, path: str) -> list[str]:
    """What may stand in a path: each VPG, or some VMs of a local VPG and of one that recovers elsewhere."""
    if "{id}" not in path:
        return [""]
    if path.startswith("/v1/vpgs"):
        return [vpg["VpgIdentifier"] for vpg in estate.vpgs()]
    vms = {vm["VmIdentifier"]: vm["RecoverySite"] == vm["ProtectedSite"] for vm in estate.vms()[4:]}
    return [vm for vm, local in vms.items() if local] + [vm for vm, local in vms.items() if not local][:1]


def bare(path: str) -> str:
    """A path template without the names of its identifiers."""
    return re.sub(r"{\w+}", "{id}", path).lower()


# Read-only paths whose resources are being written, by the beginning.
COMING = (
    "/v1/alerts",
    "/v1/datastores",
    "/v1/encryptiondetection",
    "/v1/flrs",
    "/v1/localsite/",
    "/v1/ltr",
    "/v1/peersites/",
    "/v1/serverdatetime",
    "/v1/serviceprofiles",
    "/v1/statistics",
    "/v1/virtualizationsites",
    "/v1/volumes",
    "/v1/zorgs",
)


def test_every_read_only_path_of_the_document_is_answered_or_refused_with_a_reason(openapi: dict[str, Any]) -> None:
    documented = {bare(path) for path, methods in openapi["paths"].items() if "get" in methods}
    answered, refused = {bare(route.path) for route in ALL_ROUTES}, {bare(path) for path in UNANSWERED}
    assert answered | refused <= documented
    assert answered.isdisjoint(refused)
    assert {path for path in documented - answered - refused if not path.startswith(COMING)} == set()


def test_everything_that_can_be_done_is_in_the_document(openapi: dict[str, Any]) -> None:
    documented = {bare(path) for path, methods in openapi["paths"].items() if "post" in methods}
    assert {bare(act.path) for act in ALL_ACTS} <= documented


async def test_what_is_refused_is_501_and_says_why() -> None:
    async with serving() as zvm:
        for path, reason in UNANSWERED.items():
            answer = await zvm.get(path.replace("{", "").replace("}", "").upper())
            assert (answer.status, reason in answer.json()["Message"]) == (501, True)


@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("/v1/vms", {"includebackupedvms", "includemountedvms"}),
        ("/v1/vpgs", set()),
        ("/v1/vras", set()),
        ("/v1/tasks", {"startedbeforedate", "startedafterdate", "completedbeforedate", "completedafterdate"}),
        ("/v1/events", {"startdate", "enddate"}),
    ],
)
def test_every_parameter_of_the_document_is_known(openapi: dict[str, Any], path: str, others: set[str]) -> None:
    documented = {parameter["name"].lower() for parameter in openapi["paths"][path]["get"]["parameters"]}
    assert documented == route_of(path)[0].filters.keys() | others
