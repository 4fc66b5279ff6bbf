"""What documents of several resources have in common: links, dates, the address and the versions of a ZVM.

Members of link objects are in lower case, as real servers send them.
"""

from datetime import UTC, datetime

from exporter.simulator.api.routes import Document
from exporter.simulator.estate.inventory import Site


def address(site: Site) -> str:
    """The base URL that a site's ZVM believes to have; links begin with it, and it leads nowhere."""
    return f"https://10.{int(site.identifier[:2], 16)}.0.20"


def iso(second: float | None) -> str | None:
    """A unix second as ISO 8601 UTC with milliseconds."""
    if second is None:
        return None
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def site_link(site: Site, here: Site) -> Document:
    """A link to a site; its type tells whether it is the site of the ZVM that answers."""
    local = site.identifier == here.identifier
    return {
        "rel": None,
        "href": f"{address(here)}/v1/{'localsite' if local else f'peersites/{site.identifier}'}",
        "type": "LocalSiteApi" if local else "PeerSiteApi",
        "identifier": site.identifier,
    }


def link(href: str | None, kind: str, identifier: str) -> Document:
    """A link to what `identifier` names."""
    return {"rel": None, "href": href, "type": kind, "identifier": identifier}


def legacy_href(href: str) -> str:
    """The link as a Windows ZVM writes it."""
    return href.replace("/v1/", ":9669/v1/", 1)


def legacy_links(document: Document) -> Document:
    """A document with a link as a Windows ZVM answers it, with its second link."""
    found = document["Link"]
    href = legacy_href(found["href"])
    return document | {
        "Link": found | {"href": href},
        "Link_{0}": {"href": href, "rel": "self", "type": found["type"]},
    }


def legacy_date(text: str | None, vpg_identifier: str) -> str | None:
    """Both syntaxes are to be met in the answers of one Windows server, so the VPG decides."""
    if text is None or int(vpg_identifier[-1], 16) % 2:
        return text
    milliseconds = int(datetime.fromisoformat(text).timestamp() * 1000)
    return f"/Date({milliseconds}+0000)/"


def version(*, appliance: bool) -> str:
    """The version of the ZVM and of its VRAs."""
    return "10.0.60" if appliance else "9.7.20"
