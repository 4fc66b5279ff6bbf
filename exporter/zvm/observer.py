"""Who is told of what a client does, to count it."""

from __future__ import annotations

from typing import Final, Protocol

LOGIN_OUTCOMES: Final = ("success", "refused", "failed")


class Observer(Protocol):
    """Is told of each request and login, to count them."""

    def request(self, zvm: str, endpoint: str, code: str, seconds: float) -> None:
        """A request ended: *code* is the HTTP status, or the reason for which there is none."""
        ...

    def login(self, zvm: str, outcome: str) -> None:
        """A login ended: *outcome* is one of LOGIN_OUTCOMES."""
        ...


class Reporter:
    """Passes on what happens with one ZVM until it is silenced."""

    def __init__(self, zvm: str, observer: Observer) -> None:
        self._zvm = zvm
        self._observer: Observer | None = observer

    def request(self, endpoint: str, code: str, seconds: float) -> None:
        """Tell of a request."""
        if self._observer is not None:
            self._observer.request(self._zvm, endpoint, code, seconds)

    def login(self, outcome: str) -> None:
        """Tell of a login."""
        if self._observer is not None:
            self._observer.login(self._zvm, outcome)

    def silence(self) -> None:
        """Tell nothing from now on: a farewell must not bring back label sets that were removed."""
        self._observer = None
