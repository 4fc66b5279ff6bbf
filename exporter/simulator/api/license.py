"""GET /v1/license: one object, with the key of the license in it, which is a secret."""

from typing import Final

from exporter.simulator.api.links import iso
from exporter.simulator.api.routes import Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.licensing import license_at


def _license(asked: Asked) -> Document:
    found = license_at(asked.site, asked.second)
    return {
        "Details": {
            "LicenseKey": found.key,
            "LicenseType": found.kind,
            "ExpiryTime": iso(found.expires),
            "MaxVms": found.max_vms,
        },
        "Usage": {
            "TotalVmsCount": sum(count for _, count in found.used),
            "SitesUsage": [
                {"SiteIdentifier": site.identifier, "SiteName": site.name, "ProtectedVmsCount": count}
                for site, count in found.used
            ],
        },
    }


ROUTES: Final = (
    Route("/v1/license", "LicenseApi", _license, fields=Fields(elements={"SitesUsage": "LicenseSiteUsageApi"})),
)
