"""The landing page as a browser reads it: what is in its tables and in its head."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import html5lib


def parsed(page: str) -> Element:
    """Return the document; whatever the standard calls an error in it fails here."""
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert isinstance(document, Element)
    return document


def words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def cells(page: str, table: str = "zvms") -> list[list[str]]:
    """Return the words of a *table*, row by row, without those of plots; nothing where it is not there."""
    document = parsed(page)
    for parent in list(document.iter()):
        for svg in [child for child in parent if child.tag.endswith("svg")]:
            svg.clear()
    found = [one for one in document.iter("table") if one.get("class") == table]
    return [[words(cell) for cell in row] for one in found for row in list(one.iter("tr"))[1:]]


def head(page: str) -> dict[str, str]:
    """Return what the head of the page sums up."""
    (found,) = parsed(page).iter("dl")
    return {words(group[0]): " ".join(words(one) for one in group[1:]) for group in found}
