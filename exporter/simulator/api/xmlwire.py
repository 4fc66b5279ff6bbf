"""Documents as the XML that a ZVM answers when it is asked for.

Known from published answers for VPGs; the page for VMs was not seen and is written by analogy: root ArrayOf<Type>, one
namespace, nulls as i:nil, enumerations by name, IOPS where JSON says IOPs, names encoded where XML forbids them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from exporter.simulator.api.codes import ENUM_FIELDS, Enums, name_of

NAMESPACE: Final = "http://schemas.zerto.com/zvm/api"
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_ARRAYS: Final = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"

_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9_.-]")
# XML 1.0 has no way to write these, not even escaped.
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Fields:
    """What JSON does not say of the fields of a kind, and XML or a fault has to know; by default those of VMs and VPGs.

    `enums`: which field, at any depth, holds a code of which enumeration; `elements`: what an element of the list in a
    field is called in XML; `identity`: the fields without which nobody knows what a record is about.
    """

    enums: Enums = field(default_factory=lambda: ENUM_FIELDS)
    elements: Mapping[str, str] = field(default_factory=dict)
    identity: frozenset[str] = frozenset({"VmIdentifier", "VpgIdentifier"})


def array_of(kind: str, documents: list[Any], fields: Fields | None = None) -> bytes:
    """A whole answer of the list kind, such as ArrayOfVmApi."""
    inner = "".join(_element(kind, document, fields or Fields()) for document in documents)
    return _root(f"ArrayOf{kind}", inner)


def single(kind: str, document: Any, fields: Fields | None = None) -> bytes:
    """A whole answer of one document."""
    return _root(kind, _content("", document, fields or Fields()))


def strings(values: Sequence[str]) -> bytes:
    """A whole answer of bare strings, as the lists of an enumeration's names are."""
    inner = "".join(f"<string>{_text(value)}</string>" for value in values)
    return f'<ArrayOfstring xmlns="{_ARRAYS}" xmlns:i="{_INSTANCE}">{inner}</ArrayOfstring>'.encode()


def _root(name: str, inner: str) -> bytes:
    return f'<{name} xmlns="{NAMESPACE}" xmlns:i="{_INSTANCE}">{inner}</{name}>'.encode()


def _element(key: str, value: Any, fields: Fields) -> str:
    name = "IOPS" if key == "IOPs" else _UNNAMEABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", key)
    if value is None:
        return f'<{name} i:nil="true"/>'
    if key == "IpAddresses" and isinstance(value, list):
        inner = "".join(f"<a:string>{_text(item)}</a:string>" for item in value)
        return f'<{name} xmlns:a="{_ARRAYS}">{inner}</{name}>'
    return f"<{name}>{_content(key, value, fields)}</{name}>"


def _content(key: str, value: Any, fields: Fields) -> str:
    if isinstance(value, Mapping):
        return "".join(_element(str(inner), item, fields) for inner, item in value.items())
    if isinstance(value, list):
        return "".join(_element(fields.elements.get(key, "anyType"), item, fields) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and key in fields.enums:
        return name_of(fields.enums[key], value)
    return _text(value)


def _text(value: Any) -> str:
    # A bare carriage return would come back as a line feed.
    return escape(_UNWRITABLE.sub("\ufffd", str(value))).replace("\r", "&#xD;")
