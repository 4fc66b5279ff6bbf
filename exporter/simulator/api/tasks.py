"""GET /v1/tasks, /v1/tasks/{id} and the names of their types."""

from typing import Final

from exporter.simulator.api.dates import bounds
from exporter.simulator.api.filters import code, text
from exporter.simulator.api.links import address, iso, legacy_date, legacy_href, link, site_link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route, names
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import Site
from exporter.simulator.estate.tasks import Kind, Task

STATES: Final = (
    "FirstUnusedValue",
    "InProgress",
    "WaitingForUserInput",
    "Paused",
    "Failed",
    "Stopped",
    "Completed",
    "Cancelling",
)
# Some that this ZVM never begins; the order means nothing, since tasks have their type by name.
_TYPES: Final = (
    "CreateProtectionGroup",
    "RemoveProtectionGroup",
    *(kind.value for kind in Kind),
    "InstallVra",
    "UninstallVra",
    "UpdateProtectionGroup",
    "Pair",
    "Unpair",
    "Clone",
    "UpgradeVRA",
)
_KEPT: Final = 30 * 86400


def _listed(asked: Asked) -> list[Document]:
    began = bounds(asked.query, "startedafterdate", "startedbeforedate")
    ended = bounds(asked.query, "completedafterdate", "completedbeforedate")
    return [
        _task(task, site, asked)
        for task, site in _known(asked, asked.second - _KEPT if began[0] is None else began[0])
        if _within(task.start, began) and (ended == (None, None) or _within(_completed(task, asked.second), ended))
    ]


def _one(asked: Asked) -> Document:
    wanted = asked.ids["id"].lower()
    for task, site in _known(asked, asked.second - _KEPT):
        if wanted in (task.identifier, f"{task.identifier}.{site.identifier}"):
            return _task(task, site, asked)
    raise ApiError(404, f"Exception occurred in API: no task '{asked.ids['id']}'.")


def _known(asked: Asked, since: float) -> list[tuple[Task, Site]]:
    """The tasks of a ZVM, the newest first, with the site that each is one of."""
    concerned = asked.site.concerned
    found = [
        (task, protection.site)
        for protection in asked.site.protections
        for task in protection.tasks(int(since), asked.second)
        if task.vpg in concerned
    ]
    return sorted(found, key=lambda row: (row[0].start, row[0].identifier), reverse=True)


def _within(when: int | None, ends: tuple[float | None, float | None]) -> bool:
    return when is not None and (ends[0] is None or when >= ends[0]) and (ends[1] is None or when <= ends[1])


def _completed(task: Task, second: int) -> int | None:
    return task.end if task.end <= second else None


def _task(task: Task, site: Site, asked: Asked) -> Document:
    here = asked.site.here
    base = address(here)
    identifier = task_identifier(task, site)
    over = task.end <= asked.second
    document = {
        "TaskIdentifier": identifier,
        "Link": link(f"{base}/v1/tasks/{identifier}", "TaskApi", identifier),
        "Type": task.kind.value,
        "Status": {"State": task.state(asked.second), "Progress": task.progress(asked.second)},
        "InitiatedBy": "System" if task.system else task.user,
        "Started": iso(task.start),
        "Completed": iso(task.end) if over else None,
        "CompleteReason": (task.failure or "") if over else None,
        "IsCancellable": False,
        "RelatedEntities": {
            "Vpgs": [link(f"{base}/v1/vpgs/{task.vpg}", "VpgApi", task.vpg)],
            "Sites": [site_link(site, here)],
            "Hosts": [],
            "FlrSessions": [],
        },
        "Generation": 2 if over else 1,
    }
    return document if asked.appliance else _legacy(document, task)


def task_identifier(task: Task, site: Site) -> str:
    """The identifier of a task as the API tells it."""
    return f"{task.identifier}.{site.identifier}"


def _legacy(document: Document, task: Task) -> Document:
    bare = {key: value for key, value in document.items() if key != "Generation"}
    href = legacy_href(document["Link"]["href"])
    return bare | {
        "Link": document["Link"] | {"href": href},
        "Link_{0}": {"href": href, "rel": "self", "type": "TaskApi"},
        "Started": legacy_date(document["Started"], task.vpg),
        "Completed": legacy_date(document["Completed"], task.vpg),
    }


_FIELDS: Final = Fields(
    enums={"State": STATES},
    elements=dict.fromkeys(("Vpgs", "Sites", "Hosts", "FlrSessions"), "ResourceLink"),
    identity=frozenset({"TaskIdentifier"}),
)
ROUTES: Final = (
    Route("/v1/tasks", "TaskApi", _listed, {"type": text("Type"), "status": code(STATES, "Status", "State")}, _FIELDS),
    Route("/v1/tasks/{id}", "TaskApi", _one, fields=_FIELDS),
    names("/v1/tasks/types", _TYPES),
)
