"""The configuration's structs: every key with its type and default."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from exporter import collectors
from exporter.zvm.settings import DEFAULT_ANSWERS, Settings

COLLECTORS: Final = tuple(collector.name for collector in collectors.ALL)


class Metrics(Struct, frozen=True, forbid_unknown_fields=True):
    """Which metrics are published, by regular expressions that match a whole name; none in `allow` allows all."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class Selection(Struct, frozen=True, forbid_unknown_fields=True):
    """Which records of a collector are published, by regular expressions that match a whole value.

    One that is published matches, for each key of `include`, one of its expressions, and none of `exclude`.
    """

    include: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Zvm(Settings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ZVM: how to reach it (Settings), what to ask it for and what to call it. Times in seconds."""

    stale_after: float | None = None
    collectors: tuple[str, ...] = COLLECTORS
    filters: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    max_series: int | None = None
    metrics: Metrics = field(default_factory=Metrics)
    vms: Selection = field(default_factory=Selection)
    vpgs: Selection = field(default_factory=Selection)

    @property
    def served_for(self) -> float:
        """Seconds for which the samples of a good poll are served."""
        return self.stale_after if self.stale_after is not None else max(3 * self.interval, 120.0)

    @property
    def insecure(self) -> str:
        """Why somebody between us and the ZVM could read the credential, "" where nobody can."""
        if urlsplit(self.url).scheme == "http":
            return "no TLS"
        return "tls.insecure_skip_verify" if self.tls.insecure_skip_verify else ""

    @property
    def loopback(self) -> bool:
        """Whether the ZVM is on this machine, so that there is nobody between."""
        return urlsplit(self.url).hostname in {"localhost", "127.0.0.1", "::1"}


class Config(Struct, frozen=True):
    """The configuration in force.

    `max_answers` bounds how many answers of ZVMs are read and converted at the same time.
    """

    zvms: tuple[Zvm, ...]
    max_answers: int = DEFAULT_ANSWERS
