"""What a real Alertmanager, as we ship it, sends for the alerts of a storyline.

    messages = await delivered(firing, folder)

It has no clock to drive: a minute of the storyline is a quarter of a second here. group_wait, group_interval and
repeat_interval are as much shorter in the copy of its configuration that it runs with. All else is as it is shipped.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from aiohttp import web
from alertmanager import CONFIG, receiving, running, sending_to, written

MINUTE_SECONDS: Final = 0.25
_AFTERWARDS_MINUTES: Final = 12  # two group_intervals, in which what is left is sent
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_TIMES: Final = ("group_wait", "group_interval", "repeat_interval")

Labels = dict[str, str]


@dataclass(frozen=True)
class Message:
    """One call of a receiver: of alerts of one group, `firing` as long as one of them is."""

    receiver: str
    status: str
    group: Labels
    alerts: tuple[Labels, ...]

    def __str__(self) -> str:
        return f"{self.status} to {self.receiver}: {len(self.alerts)} of {self.group}"


@dataclass
class Receivers:
    """Where all receivers of a configuration are, by their names in the path."""

    messages: list[Message] = field(default_factory=list)

    async def called(self, request: web.Request) -> web.Response:
        """Take a message."""
        told = await request.json()
        alerts = tuple(alert["labels"] for alert in told["alerts"])
        self.messages.append(Message(request.match_info["name"], told["status"], told["groupLabels"], alerts))
        return web.Response()


def uncommented(text: str) -> str:
    """Return the configuration *text* with its examples taken in: their lines begin with `#` and no blank, or two."""
    return re.sub(r"^( *)#(?=- |  )", r"\1", text, flags=re.MULTILINE)


def hurried(text: str, url: str) -> dict[str, Any]:
    """Return the configuration *text* with shorter times, and its receivers at *url*."""
    config = sending_to(lambda name: f"{url}/{name}", yaml.safe_load(text))
    _hurry(config["route"], MINUTE_SECONDS / 60)
    return config


async def delivered(
    firing: Sequence[Sequence[Labels]], folder: Path, text: str | None = None, afterwards: int = _AFTERWARDS_MINUTES
) -> list[Message]:
    """Return what is sent for alerts that fire at each minute, and in so many minutes *afterwards*."""
    receivers = Receivers()
    async with receiving("/{name}", receivers.called) as url, aiohttp.ClientSession() as client:
        with running(folder, written(folder, hurried(text or CONFIG.read_text(), url))) as address:
            await _told(client, f"http://{address}/api/v2/alerts", firing)
            await asyncio.sleep(afterwards * MINUTE_SECONDS)
    return receivers.messages


async def _told(client: aiohttp.ClientSession, api: str, firing: Sequence[Sequence[Labels]]) -> None:
    """Tell what fires at each minute, and what does no longer."""
    began: dict[tuple[tuple[str, str], ...], datetime] = {}
    start = asyncio.get_running_loop().time()
    for minute, labels in enumerate(firing):
        # Alertmanager goes by the clock of the machine.
        await asyncio.sleep(start + minute * MINUTE_SECONDS - asyncio.get_running_loop().time())
        now = datetime.now(UTC)
        holding = {tuple(sorted(one.items())) for one in labels}
        told = [(one, began.setdefault(one, now), now + timedelta(days=1)) for one in sorted(holding)]
        told += [(one, began.pop(one), now) for one in sorted(began.keys() - holding)]
        await _post(client, api, told)


async def _post(client: aiohttp.ClientSession, api: str, told: list[tuple[Any, datetime, datetime]]) -> None:
    alerts = [
        {"labels": dict(labels), "startsAt": start.isoformat(), "endsAt": end.isoformat()}
        for labels, start, end in told
    ]
    async with client.post(api, json=alerts) as answer:
        assert answer.status == 200, await answer.text()


def _hurry(route: dict[str, Any], factor: float) -> None:
    """Shorten the times of *route* and of those below it."""
    for name in _TIMES:
        if name in route:
            number, unit = int(route[name][:-1]), route[name][-1]
            route[name] = f"{max(1, round(number * _UNITS[unit] * factor * 1000))}ms"
    for one in route.get("routes", []):
        _hurry(one, factor)
