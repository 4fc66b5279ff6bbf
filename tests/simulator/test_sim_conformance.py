"""The appliance's documents against the vendor's OpenAPI document, which is not part of the repository."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from simulator_serving import NOON, Clock

from exporter.simulator import INCIDENT_KINDS, Estate, pair
from exporter.simulator.api.registry import route_of
from exporter.simulator.faults.mutations import camel_case

DOCUMENT = Path(__file__).parents[3] / "shared" / "zvm-openapi-10.0u6.json"
REFERENCE = "#/components/schemas/"

# Real servers answer these fields; the vendor's document leaves them out.
NOT_IN_THE_DOCUMENT = {
    "vmIdentifier",
    "vpgIdentifier",
    "sourceSite",
    "targetSite",
}
VPG_NOT_IN_THE_DOCUMENT = NOT_IN_THE_DOCUMENT | {
    "organizationName",
    "serviceProfileIdentifier",
    "serviceProfileName",
}


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
    for kind, vpg in zip(INCIDENT_KINDS, nyc.vpgs(), strict=False):
        nyc.start_incident(kind, vpg["VpgName"])
    return [nyc, lon, *(Estate("nyc", 50, 1, Clock(NOON + 600 * n)) for n in range(3))]


def test_vms_are_as_the_document_says(openapi: dict[str, Any]) -> None:
    checked = validator(openapi, "Vms.VmApi")
    for estate in estates():
        for row in camel_case(estate.vms(), keep_identity=True):
            checked.validate({key: value for key, value in row.items() if key not in NOT_IN_THE_DOCUMENT})


def test_vpgs_are_as_the_document_says(openapi: dict[str, Any]) -> None:
    checked = validator(openapi, "Vpgs.VpgApi")
    for estate in estates():
        for vpg in camel_case(estate.vpgs(), keep_identity=True):
            checked.validate({key: value for key, value in vpg.items() if key not in VPG_NOT_IN_THE_DOCUMENT})


@pytest.mark.parametrize(
    ("path", "others"), [("/v1/vms", {"includebackupedvms", "includemountedvms"}), ("/v1/vpgs", set())]
)
def test_every_parameter_of_the_document_is_known(openapi: dict[str, Any], path: str, others: set[str]) -> None:
    documented = {parameter["name"].lower() for parameter in openapi["paths"][path]["get"]["parameters"]}
    assert documented == route_of(path)[0].filters.keys() | others
