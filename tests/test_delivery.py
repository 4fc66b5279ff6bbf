"""How many messages one cause sends, and to whom: the shipped rules, and a real Alertmanager as it is shipped."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from alertmanager import CONFIG
from delivery import Message, delivered, uncommented
from disasters import CALM, Cut, Vpg, played
from programs import amtool

MINUTES_AFTERWARDS = 60
CUT_OFF = {"alertname": "ZertoVpgInterrupted", "severity": "info", "scope": "site"}
SPOKES = [f"s{number:02}" for number in range(40)]
PAIR = [
    Vpg(
        f"vpg-{number}", *(("nyc", "lon") if number < 6 else ("lon", "nyc")), ("Acme", "Globex")[number % 2], 2 + number
    )
    for number in range(10)
]
HUB = [
    Vpg(f"{way[0]}-{spoke}", *way, f"Tenant {spoke}", 2 + number % 8)
    for number, spoke in enumerate(SPOKES)
    for way in (("hub", spoke), (spoke, "hub"))
]


def everything(_vpg: Vpg) -> bool:
    return True


def counted(messages: Sequence[Message]) -> Counter[str]:
    return Counter(message.status for message in messages)


async def sent(vpgs: list[Vpg], cut: Cut, minutes: int, folder: Path) -> list[Message]:
    firing = await asyncio.to_thread(played(vpgs, cut, cut.start + minutes).alerts)
    messages = await delivered(firing[cut.start :], folder)
    return [message for message in messages if message.receiver != "deadman"]  # it is told that all is well


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "unreached", [frozenset(), frozenset({"lon"})], ids=["both ZVMs are seen", "the exporter is at one of them"]
)
async def test_a_wan_that_is_cut_for_twenty_minutes_is_two_messages_and_their_end(
    unreached: frozenset[str], tmp_path: Path
) -> None:
    cut = Cut(CALM, CALM + 20, everything, unreached)
    messages = await sent(PAIR, cut, 20 + MINUTES_AFTERWARDS, tmp_path)
    causes = {message.group["alertname"] for message in messages}
    assert causes == {"ZertoSitesDisconnected"} | ({"ZertoZvmDown"} if unreached else set())
    assert counted(messages) == {"firing": 2, "resolved": 2}, "\n".join(map(str, messages))
    assert {message.receiver for message in messages} == {"pager"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("cut", "minutes"),
    [
        pytest.param(Cut(CALM, CALM + 20, everything), 20 + MINUTES_AFTERWARDS, id="its line"),
        pytest.param(
            Cut(CALM, CALM + 20, everything, frozenset(SPOKES)), 20 + MINUTES_AFTERWARDS, id="its line, seen from it"
        ),
        pytest.param(Cut(CALM, CALM + 600, everything, frozenset({"hub"})), 45, id="a fire"),
    ],
)
async def test_a_hub_that_forty_sites_lose_is_three_messages_at_most(cut: Cut, minutes: int, tmp_path: Path) -> None:
    messages = await sent(HUB, cut, minutes, tmp_path)
    assert 1 <= counted(messages)["firing"] <= 3, "\n".join(map(str, messages))
    assert any(message.group.get("common_site") == "HUB" for message in messages)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_vpg_with_trouble_of_its_own_is_told_by_itself(tmp_path: Path) -> None:
    """One of six between two sites is no cut of the sites; what follows from it is still silent, also afterwards."""
    cut = Cut(CALM, CALM + 20, lambda vpg: vpg.name == "vpg-0")
    messages = await sent(PAIR, cut, 20 + MINUTES_AFTERWARDS, tmp_path)
    assert {message.group["alertname"] for message in messages} == {"ZertoPeerDisconnected"}
    assert counted(messages) == {"firing": 1, "resolved": 1}, "\n".join(map(str, messages))


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "critical", "organization": "Acme"}, "acme,pager"),
        ({"severity": "warning", "organization": "Acme"}, "acme,tickets"),
        ({"severity": "info", "organization": "Acme"}, "nobody"),
        ({**CUT_OFF, "organization": "Acme"}, "acme"),
        ({**CUT_OFF, "organization": "Acme", "scope": "vpg"}, "nobody"),
        ({**CUT_OFF, "organization": "Globex"}, "nobody"),
        ({"severity": "critical", "organization": "Globex"}, "pager"),
        ({"severity": "warning"}, "tickets"),
    ],
    ids=str,
)
def test_with_the_examples_a_tenant_hears_of_his_own_and_all_others_what_they_did(
    labels: dict[str, str], receivers: str, tmp_path: Path
) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(uncommented(CONFIG.read_text()))
    asked = [amtool(), "config", "routes", "test", f"--config.file={file}", *(f"{k}={v}" for k, v in labels.items())]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == receivers


async def test_with_the_examples_a_tenants_page_reaches_the_pager_and_the_tenant(tmp_path: Path) -> None:
    firing = [
        {"alertname": "ZertoVpgError", "severity": "critical", "zvm": "nyc", "vpg_id": name, "organization": name}
        for name in ("Acme", "Globex")
    ]
    messages = await delivered([firing], tmp_path, uncommented(CONFIG.read_text()), afterwards=2)
    told = {(message.receiver, alert["organization"]) for message in messages for alert in message.alerts}
    assert told == {("acme", "Acme"), ("pager", "Acme"), ("pager", "Globex")}


async def test_with_the_examples_a_tenant_hears_once_that_his_vpgs_are_cut_off(tmp_path: Path) -> None:
    """The sites' alert has no organization, and it keeps silent what each VPG says."""
    firing = [{"alertname": "ZertoSitesDisconnected", "severity": "critical", "zvm": "nyc", "common_site": "NYC"}]
    for name, organization in (("e1", "Acme"), ("e2", "Acme"), ("e3", "Globex")):
        of_vpg = {"zvm": "nyc", "vpg_id": name, "organization": organization}
        firing += [{**CUT_OFF, **of_vpg}, {"alertname": "ZertoPeerDisconnected", "severity": "critical", **of_vpg}]
    messages = await delivered([firing], tmp_path, uncommented(CONFIG.read_text()), afterwards=2)
    told = sorted((message.receiver, message.group["alertname"]) for message in messages if message.status == "firing")
    assert told == [("acme", "ZertoVpgInterrupted"), ("pager", "ZertoSitesDisconnected")]
    acme = [alert["vpg_id"] for message in messages if message.receiver == "acme" for alert in message.alerts]
    assert set(acme) == {"e1", "e2"}
