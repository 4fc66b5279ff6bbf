"""Which VPGs the landing page names, why, in which order, and whose word is taken for each."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from landing import cells, head
from rule_files import RULES, document
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import vpgs
from exporter.collectors.base import Promise, Trouble, Vpgs
from exporter.collectors.enums import SUBSTATUS
from exporter.collectors.troubles import in_transit, trouble
from exporter.collectors.vpgs import History, Vpg
from exporter.polling.attention import attention
from exporter.polling.target import Status, Told
from exporter.simulator import Simulator, faults, pair

Export = Callable[..., Awaitable[Running]]

NOW = 1_795_470_225.0
FINE = Promise(8.0, 300.0)
LATE = Promise(301.0, 300.0)
UNKNOWN = Promise(None, 300.0)
LONG = Promise(90_000.0, 86_400.0)
SHORT = Promise(86_399.0, 86_400.0)


def why(status: str, substatus: str = "None", rpo: Promise = FINE, history: Promise = LONG) -> tuple[str, ...]:
    found = trouble("ERP", "", status, substatus, rpo, history)
    return () if found is None else found.why


def substatuses(expressions: list[str]) -> Callable[[str], bool]:
    """Return what tells whether one of *expressions* asks for a substatus."""
    asked = [re.compile(text) for one in expressions for text in re.findall(r'substatus=~?"([^"]*)"', one)]
    assert asked
    return lambda name: any(text.fullmatch(name) for text in asked)


class TestWhy:
    def test_what_keeps_its_promises_needs_no_attention(self) -> None:
        assert why("MeetingSLA") == ()
        assert why("MeetingSLA", "DeltaSync", Promise(300.0, 300.0), Promise(86_400.0, 86_400.0)) == ()
        assert why("MeetingSLA", "None", Promise(1e9, 0), Promise(0.0, 0)) == (), "0 is no promise"
        assert why("", "", Promise(1.0), Promise()) == ()

    def test_each_broken_promise_is_named(self) -> None:
        assert why("MeetingSLA", rpo=LATE) == ("RPO above its target",)
        assert why("RpoNotMeetingSLA", rpo=LATE) == ("RPO above its target",)
        assert why("NotMeetingSLA", "BitmapSync", LATE, SHORT) == (
            "RPO above its target",
            "history shorter than promised",
        )
        assert why("HistoryNotMeetingSLA") == ("does not meet its SLA",)
        assert why("HistoryNotMeetingSLA", rpo=UNKNOWN) == ("does not meet its SLA",)
        assert why("MeetingSLA", rpo=UNKNOWN) == ("RPO not known",)

    @pytest.mark.parametrize(
        ("substatus", "quote"),
        [
            ("DisconnectedFromPeer", "disconnected from its peer site"),
            ("RecoveryPossible", "its protected site cannot be reached"),
            ("ReplicationPausedUserInitiated", "replication is paused by a user"),
            ("ReplicationPausedSystemInitiated", "replication is paused by Zerto"),
            ("JournalStorageError", "replication stands still until somebody acts"),
        ],
    )
    def test_a_standstill_is_one_though_the_sla_is_met(self, substatus: str, quote: str) -> None:
        assert why("MeetingSLA", substatus) == (quote,)
        assert why("NotMeetingSLA", substatus, LATE) == (quote, "RPO above its target")
        assert why("Recovered", substatus, UNKNOWN, Promise(0.0, 60.0)) == (quote,)

    @pytest.mark.parametrize("status", ["Initializing", "FailingOver", "Moving", "Deleting", "Recovered"])
    def test_on_the_way_no_promise_is_to_be_kept(self, status: str) -> None:
        assert why(status, "None", UNKNOWN, SHORT) == ()
        assert why("NotMeetingSLA", "InitialSync", UNKNOWN, SHORT) == ()

    def test_a_vm_in_its_first_synchronization_hides_no_other(self) -> None:
        for substatus in ("AddedVmsInInitialSync", "VolumeInitialSync"):
            assert why("MeetingSLA", substatus, UNKNOWN) == why("Initializing", substatus, UNKNOWN) == ()
            assert why("Initializing", substatus, LATE) == ("RPO above its target",)
            assert why("MeetingSLA", substatus, LATE) == ("RPO above its target",)

    def test_the_states_are_those_of_the_rules(self) -> None:
        """Those that page somebody stand still; of those in transit each is one somewhere in the rules."""
        known = {SUBSTATUS.name(code) for code in SUBSTATUS.codes}
        pages = {"ZertoVpgError", "ZertoPeerDisconnected", "ZertoProtectionHalted", "ZertoReplicationPaused"}
        alerts, recorded = (
            [rule for group in document(RULES / name)["groups"] for rule in group["rules"]]
            for name in ("zerto-alerts.yml", "zerto-recording.yml")
        )
        halted = substatuses([rule["expr"] for rule in alerts if rule.get("alert") in pages])
        assert {name for name in known if why("MeetingSLA", name)} == {name for name in known if halted(name)}
        passing = substatuses([rule["expr"] for rule in recorded])
        assert [name for name in known if in_transit("MeetingSLA", name) and not passing(name)] == []
        assert sum(in_transit("MeetingSLA", name) for name in known) == 16


def told_by(name: str, own: dict[str, Trouble | None], others: dict[str, Trouble | None] | None = None) -> Status:
    told = Told(Vpgs(own, others or {}), NOW, current=True)
    return Status(name, f"https://{name}", True, NOW, NOW, None, 0, (), told=told)


def late(name: str, rpo: float | None, substatus: str = "None", history: Promise = LONG) -> Trouble:
    found = trouble(name, "", "MeetingSLA", substatus, Promise(rpo, 300.0), history)
    assert found is not None
    return found


class TestOrder:
    def test_the_worst_are_first_and_the_others_are_counted(self) -> None:
        found = [
            late("fine but disconnected", 8.0, "DisconnectedFromPeer"),
            late("unknown", None),
            late("twice", 600.0),
            late("short", 8.0, history=Promise(40_000.0, 86_400.0)),
            late("shorter", 8.0, history=Promise(20_000.0, 86_400.0)),
            late("a thousand times", 300_000.0),
            late("disconnected", 600.0, "DisconnectedFromPeer"),
            late("disconnected for ever", None, "DisconnectedFromPeer"),
        ]
        status = told_by("nyc", {one.vpg: one for one in found} | {"fine": None})
        seen = attention([status], 99)
        assert [one.trouble.vpg for one in seen.worst] == [
            "disconnected for ever",
            "disconnected",
            "fine but disconnected",
            "a thousand times",
            "twice",
            "shorter",
            "short",
            "unknown",
        ]
        assert (seen.needing, seen.listed) == (8, 9)
        few = attention([status], 3)
        assert (few.worst, few.needing) == (seen.worst[:3], 8)

    def test_a_vpg_that_two_zvms_protect_or_recover_comes_once(self) -> None:
        one: dict[str, Trouble | None] = {"1": late("ERP", 600.0)}
        for statuses in ([told_by("a", one), told_by("b", one)], [told_by("a", {}, one), told_by("b", {}, one)]):
            assert [each.status.name for each in attention(statuses, 9).worst] == ["a"]

    def test_what_is_no_possible_time_is_not_known(self) -> None:
        impossible = Vpg(
            id="1",
            name="ERP",
            status=1,
            actual_rpo=-1,
            configured_rpo=-5,
            history=History(actual=1e308, configured=-1.0),
        )
        nothing = Vpg(id="2", status=1, actual_rpo=4_000_000)
        found = vpgs.troubles([impossible, nothing]).own
        assert [one and (one.why, one.rpo, one.history) for one in found.values()] == [
            (("RPO not known",), Promise(), Promise())
        ] * 2


def tellers(page: str) -> list[str]:
    """Return who told each VPG, without the numbers of its age."""
    return [re.sub(r"\d+ (s|min)( \d+ s)? ago", " AGO", row[5]) for row in cells(page, "vpgs")]


class TestPage:
    @pytest.fixture
    async def sites(self, simulate: Simulate) -> tuple[Simulator, Simulator]:
        nyc, lon = pair(("nyc", 12), ("lon", 12), seed=1, incidents=False)
        for estate in (nyc, lon):
            estate.clock = lambda: NOW
        return await simulate(nyc, auth="session"), await simulate(lon, auth="session")

    async def test_each_vpg_comes_once_as_the_zvm_tells_that_protects_it_or_the_other_where_that_is_down(
        self, sites: tuple[Simulator, Simulator], export: Export, clock: DrivenClock, ca_file: Path
    ) -> None:
        nyc, lon = sites
        listed = [vpg for vpg, _ in nyc.estate.vpgs_at(0)]
        name = next(vpg.name for vpg in listed if (vpg.protected, vpg.recovery) == (nyc.estate.here, lon.estate.here))
        nyc.estate.start_incident("recovery_possible", name)
        nyc.estate.clock = lon.estate.clock = lambda: NOW + 3600
        running = await export([zvm_config(nyc, ca_file=ca_file), zvm_config(lon, "lon", ca_file=ca_file)])
        await clock.idle(2)
        page = (await running.get("/"))[1]
        (row,) = cells(page, "vpgs")
        assert row[0].startswith(name)
        assert row[1].startswith("its protected site cannot be reached")
        assert row[2] == "MeetingSLARecoveryPossible"
        assert row[5] == "nyc0 s ago"
        every = head(page)["VPGs that need attention"]
        assert every.startswith("1 of ")

        nyc.faults.set("/v1/vpgs", faults.status(503))
        await clock.advance(30)
        page = (await running.get("/"))[1]
        assert tellers(page) == ["lon, to which it recovers AGO"]
        assert head(page)["VPGs that need attention"] == every

        lon.faults.set("/v1/vpgs", faults.status(503))
        await clock.advance(30)
        page = (await running.get("/"))[1]
        assert tellers(page) == ["nyc AGO, its last poll failed"]

        await clock.advance(120)
        page = (await running.get("/"))[1]
        assert cells(page, "vpgs") == []
        assert head(page)["VPGs that need attention"] == "\N{EN DASH} nothing is known from 2 ZVMs"

        lon.faults.clear()
        await clock.advance(30)
        page = (await running.get("/"))[1]
        assert tellers(page) == ["lon, to which it recovers AGO"]
        assert head(page)["VPGs that need attention"] == f"{every} nothing is known from nyc"

    async def test_a_reload_keeps_what_is_known_where_it_keeps_the_samples(
        self, sites: tuple[Simulator, Simulator], export: Export, clock: DrivenClock, ca_file: Path
    ) -> None:
        nyc, _ = sites
        nyc.estate.start_incident("recovery_possible")
        running = await export([zvm_config(nyc, ca_file=ca_file)])
        await clock.idle(1)
        before = cells((await running.get("/"))[1], "vpgs")
        assert before
        nyc.faults.set("/v1/v", faults.hang())
        running.zvms[0] = zvm_config(nyc, ca_file=ca_file, timeout=10.0)
        await running.exporter.reload()
        assert cells((await running.get("/"))[1], "vpgs") == before

    async def test_without_the_collector_of_vpgs_the_page_says_that_nothing_is_known(
        self, sites: tuple[Simulator, Simulator], export: Export, clock: DrivenClock, ca_file: Path
    ) -> None:
        nyc, _ = sites
        running = await export([zvm_config(nyc, ca_file=ca_file, collectors=("vms",))])
        await clock.idle(1)
        assert head((await running.get("/"))[1])["VPGs that need attention"] == (
            "\N{EN DASH} nothing is known from nyc"
        )
