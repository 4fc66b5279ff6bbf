"""What a broken, newer, older or hostile server makes of the documents of an answer.

Each takes the documents, which it may change, and gives what is to be encoded in their place; some take what there is
to know of the fields too, by default those of VMs and VPGs. They know nothing of HTTP. A record that is no document
any more (another fault was here first) is passed through.
"""

from collections.abc import Callable
from typing import Any, Final

from exporter.simulator.api.codes import name_of
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.faults.hostile import HOSTILE_NAMES

OF_VMS: Final = Fields()
_CAPITALS: Final = {"IOPs": "ioPs", "RTOInSeconds": "rtoInSeconds"}
_TELLING: Final = frozenset({"Link", "Link_{0}", "VmName", "VpgName"})
_UNKNOWN: Final = {
    "Status": 77,
    "SubStatus": 41,
    "Priority": 9,
    "AlertStatus": 9,
    "Protected": 99,
    "Recovery": 99,
    "Source": 99,
    "Target": 99,
    "LimitType": 7,
}
_BAD_VALUES: Final = {
    "ActualRPO": "N/A",
    "IOPs": {},
    "JournalHardLimit": "none",
    "JournalUsedStorageMb": True,
    "Status": [1],
    "LastTest": "yesterday",
    "IsVmExists": "maybe",
    "ConfiguredRpoSeconds": "N/A",
    "HistoryStatusApi": 5,
}


def wrong_shape(documents: list[Any]) -> Any:
    """An object where a list belongs."""
    return {"Value": documents, "Count": len(documents)}


def bad_records(documents: list[Any], fields: Fields = OF_VMS, *, count: int) -> Any:
    """So many records replaced, spread over the list, by a string, a number and a record without identity in turn."""
    count = min(count, len(documents))
    for turn in range(count):
        place = turn * len(documents) // count
        record = documents[place]
        nameless = _without(record, fields.identity | _TELLING)
        documents[place] = ("not a record", 42, nameless)[turn % 3]
    return documents


def bad_values(documents: list[Any], every: int) -> Any:
    """Fields of a wrong type in every nth record, beginning with the first."""
    for document in documents[::every]:
        if isinstance(document, dict):
            document.update({key: value for key, value in _BAD_VALUES.items() if key in document})
    return documents


def nulls(documents: list[Any], fields: Fields = OF_VMS) -> Any:
    """Every field null but the identity."""
    return [_each(document, lambda key, value: value if key in fields.identity else None) for document in documents]


def strings_for_numbers(value: Any) -> Any:
    """Numbers as text, at any depth."""
    if isinstance(value, list):
        return [strings_for_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: strings_for_numbers(item) for key, item in value.items()}
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def unknown_codes(documents: list[Any]) -> Any:
    """Codes that no document of the API lists (and substatus 41, which exists without a known name)."""
    return _deep(documents, lambda key, value: _UNKNOWN.get(key, value) if isinstance(value, int) else value)


def enum_names(documents: list[Any], fields: Fields = OF_VMS) -> Any:
    """Enumerations by name, as XML has them."""

    def named(key: str, value: Any) -> Any:
        return name_of(fields.enums[key], value) if key in fields.enums and isinstance(value, int) else value

    return _deep(documents, named)


def camel_case(documents: list[Any], fields: Fields = OF_VMS, *, keep_identity: bool) -> Any:
    """Keys as the vendor's OpenAPI document spells them; identity then only in the link, as there."""
    bare = documents if keep_identity else [_without(document, fields.identity) for document in documents]
    return _keys(bare, lambda key: _CAPITALS.get(key) or _lower(key))


def lower_first(documents: list[Any]) -> Any:
    """Keys with the first letter in lower case and nothing else changed."""
    return _keys(documents, _lower)


def duplicates(documents: list[Any]) -> Any:
    """Each record twice, one after the other."""
    return [document for document in documents for _ in range(2)]


def hostile_names(documents: list[Any]) -> Any:
    """Names of VMs in turn, and of VPGs, organizations, sites and hosts by what they were, from the hostile ones.

    Other records have each name so.
    """
    by_group: dict[Any, str] = {}
    for place, document in enumerate(documents):
        if not isinstance(document, dict):
            continue
        group = document.get("VpgIdentifier")
        name = by_group.setdefault(group, HOSTILE_NAMES[len(by_group) % len(HOSTILE_NAMES)])
        for key in document.keys() & {"VpgName", "OrganizationName", "RecoverySiteName", "TargetSite", "GuestOs"}:
            document[key] = name
        for key in document.keys() & {"VmName", "RecoveryHostName", "HardwareVersion"}:
            document[key] = HOSTILE_NAMES[place % len(HOSTILE_NAMES)]
        for key in () if "VpgIdentifier" in document else [key for key in document if key.endswith("Name")]:
            document[key] = HOSTILE_NAMES[place % len(HOSTILE_NAMES)]
    return documents


def _each(document: Any, change: Callable[[str, Any], Any]) -> Any:
    if not isinstance(document, dict):
        return document
    return {key: change(key, value) for key, value in document.items()}


def _deep(value: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, list):
        return [_deep(item, change) for item in value]
    if isinstance(value, dict):
        return {key: change(key, _deep(item, change)) for key, item in value.items()}
    return value


def _keys(value: Any, spell: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_keys(item, spell) for item in value]
    if isinstance(value, dict):
        return {spell(key): _keys(item, spell) for key, item in value.items()}
    return value


def _without(document: Any, keys: frozenset[str]) -> Any:
    if not isinstance(document, dict):
        return document
    return {key: value for key, value in document.items() if key not in keys}


def _lower(key: str) -> str:
    return key[:1].lower() + key[1:]
