"""XML answers (`ArrayOfVmApi`, `LicenseApi`) to the objects that the same answers in JSON would give.

Parsed by defusedxml: an answer with an entity or a DTD is refused, not expanded. No more than one record is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from exporter.zvm.decode.json_array import LONGEST, Buffer
from exporter.zvm.decode.layout import Layout
from exporter.zvm.decode.terms import Terms
from exporter.zvm.errors import DecodeError

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def is_xml(body: Buffer, content_type: str) -> bool:
    """Tell whether *body* is XML: by its first character, as a wrong content type must not cost a poll."""
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n")  # a byte order mark is no content either
    html = "html" in content_type.lower() or b"<html" in start.lower() or b"<!doctype html" in start.lower()
    return start[:1] == b"<" and not html


def parse_xml(body: Buffer, quote: str, terms: Terms, layout: Layout) -> Iterator[Any]:
    """Yield the records of a document, on *terms*: dicts by local name, None for `i:nil`, else text.

    Its root is an `ArrayOf...`, or it has the records in an element that *layout* names.

    Raises:
        DecodeError: no XML, an entity, a root that is no array, or too long a record; the text quotes *quote*.
    """
    yield from _guarded(body, quote, terms, partial(_records, key=layout.key.casefold()))


def parse_xml_one(body: Buffer, quote: str, terms: Terms) -> Any:
    """Return what a document holds as a whole, as a record of `parse_xml`; raises as that."""
    return next(_guarded(body, quote, terms, _root))


def _guarded(body: Buffer, quote: str, terms: Terms, read: Callable[[_Source, str], Iterator[Any]]) -> Iterator[Any]:
    source = _Source(body, quote, terms)
    try:
        yield from read(source, quote)
    except ParseError as error:
        raise DecodeError(f"expected JSON or XML: {error}: got {quote}") from error
    except DefusedXmlException as error:
        raise DecodeError(f"refused XML with a DTD or an entity: got {quote}") from error
    except (LookupError, ValueError) as error:  # an encoding that expat does not have
        raise DecodeError(f"expected XML in UTF-8: {error}: got {quote}") from error
    except RecursionError as error:
        raise DecodeError(f"expected records, got XML that is nested too deep: {quote}") from error
    finally:
        source.leave()  # iterparse is a circle of references, which would keep the answer for a while


class _Source:
    """Gives *body* to the parser in pieces, as long as it finds records in it."""

    def __init__(self, body: Buffer, quote: str, terms: Terms) -> None:
        self._body = body
        self._terms = terms
        self._quote = quote
        self._given = 0
        self._found = 0

    def read(self, size: int = LONGEST, /) -> bytes:
        if self._given - self._found > LONGEST:
            raise DecodeError(f"expected records of at most {LONGEST} bytes, got XML with a longer one: {self._quote}")
        piece = bytes(self._body[self._given : self._given + size])
        self._given += len(piece)
        self._terms.reached(self._given)
        return piece

    def leave(self) -> None:
        """Keep nothing."""
        self._body = b""

    def found(self) -> None:
        """Take note that a record has ended."""
        self._found = self._given


def _records(source: _Source, quote: str, key: str) -> Iterator[Any]:
    """Yield the elements of the root, or of that element of it that is called *key*, case-folded."""
    opened: list[Element] = []
    holder: Element | None = None  # of the records
    for event, element in iterparse(source, ("start", "end"), forbid_dtd=True):
        if event == "start":
            opened.append(element)
            if holder is None and _holds(opened, key, quote):
                holder = element
            continue
        opened.pop()
        if opened and opened[-1] is holder:
            yield _value(element)
        if 1 <= len(opened) <= (1 if opened[0] is holder else 2):
            source.found()
            opened[-1].clear()
    if holder is None:
        raise DecodeError(f"expected an XML document ArrayOf..., or one with {key!r} in it, got {quote}")


def _holds(opened: list[Element], key: str, quote: str) -> bool:
    """Tell whether the last of the *opened* elements is the one that has the records in it."""
    if len(opened) == 1 and _local(opened[0].tag).startswith("ArrayOf"):
        return True
    if not key:
        raise DecodeError(f"expected an XML document ArrayOf..., got {quote}")
    return len(opened) == 2 and _local(opened[1].tag).casefold() == key


def _root(source: _Source, quote: str) -> Iterator[Any]:
    """Yield the root."""
    for _, element in iterparse(source, forbid_dtd=True):
        root = element
    if _local(root.tag).startswith("ArrayOf"):
        raise DecodeError(f"expected an XML document with one object, got {quote}")
    yield _value(root)


def _value(element: Element) -> Any:
    if element.get(_NIL) in {"true", "1"}:
        return None
    if len(element) == 0:
        return element.text or ""
    value: dict[str, Any] = {}
    for child in element:
        name = _local(child.tag)
        if name in value:
            if not isinstance(value[name], list):
                value[name] = [value[name]]
            value[name].append(_value(child))
        else:
            value[name] = _value(child)
    return value


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
