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
from exporter.simulator.estate.incidents import OF_A_SITE
from exporter.simulator.exchange import JSON
from exporter.simulator.faults.mutations import camel_case

DOCUMENT = Path(__file__).parents[3] / "shared" / "zvm-openapi-10.0u6.json"
REFERENCE = "#/components/schemas/"

MOST = 100
"""How many documents of a long answer are looked at, spread evenly."""

OF_VPGS = [kind for kind in INCIDENT_KINDS if kind not in OF_A_SITE]


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
    name = ending if ending.startswith("Zerto.") else f"Zerto.Zvm.Api.Interfaces.{ending}"
    return Draft202012Validator(plain(schemas[name], schemas))


def estates() -> list[Estate]:
    """Estates of every kind, each in another trouble."""
    clock = Clock()
    nyc, lon = pair(("nyc", 60), ("lon", 30), seed=4, clock=clock, cloud=True, local=True, incidents=False)
    for kind, vpg in zip(OF_VPGS, nyc.vpgs(), strict=False):
        nyc.start_incident(kind, vpg["VpgName"])
    clock.now += 600
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
    ("/v1/localsite", "Sites.LocalSiteApi", {"siteIdentifier"}),
    ("/v1/localsite/settings/loginBanner", "Sites.LoginBannerSettingsApi", set()),
    ("/v1/peersites", "Sites.PeerSiteApi", {"siteIdentifier"}),
    ("/v1/peersites/{id}", "Sites.PeerSiteApi", {"siteIdentifier"}),
    ("/v1/vras", "Vras.VraApi", {"vraIdentifierStr", "ipAddress"}),
    ("/v1/vras/{id}", "Vras.VraApi", {"vraIdentifierStr", "ipAddress"}),
    ("/v1/alerts", "Alerts.AlertApi", set()),
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
    ("/v1/datastores", "Datastores.DatastoreApi", set()),
    ("/v1/datastores/{id}", "Datastores.DatastoreApi", set()),
    ("/v1/virtualizationsites", "VirtualizationSites.VirtualizationSiteApi", set()),
    ("/v1/virtualizationsites/{id}", "VirtualizationSites.VirtualizationSiteApi", set()),
    ("/v1/virtualizationsites/{id}/vms", "VirtualizationSites.VmNativeApi", set()),
    ("/v1/virtualizationsites/{id}/hosts", "VirtualizationSites.HostNativeApi", set()),
    ("/v1/virtualizationsites/{id}/hostclusters", "VirtualizationSites.HostClusterNativeApi", set()),
    ("/v1/virtualizationsites/{id}/datastores", "VirtualizationSites.DatastoreNativeApi", set()),
    ("/v1/virtualizationsites/{id}/datastoreclusters", "VirtualizationSites.DatastoreClusterNativeApi", set()),
    ("/v1/virtualizationsites/{id}/networks", "VirtualizationSites.NetworkNativeApi", set()),
    ("/v1/virtualizationsites/{id}/folders", "VirtualizationSites.FolderNativeApi", set()),
    ("/v1/virtualizationsites/{id}/resourcepools", "VirtualizationSites.ResourcePoolNativeApi", set()),
    ("/v1/virtualizationsites/{id}/devices", "VirtualizationSites.DeviceDataApi", set()),
    ("/v1/statistics/vms", "Statistics.VmStatisticsApi", set()),
    *(
        (f"/v1/encryptionDetection/{path}", f"Zerto.RansomwareDetection.Contracts.{kind}", set())
        for path, kind in (
            ("state", "SettingsApi"),
            ("metrics/vms", "MetricsVmApi"),
            ("metrics/vpgs", "MetricsVpgApi"),
            ("metrics/volumes", "MetricsVolumeApi"),
            ("suspected/vms", "SuspectedVmApi"),
            ("suspected/vpgs", "SuspectedVpgApi"),
            ("suspected/volumes", "SuspectedVolumeApi"),
        )
    ),
    ("/v1/volumes", "Volumes.VolumeApi", set()),
    ("/v1/vpgs/{id}/checkpoints/stats", "Vpgs.VpgCheckpointsStatsApi", set()),
    ("/v1/ltr/health/vpgs", "LTR.Health.VpgsLtrHealthApi", set()),
    ("/v1/ltr/repositories", "LTR.Repositories.RepositoriesSettingsApi", set()),
    ("/v1/flrs", "Flr.FlrSessionInformationApi", set()),
    ("/v1/serviceprofiles", "ServiceProfiles.ServiceProfileApi", {"serviceProfileIdentifier"}),
    ("/v1/serviceprofiles/{id}", "ServiceProfiles.ServiceProfileApi", {"serviceProfileIdentifier"}),
    ("/v1/zorgs", "Zorgs.ZorgApi", {"zorgIdentifier"}),
    ("/v1/zorgs/{id}", "Zorgs.ZorgApi", {"zorgIdentifier"}),
]
# What is asked for by an identifier of the list before it, and the field that this has there.
BY_ID = {
    "/v1/vpgs": "VpgIdentifier",
    "/v1/vms": "VmIdentifier",
    "/v1/peersites": "SiteIdentifier",
    "/v1/vras": "VraIdentifierStr",
    "/v1/datastores": "DatastoreIdentifier",
    "/v1/virtualizationsites": "SiteIdentifier",
    "/v1/serviceprofiles": "ServiceProfileIdentifier",
    "/v1/zorgs": "ZorgIdentifier",
}


async def answered(estate: Estate, path: str) -> list[Any]:
    """The documents at *path*; of one with an {id}, those of all objects that there are."""
    api = Api(estate, "appliance")

    async def one(path: str) -> list[Any]:
        answer = await api.answer(path, {}, JSON, None)
        assert answer.status == 200, answer.body
        documents = msgspec.json.decode(answer.body)
        return documents if isinstance(documents, list) else [documents]

    listed = path.partition("/{id}")[0]
    objects = await one(listed) if listed != path else []
    if objects and listed == "/v1/vms":  # in one VPG: each of a local one, which have most points in time, and another
        objects = objects[4:]
        local = [vm for vm in objects if vm["RecoverySite"] == vm["ProtectedSite"]]
        objects = [*local, *[vm for vm in objects if vm not in local][:1]]
    paths = [path] if listed == path else [path.format(id=of[BY_ID[listed]]) for of in objects]
    return [document for path in paths for document in await one(path)]


@pytest.mark.parametrize(("path", "kind", "others"), RESOURCES)
async def test_documents_are_as_the_vendor_says(
    openapi: dict[str, Any], path: str, kind: str, others: set[str]
) -> None:
    checked = validator(openapi, kind)
    count = 0
    for estate in estates():
        documents = camel_case(await answered(estate, path), keep_identity=True)
        count += len(documents)
        for document in documents[:: max(1, len(documents) // MOST)]:
            checked.validate({key: value for key, value in document.items() if key not in others})
    assert count


def bare(path: str) -> str:
    """A path template without the names of its identifiers."""
    return re.sub(r"{\w+}", "{id}", path).lower()


def test_every_read_only_path_of_the_document_is_answered_or_refused_with_a_reason(openapi: dict[str, Any]) -> None:
    documented = {bare(path) for path, methods in openapi["paths"].items() if "get" in methods}
    answered, refused = {bare(route.path) for route in ALL_ROUTES}, {bare(path) for path in UNANSWERED}
    assert answered | refused <= documented
    assert answered.isdisjoint(refused)
    assert documented - answered - refused == set()


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
        ("/v1/peersites", set()),
        ("/v1/alerts", set()),
        ("/v1/volumes", set()),
        ("/v1/tasks", {"startedbeforedate", "startedafterdate", "completedbeforedate", "completedafterdate"}),
        ("/v1/events", {"startdate", "enddate"}),
    ],
)
def test_every_parameter_of_the_document_is_known(openapi: dict[str, Any], path: str, others: set[str]) -> None:
    documented = {parameter["name"].lower() for parameter in openapi["paths"][path]["get"]["parameters"]}
    assert documented == route_of(path)[0].filters.keys() | others
