"""The query parameters of GET /v1/vms and GET /v1/vpgs.

Names in any case; enumerations by number or by name in any case; other values in any case; a parameter that is not
known is ignored without a word, as real servers do. What a real server does with a value of no sense is not
documented; here it is an error.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from exporter.simulator.api.codes import ENTITY_TYPES, PRIORITIES, STATUSES, SUBSTATUSES, code_of
from exporter.simulator.api.documents import Document, Row

_Test = Callable[[Document], bool]
_Filter = Callable[[str], _Test]


class BadFilterError(ValueError):
    """A parameter's value means nothing."""


def _text(*path: str) -> _Filter:
    def build(value: str) -> _Test:
        wanted = value.lower()
        return lambda document: str(_at(document, path)).lower() == wanted

    return build


def _code(names: tuple[str, ...], *path: str) -> _Filter:
    def build(value: str) -> _Test:
        wanted = code_of(names, value)
        return lambda document: bool(_at(document, path) == wanted)

    return build


def _flag(key: str) -> _Filter:
    def build(value: str) -> _Test:
        wanted = boolean(value)
        return lambda document: bool(document[key]) is wanted

    return build


def _either(first: _Filter, second: _Filter) -> _Filter:
    def build(value: str) -> _Test:
        one, other = first(value), second(value)
        return lambda document: one(document) or other(document)

    return build


def _at(document: Document, path: tuple[str, ...]) -> Any:
    found: Any = document
    for key in path:
        found = found[key] if found is not None else None
    return found


_SHARED: Final[dict[str, _Filter]] = {
    "status": _code(STATUSES, "Status"),
    "substatus": _code(SUBSTATUSES, "SubStatus"),
    "priority": _code(PRIORITIES, "Priority"),
    "organizationname": _text("OrganizationName"),
    "protectedsitetype": _code(ENTITY_TYPES, "Entities", "Protected"),
    "recoverysitetype": _code(ENTITY_TYPES, "Entities", "Recovery"),
    "protectedsiteidentifier": _text("ProtectedSite", "identifier"),
    "recoverysiteidentifier": _text("RecoverySite", "identifier"),
    "sourcetype": _code(ENTITY_TYPES, "Entities", "Protected"),
    "targettype": _code(ENTITY_TYPES, "Entities", "Recovery"),
    # The old names took a site's name; the document sends their readers to the identifiers. Either is found.
    "sourcesite": _either(_text("ProtectedSite", "identifier"), _text("SourceSite")),
    "targetsite": _either(_text("RecoverySite", "identifier"), _text("TargetSite")),
}
_VMS: Final = _SHARED | {
    "vpgname": _text("VpgName"),
    "vmname": _text("VmName"),
    "vmidentifier": _text("VmIdentifier"),
}
_VPGS: Final = _SHARED | {
    "name": _text("VpgName"),
    "zorgidentifier": _text("Zorg", "identifier"),
    "serviceprofileidentifier": _text("ServiceProfile", "identifier"),
    "backupenabled": _flag("BackupEnabled"),
}

VM_PARAMETERS: Final = frozenset(_VMS) | {"includebackupedvms", "includemountedvms"}
"""The parameters of GET /v1/vms, in lower case."""

VPG_PARAMETERS: Final = frozenset(_VPGS)
"""The parameters of GET /v1/vpgs, in lower case."""


def boolean(value: str) -> bool:
    """Read true or false, in any case.

    Raises:
        BadFilterError: anything else.
    """
    match value.strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise BadFilterError(f"'{value}' is neither true nor false")


def filter_vms(rows: list[Row], query: Mapping[str, str]) -> list[Document]:
    """The documents that GET /v1/vms answers to a query.

    Backup VMs only on request, mounted ones unless declined. Raises BadFilterError.
    """
    asked = {name.lower(): value for name, value in query.items()}
    backups = boolean(asked.get("includebackupedvms", "false"))
    mounted = boolean(asked.get("includemountedvms", "true"))
    documents = [row.document for row in rows if (backups or not row.backup) and (mounted or not row.mounted)]
    return _filtered(documents, asked, _VMS)


def filter_vpgs(documents: list[Document], query: Mapping[str, str]) -> list[Document]:
    """The documents that GET /v1/vpgs answers to a query. Raises BadFilterError."""
    return _filtered(documents, {name.lower(): value for name, value in query.items()}, _VPGS)


def _filtered(documents: list[Document], asked: Mapping[str, str], known: Mapping[str, _Filter]) -> list[Document]:
    for name, value in asked.items():
        # A parameter without a value filters nothing.
        if name not in known or not value:
            continue
        try:
            passes = known[name](value)
        except BadFilterError:
            raise
        except ValueError as problem:
            raise BadFilterError(f"'{value}' is not a value of {name}") from problem
        documents = [document for document in documents if passes(document)]
    return documents
