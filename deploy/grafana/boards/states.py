"""The names and colours of states. The names are those of the exporter."""

from __future__ import annotations

from typing import Final

from boards.parts import Names
from exporter.collectors.enums import STATUS, SUBSTATUS
from exporter.collectors.vras import STATUS as VRA_STATUS

TROUBLE: Final[Names] = {
    4: ("Promise broken", "red"),
    3: ("RPO unknown", "orange"),
    2: ("First sync", "purple"),
    1: ("In progress", "yellow"),
    0: ("Fine", "green"),
}
ALERTS: Final[Names] = {0: ("None", "green"), 1: ("Warning", "yellow"), 2: ("Error", "red")}
EXISTS: Final[Names] = {0: ("Missing", "red"), 1: ("Yes", "green")}
SCRAPED: Final[Names] = {0: ("Failed", "red"), 1: ("Yes", "green")}
ANSWERS: Final[Names] = {0: ("Down", "red"), 1: ("Partly", "orange"), 2: ("Up", "green")}
# Of how many: each number has a word, and more than these are told as numbers.
FAILING: Final[Names] = {
    0: ("None", "green"),
    1: ("1 ZVM", "orange"),
    **{n: (f"{n} ZVMs", "dark-orange") for n in range(2, 10)},
}
SUCCEEDED: Final[Names] = {0: ("Failed", "red"), 1: ("Succeeded", "green")}
READINGS: Final[Names] = {0: ("Refused", "red"), 1: ("Accepted", "transparent")}
RUNS: Final[Names] = {0: ("No", "blue"), 1: ("Running", "purple")}

_FINE: Final = {"MeetingSLA", "None"}
_BAD: Final = (
    "NotMeetingSLA",
    "Error",
    "Disconnected",
    "Missing",
    "Failure",
    "NeedsConfiguration",
    "Paused",
    "RecoveryPossible",
)


def _colour(name: str) -> str:
    if name in _FINE:
        return "green"
    return "red" if any(part in name for part in _BAD) else "blue" if "Sync" in name else "yellow"


# Which of the two is missed is for the ZVM's own list of names to say: it is in the labels, not in the code.
_EITHER: Final[Names] = dict.fromkeys((3, 4), ("RPO or history not met", "red"))

STATUSES: Final[Names] = {
    **{code: (STATUS.name(code), _colour(STATUS.name(code))) for code in STATUS.codes},
    **_EITHER,
}
SUBSTATUSES: Final[Names] = {code: (SUBSTATUS.name(code), _colour(SUBSTATUS.name(code))) for code in SUBSTATUS.codes}
# In tables a state is a label: only what is bad has a colour there.
NAMES_OF_STATUS: Final[Names] = {
    name: (name, "red") for name in map(STATUS.name, STATUS.codes) if _colour(name) == "red"
}
NAMES_OF_SUBSTATUS: Final[Names] = {
    name: (name, "red") for name in map(SUBSTATUS.name, SUBSTATUS.codes) if _colour(name) == "red"
}
# Where states are counted by name, side by side: those that miss the SLA are told apart.
COLOR_OF_STATUS: Final = {
    **{STATUS.name(code): _colour(STATUS.name(code)) for code in STATUS.codes},
    "RpoNotMeetingSLA": "dark-red",
    "HistoryNotMeetingSLA": "light-red",
}
_VRA_WORKS: Final = ("Installed", "Installing", "Removing", "UpdatingIpSettings", "DuringChangeHost")
NAMES_OF_VRA_STATUS: Final[Names] = {
    name: (name, "yellow" if name == "HostInMaintenanceMode" else "red")
    for name in map(VRA_STATUS.name, VRA_STATUS.codes)
    if name not in _VRA_WORKS
}
COLOR_OF_VRA_STATUS: Final = {
    **{name: "green" if name == "Installed" else "blue" for name in _VRA_WORKS},
    **{str(name): color for name, (_, color) in NAMES_OF_VRA_STATUS.items()},
}
# Of a datastore and of what looks after it.
NAMES_OF_AVAILABILITY: Final[Names] = {
    "Maintenance": ("Maintenance", "yellow"),
    "EnteringMaintenance": ("EnteringMaintenance", "yellow"),
    "Unavailable": ("Unavailable", "red"),
}
NAMES_OF_HEALTH: Final[Names] = {"Warning": ("Warning", "yellow"), "Error": ("Error", "red")}


def in_cells(names: Names) -> Names:
    """Return *names* for the cells of a table, of which only those in trouble have a colour."""
    return {code: (text, "transparent" if color == "green" else color) for code, (text, color) in names.items()}
