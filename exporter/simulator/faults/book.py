"""Which fault holds for which path, and for how many requests more."""

from dataclasses import dataclass
from typing import Any

from exporter.simulator.faults import Fault


@dataclass(slots=True)
class Entry:
    """A fault that was set; `times` is how many requests it still has, None without end."""

    path: str
    fault: Fault
    times: int | None

    def spend(self) -> None:
        """One request is the fault's."""
        if self.times is not None:
            self.times -= 1

    def refund(self) -> None:
        """The fault did not act on the request after all."""
        if self.times is not None:
            self.times += 1

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "fault": self.fault.name, "args": dict(self.fault.args), "times": self.times}


class FaultBook:
    """The faults of a simulator, in the order in which they were set."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def set(self, path_prefix: str, fault: Fault, times: int | None = None) -> None:
        """From the next request on, for every path that begins so; takes the place of that prefix's faults."""
        self.clear(path_prefix)
        self.add(path_prefix, fault, times)

    def add(self, path_prefix: str, fault: Fault, times: int | None = None) -> None:
        """As `set`, but beside the faults that the prefix has."""
        self._entries.append(Entry(path_prefix.lower(), fault, times))

    def clear(self, path_prefix: str | None = None) -> None:
        """Take the faults of one prefix away, or all."""
        wanted = None if path_prefix is None else path_prefix.lower()
        self._entries = [entry for entry in self._entries if wanted is not None and entry.path != wanted]

    def take(self, path: str) -> list[Entry]:
        """The faults that act on a request to that path; each has one time less for it."""
        taken = [entry for entry in self.live() if path.lower().startswith(entry.path)]
        for entry in taken:
            entry.spend()
        return taken

    def live(self) -> list[Entry]:
        """The faults that have requests left."""
        return [entry for entry in self._entries if entry.times is None or entry.times > 0]
