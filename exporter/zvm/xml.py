"""XML answers (`Accept: application/xml`, `ArrayOfVmApi`) to the objects that their JSON twins would give.

Parsed by defusedxml: an answer with an entity or a DTD is refused, not expanded.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from exporter.zvm.errors import DecodeError

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def is_xml(body: bytes | bytearray, content_type: str) -> bool:
    """Tell whether *body* is XML: by its first character, as a wrong content type must not cost a poll."""
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n")  # a byte order mark is no content either
    html = "html" in content_type.lower() or b"<html" in start.lower() or b"<!doctype html" in start.lower()
    return start[:1] == b"<" and not html


def parse_xml(body: bytes | bytearray, said: str) -> list[Any]:
    """Return the records of an `ArrayOf...` document: dicts by local name, None for `i:nil`, else text.

    Raises:
        DecodeError: no XML, an entity, or a root that is no array; the text quotes *said*.
    """
    try:
        root = fromstring(bytes(body), forbid_dtd=True)
    except ParseError as error:
        raise DecodeError(f"expected JSON or XML: {error}: got {said}") from error
    except DefusedXmlException as error:
        raise DecodeError(f"refused XML with a DTD or an entity: got {said}") from error
    except (LookupError, ValueError) as error:  # an encoding that expat does not have
        raise DecodeError(f"expected XML in UTF-8: {error}: got {said}") from error
    if not _local(root.tag).startswith("ArrayOf"):
        raise DecodeError(f"expected an XML document ArrayOf..., got {said}")
    try:
        return [_value(record) for record in root]
    except RecursionError as error:
        raise DecodeError(f"expected records, got XML that is nested too deep: {said}") from error


def _value(element: Element) -> Any:
    if element.get(_NIL) in {"true", "1"}:
        return None
    if len(element) == 0:
        return element.text or ""
    value: dict[str, Any] = {}
    for child in element:
        name = _local(child.tag)
        if name in value:
            seen = value[name]
            value[name] = [*(seen if isinstance(seen, list) else [seen]), _value(child)]
        else:
            value[name] = _value(child)
    return value


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
