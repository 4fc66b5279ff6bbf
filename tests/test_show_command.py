"""`zerto-exporter show`: tables, JSON and CSV of what stand-in ZVMs answer, over TLS, with one login and one logout."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from command_line import CLEAN, Command, Sites, dead_port, write_config
from support import PASSWORD

from exporter.readable import iso, local, size
from exporter.show import vms
from exporter.show.filters import RESOURCES, filters
from exporter.show.rows import Column, Level, Row, text
from exporter.show.table import Page, table
from exporter.simulator import Simulator, faults
from exporter.simulator.faults import Fault

LOCAL = {"type": "LocalSiteApi", "identifier": "site-1"}
PEER = {"type": "PeerSiteApi", "identifier": "site-2"}
HOSTILE = "a\x1b[31m\x9b2J\u202e[red]b[/red]:smile:\nc"

Connect = Callable[..., Simulator]


def answer(documents: Sequence[Mapping[str, Any]]) -> Fault:
    """Make a fault by which a path answers *documents*."""
    return faults.status(200, body=json.dumps(documents))


def vm(name: str, number: int, vpg: str = "ERP", **keys: Any) -> dict[str, Any]:
    sent = {"VmIdentifier": f"server.vm-{number}", "VpgIdentifier": f"id-{vpg}", "VmName": name, "VpgName": vpg}
    return {**sent, "Status": 1, "SubStatus": 0, "ActualRPO": 9, "ProtectedSite": LOCAL, "RecoverySite": LOCAL, **keys}


def vpg(name: str, rpo: int, target: int, history: int = 300, **keys: Any) -> dict[str, Any]:
    sent = {"VpgIdentifier": f"id-{name}", "VpgName": name, "ActualRPO": rpo, "ConfiguredRpoSeconds": target}
    kept = {"ActualHistoryInMinutes": history, "ConfiguredHistoryInMinutes": 240}
    ours = {"Status": 1, "SubStatus": 0, "HistoryStatusApi": kept, "VmsCount": 3, "ProtectedSite": LOCAL}
    names = {"SourceSite": "nyc", "TargetSite": "lon", "RecoverySite": PEER}
    return {**sent, **ours, **names, **keys}


VMS = [
    vm("calm", 1, JournalUsedStorageMb=5427, JournalHardLimit={"LimitType": 1, "LimitValue": 153600}, IOPs=12),
    vm('slow, "quoted" größe', 2, Status=3, ActualRPO=725),
    vm("cut off", 3, "Web", SubStatus=24, ActualRPO=600, LastTest="2023-05-11T16:51:07.022Z"),
    vm("silent", 4, ActualRPO=-1),
    vm("new", 5, Status=0, SubStatus=1, ActualRPO=-1),
    vm("gone", 6, IsVmExists=False),
]
VPGS = [
    vpg("Calm", 9, 300, UsedStorageInMB=2**20 * 3),
    vpg("Mail-Production-Of-The-North", 1200, 300, 90, Status=2, SubStatus=6, LastTest="2023-05-11T16:51:07Z"),
    vpg("Web", 3600, 300, SubStatus=26),
    vpg("New", -1, 300, 0, Status=0, SubStatus=1, ProgressPercentage=37.5),
]


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty folder, without what the developer's shell has set."""
    for name in {*os.environ.keys() - CLEAN.keys(), "COLUMNS"} & os.environ.keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nyc(sites: Sites, tmp_path: Path, ca_file: Path) -> Connect:
    """Start the one ZVM of the configuration, whose paths answer what is given."""

    def start(paths: Mapping[str, Fault] | None = None, **options: Any) -> Simulator:
        simulator = sites.start(**options)
        for path, fault in (paths or {}).items():
            simulator.faults.set(path, fault)
        write_config(tmp_path, ca_file, ("nyc", simulator.url))
        return simulator

    return start


def records(out: str) -> list[dict[str, Any]]:
    found = json.loads(out)
    assert isinstance(found, list)
    return found


def as_in_csv(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("auth", ["session", "keycloak"])
@pytest.mark.parametrize("resource", [name for name in RESOURCES if name != "points"])
def test_it_only_reads_and_logs_in_and_out_once(auth: str, resource: str, nyc: Connect, command: Command) -> None:
    zvm = nyc({"/v1/alerts": answer([])}, auth=auth)
    done = command("show", resource, "--format", "json")
    assert (done.code, done.err) == (0, "")
    writes = [(one.method, one.path.rpartition("/")[2]) for one in zvm.requests if one.method != "GET"]
    ways = {"session": [("POST", "add"), ("DELETE", "session")], "keycloak": [("POST", "token"), ("POST", "logout")]}
    assert writes == ways[auth]
    assert (zvm.logins, zvm.live_sessions) == (1, 0)


def test_vms_worst_first(nyc: Connect, command: Command) -> None:
    nyc({"/v1/vms": answer(VMS)})
    rows = records(command("show", "vms", "--format", "json").out)
    assert [(row["vm"], row["trouble"]) for row in rows] == [
        ("cut off", "disconnected from its peer site"),
        ('slow, "quoted" größe', "does not meet its SLA"),
        ("gone", "gone from the hypervisor"),
        ("silent", "RPO not known"),
        ("new", ""),
        ("calm", ""),
    ]
    worst, calm = rows[0], rows[-1]
    assert (worst["last_test"], worst["last_test_timestamp_seconds"]) == ("2023-05-11T16:51:07.022Z", 1683823867.022)
    assert (worst["actual_rpo_seconds"], rows[3]["actual_rpo_seconds"]) == (600, None)
    assert (calm["journal_used_bytes"], calm["journal_hard_limit_bytes"]) == (5427 * 2**20, 150 * 2**30)
    assert (calm["exists"], rows[2]["exists"]) == (None, False)
    assert (calm["zvm"], calm["role"], worst["substatus"]) == ("nyc", "local", "DisconnectedFromPeer")
    read = list(csv.DictReader(io.StringIO(command("show", "vms", "--format", "csv").out)))
    assert read == [{key: as_in_csv(value) for key, value in row.items()} for row in rows]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_a_table_is_as_wide_as_there_is_room(
    columns: str, nyc: Connect, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    nyc({"/v1/vpgs": answer(VPGS)})
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TZ", "<+01>-1")
    time.tzset()
    try:
        done = command("show", "vpgs")
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert done.out == (Path(__file__).parent / "golden" / f"show_{columns}.txt").read_text()
    assert ("no room for" in done.err) == (columns == "80")


def test_into_a_pipe_a_row_is_a_line(nyc: Connect, command: Command) -> None:
    nyc({"/v1/vms": answer(VMS)})
    done = command("show", "vms", "--limit", "2")
    head, *rows = done.out.splitlines()
    assert head.split()[:5] == ["VM", "VPG", "State", "Trouble", "RPO"]
    assert [row.split()[0] for row in rows] == ["cut", "slow,"]
    assert done.err == "zerto-exporter: 4 more VMs beyond --limit\n"


def test_filters_go_to_the_zvm_over_those_of_the_configuration(
    sites: Sites, command: Command, tmp_path: Path, ca_file: Path
) -> None:
    zvm = sites.start()
    write_config(tmp_path, ca_file, ("nyc", zvm.url), filters="{priority: Low, vpgName: a}")
    done = command("show", "vms", "--status", "MeetingSLA", "--vpg-name", "none")
    assert (done.code, done.out) == (0, "no VMs that match at nyc\n")
    command("show", "vpgs", "--substatus", "24")
    asked = {one.path: one.query for one in zvm.requests if one.path in {"/v1/vms", "/v1/vpgs"}}
    assert asked["/v1/vms"] == {"status": "MeetingSLA", "vpgName": "none", "priority": "Low"}
    assert asked["/v1/vpgs"] == {"subStatus": "24", "name": "a", "priority": "Low"}


def test_the_filters_of_the_configuration_are_flags() -> None:
    flags = {one.flag for one in filters("vms")}
    assert {"--vpg-name", "--vm-name", "--status", "--substatus", "--include-backuped-vms"} <= flags


def test_a_zvm_that_fails_costs_only_its_rows(sites: Sites, command: Command, tmp_path: Path, ca_file: Path) -> None:
    nyc, bad = sites.start(), sites.start("lon")
    nyc.faults.set("/v1/vms", answer(VMS[:1]))
    bad.faults.set("/v1/vms", faults.wrong_shape())
    dead = f"https://127.0.0.1:{dead_port()}"
    write_config(tmp_path, ca_file, ("nyc", nyc.url), ("lon", bad.url), ("dead", dead))
    done = command("show", "vms")
    assert done.code == 1
    assert [row.split()[:2] for row in done.out.splitlines()] == [["ZVM", "VM"], ["nyc", "calm"]]
    said = done.err.splitlines()
    assert len(said) == 2
    assert said[0].startswith("zerto-exporter: lon: decode: GET /v1/vms: expected a JSON array")
    assert said[1].startswith("zerto-exporter: dead: connect: ")
    assert PASSWORD not in done.err
    assert bad.live_sessions == 0
    assert records(command("show", "vms", "--zvm", "nyc", "--format", "json").out)[0]["zvm"] == "nyc"
    unknown = command("show", "vms", "--zvm", "nyk")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == "zerto-exporter: --zvm: no ZVM is configured as nyk; did you mean nyc?\n"


def test_records_that_cannot_be_read_are_told(nyc: Connect, command: Command) -> None:
    nyc({"/v1/vms": answer([VMS[0], {"VmName": "nobody"}, {**VMS[1], "ActualRPO": "soon"}])})
    done = command("show", "vms")
    assert (done.code, len(done.out.splitlines())) == (1, 3)
    assert "nyc: 2 records could not be read in full: record 1" in done.err


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_nothing_in_a_name_acts(form: str, nyc: Connect, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    nyc({"/v1/vms": answer([vm(HOSTILE, 1)])})
    monkeypatch.setenv("COLUMNS", "400")
    done = command("show", "vms", "--format", form)
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.out) is None
    assert "[red]b[/red]:smile:" in done.out
    if form == "json":
        assert records(done.out)[0]["vm"] == HOSTILE
    else:
        assert r"a\x1b[31m\x9b2J\u202e" in done.out
        assert len(done.out.splitlines()) == 2 + (form == "table")


def point(taken: str, *, kept: bool = False, tag: str | None = None, allowed: bool = True) -> dict[str, Any]:
    checkpoint = {"CheckpointIdentifier": "42", "TimeStamp": taken, "Tag": tag, "Type": 1}
    copy = {"RetentionSetIdentifier": "set-1", "TimeStamp": taken, "IsApplicationAware": True, "Tier": 2}
    mount = {"IsAllowed": allowed, "Reason": None if allowed else "it is being moved"}
    return {"Checkpoint": None if kept else checkpoint, "RetentionSet": copy if kept else None, "CanMount": mount}


class TestPoints:
    def test_the_newest_first(self, nyc: Connect, command: Command) -> None:
        points = [
            point("2023-05-11T16:51:07Z", kept=True),
            point("2023-05-11T16:51:17.500Z", tag="before the patch"),
            point("2023-05-11T16:51:12Z", allowed=False),
        ]
        zvm = nyc({"/v1/vms/server.vm-1/pointsInTime": answer(points), "/v1/vms": answer(VMS)})
        rows = records(command("show", "points", "--vm", "CALM", "--format", "json").out)
        assert [(row["time"], row["kind"], row["tag"], row["can_mount"], row["reason"]) for row in rows] == [
            ("2023-05-11T16:51:17.500Z", "checkpoint", "before the patch", True, ""),
            ("2023-05-11T16:51:12Z", "checkpoint", "", False, "it is being moved"),
            ("2023-05-11T16:51:07Z", "retention_set", "", True, ""),
        ]
        assert (rows[0]["timestamp_seconds"], rows[2]["tier_code"], rows[2]["application_aware"]) == (
            1683823877.5,
            2,
            True,
        )
        drawn = command("show", "points", "--vm", "calm").out
        assert drawn.startswith("calm in the VPG ERP, as nyc tells\n\nTime  ")
        assert "no: it is being moved" in drawn
        old = command("show", "points", "--vm", "server.vm-1", "--since", "24h")
        assert (old.code, old.out) == (0, "no points in time that match at nyc\n")
        asked = [one.query for one in zvm.requests if one.path.endswith("pointsInTime")]
        assert asked[0] == {"vpgIdentifier": "id-ERP"}
        assert re.fullmatch(r"20..-..-..T..:..:..(\.\d{3})?Z", asked[-1]["startDate"])

    def test_the_stand_in_has_them(self, nyc: Connect, command: Command) -> None:
        zvm = nyc(vms=40, local=True)
        vms = records(command("show", "vms", "--format", "json").out)
        one = next(row for row in vms if row["role"] == "local")
        done = command("show", "points", "--vm", one["vm_id"], "--vpg", one["vpg"], "--since", "1h", "--format", "json")
        assert done.code == 0, done.err
        points = records(done.out)
        assert {(row["vm"], row["kind"]) for row in points} == {(one["vm"], "checkpoint")}
        ages = [row["age_seconds"] for row in points]
        assert ages == sorted(ages)
        assert ages[-1] <= 3600
        assert zvm.live_sessions == 0

    @pytest.mark.parametrize(
        ("argv", "says"),
        [
            (["--vm", "web-01"], "--vm: web-01 is not unique, it may be any of 3; say which with --zvm, --vpg, or"),
            (["--vm", "web"], "--vm: no VM is called web at nyc; did you mean web-01, web-front?"),
            (["--vm", "wbe-frnt"], "--vm: no VM is called wbe-frnt at nyc; did you mean web-front"),
            (["--vm", "zzz"], "--vm: no VM is called zzz at nyc; `show vms` lists all"),
            (["--vm", "web-front", "--vpg", "Mail"], "--vpg: web-front is not in a VPG Mail; it is in Web"),
        ],
    )
    def test_a_name_that_is_not_one_vm(self, argv: list[str], says: str, nyc: Connect, command: Command) -> None:
        vms = [
            vm("web-01", 1),
            vm("web-01", 1, "Web"),
            vm("web-01", 7, OrganizationName="Acme"),
            vm("web-front", 2, "Web"),
        ]
        nyc({"/v1/vms": answer(vms)})
        done = command("show", "points", *argv)
        assert (done.code, done.out) == (1, "")
        first, *more = done.err.splitlines()
        assert first.startswith(f"zerto-exporter: {says}")
        if "not unique" in says:
            apart = [("ERP", "server.vm-1"), ("ERP", "server.vm-7"), ("Web", "server.vm-1")]
            assert [
                (vpg, one) for row in more[1:] for vpg, one in re.findall(r"(ERP|Web) .*(server\.vm-\d)", row)
            ] == apart

    def test_two_zvms_that_know_a_vm_know_one(
        self, sites: Sites, command: Command, tmp_path: Path, ca_file: Path
    ) -> None:
        protects, recovers = sites.start(), sites.start("lon")
        protects.faults.set("/v1/vms", answer([vm("a", 1, RecoverySite=PEER)]))
        recovers.faults.set("/v1/vms/server.vm-1/pointsInTime", answer([point("2023-05-11T16:51:07Z")]))
        recovers.faults.set("/v1/vms", answer([vm("a", 1, ProtectedSite=PEER)]))
        write_config(tmp_path, ca_file, ("nyc", protects.url), ("lon", recovers.url))
        done = command("show", "points", "--vm", "a", "--format", "json")
        assert (done.code, [row["zvm"] for row in records(done.out)]) == (0, ["lon"])
        assert (protects.live_sessions, recovers.live_sessions) == (0, 0)


class TestAlerts:
    ALERTS = (
        {"Level": "Warning", "HelpIdentifier": "VRA0001", "TurnedOn": "/Date(1683823867000)/", "Description": "old"},
        {"Level": "Error", "HelpIdentifier": "LIC0001", "TurnedOn": "2023-05-11T16:51:07Z", "IsDismissed": True},
        {
            "Level": "Error",
            "HelpIdentifier": "VPG0003",
            "Entity": "Vpg",
            "TurnedOn": "2023-05-11T16:51:08Z",
            "AffectedVpgs": [{"identifier": "id-Web"}, {"identifier": "id-lost"}],
            "Description": "VPG \x1b[2JWeb",
        },
    )

    def test_errors_first_and_dismissed_ones_last(self, nyc: Connect, command: Command) -> None:
        zvm = nyc({"/v1/alerts": answer(self.ALERTS), "/v1/vpgs": answer(VPGS)})
        rows = records(command("show", "alerts", "--level", "Error", "--format", "json").out)
        assert [row["help_identifier"] for row in rows] == ["VPG0003", "VRA0001", "LIC0001"]
        assert (rows[0]["vpgs"], rows[1]["turned_on"]) == ("Web, id-lost", "2023-05-11T16:51:07Z")
        assert [one.query for one in zvm.requests if one.path == "/v1/alerts"] == [{"level": "Error"}]
        assert r"VPG \x1b[2JWeb" in command("show", "alerts").out

    def test_a_zvm_that_has_none_of_them(self, nyc: Connect, command: Command) -> None:
        nyc({"/v1/alerts": faults.status(404)})
        done = command("show", "alerts")
        assert (done.code, done.out) == (1, "")
        assert "nyc: http: GET /v1/alerts: HTTP 404" in done.err
        assert "does not have this resource" in done.err


def test_vras_that_protect_nothing_first(nyc: Connect, command: Command) -> None:
    def vra(name: str, status: int, vms: int = 0, **keys: Any) -> dict[str, Any]:
        return {"VraIdentifierStr": name, "VraName": name, "Status": status, "ProtectedCounters": {"Vms": vms}, **keys}

    vras = [
        vra("good", 0, 5),
        vra("new", 3),
        vra("warned", 0, VraAlerts={"VraAlertsStatus": 1}),
        vra("asleep", 9, 4),
        vra("ghost", 0, IsGhost=True),
        vra("later", 77),
        vra("failed", 5, 7),
    ]
    nyc({"/v1/vras/statuses": answer([]), "/v1/vras": answer(vras)})
    rows = records(command("show", "vras", "--format", "json").out)
    assert [(row["vra"], row["trouble"]) for row in rows] == [
        ("failed", "its installation failed"),
        ("ghost", "a ghost: its host is gone"),
        ("asleep", "its host is in maintenance, with 4 VMs on it"),
        ("later", "state Unknown(77)"),
        ("warned", "alert of level Warning"),
        ("new", ""),
        ("good", ""),
    ]


class TestProcess:
    """As a shell has it."""

    def start(self, *argv: str, **streams: Any) -> subprocess.Popen[bytes]:
        # A runner of tests may say how wide the terminal is, which none is.
        environment = {name: value for name, value in CLEAN.items() if name != "COLUMNS"}
        environment |= {"PYTHONPATH": str(Path(__file__).parent.parent), **streams.pop("env", {})}
        command = [sys.executable, "-m", "exporter", "show", *argv]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, **streams)

    def test_a_pipe_that_is_closed_is_no_error(self, nyc: Connect) -> None:
        nyc({"/v1/vms": answer(VMS)})
        reading, writing = os.pipe()
        os.close(reading)
        process = self.start("vms", stdout=writing, stderr=subprocess.PIPE)
        os.close(writing)
        assert process.communicate()[1] == b""
        assert process.returncode == 0

    def test_no_other_command_waits_for_what_draws_tables(self) -> None:
        command = [sys.executable, "-X", "importtime", "-m", "exporter", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "structlog" in loaded
        assert [one for one in loaded if one.startswith("rich.") or one == "exporter.show.table"] == []

    def test_colour_is_for_terminals(self, nyc: Connect) -> None:
        nyc({"/v1/vms": answer(VMS)})
        assert "\x1b[1;31m" in self.terminal("vms", TERM="xterm")

    def test_interrupted_while_it_waits_it_logs_out(self, nyc: Connect) -> None:
        zvm = nyc({"/v1/vms": faults.hang()})
        out = self.terminal("vms", TERM="xterm", until="waiting for nyc", code=130)
        assert "Traceback" not in out
        assert zvm.logins == 1
        assert zvm.live_sessions == 0

    def terminal(self, *argv: str, until: str = "", code: int = 0, **environment: str) -> str:
        """Return what the command writes to a terminal; it is interrupted when it has written *until*."""
        ours, its = pty.openpty()
        with self.start(*argv, stdout=its, stderr=its, env=environment) as process:
            os.close(its)
            out = b""
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # the last of those who write has gone
                    break
                out += piece
                if until and until.encode() in out:
                    process.send_signal(signal.SIGINT)
                    until = ""
            assert process.wait() == code, out
        os.close(ours)
        return out.decode()


class TestTable:
    COLUMNS = (
        Column("Name", text("name"), least=10),
        Column("Words", text("words"), least=4, signal=True),
        Column("Count", text("count"), rank=1, right=True),
        Column("Empty", text("empty"), rank=2),
    )
    ROWS = (
        Row(Level.HALTED, (), {"name": "größe-name", "words": "two words", "count": 7, "empty": ""}),
        Row(Level.FINE, (), {"name": "b", "words": "", "count": 1200, "empty": ""}),
    )

    @pytest.mark.parametrize(
        ("width", "left_out", "lines"),
        [
            (40, [], ["Name        Words      Count", "größe-name  two words      7", "b                       1200"]),
            (24, [], ["größe-name  two        7"]),
            (20, ["Count"], ["größe-name  two", "            words"]),
            (4, ["Count"], []),
        ],
    )
    def test_names_are_folded_last(self, width: int, left_out: list[str], lines: list[str]) -> None:
        drawn, without = table(self.COLUMNS, self.ROWS, Page(width))
        assert without == left_out
        assert [line for line in lines if line not in drawn.splitlines()] == []

    @pytest.mark.parametrize(
        ("environment", "colour"), [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)]
    )
    def test_who_wants_no_colour(
        self, environment: Mapping[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {"TERM": "xterm", **environment}.items():
            monkeypatch.setenv(name, value)
        drawn, _ = table(self.COLUMNS, self.ROWS, Page(80, terminal=True))
        assert (re.search(r"\x1b\[[0-9;]*3[0-7]m", drawn) is not None) == colour

    def test_in_ascii_there_is_no_line(self) -> None:
        drawn, _ = table(self.COLUMNS[1:3], self.ROWS, Page(40, unicode=False))
        assert drawn == "Words      Count\ntwo words      7\n            1200\n"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (5427 * 2**20, "5.3 GiB"),
        (2**40 - 1, "1 TiB"),
        (2**71, "2048 EiB"),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(
    ("used", "limit", "share", "provisioned", "said"),
    [
        (2**30, 2**32, None, 2**34, "1 GiB of 4 GiB"),
        (2**30, None, 0.5, 2**34, "1 GiB of 8 GiB"),
        (2**30, None, 0.5, None, "1 GiB"),
        (0, None, None, 2**34, "0 B"),
        (None, 2**32, None, 2**34, ""),
    ],
)
def test_a_journal_beside_its_limit(
    used: int | None, limit: int | None, share: float | None, provisioned: int | None, said: str
) -> None:
    (journal,) = (column for column in vms.RESOURCE.columns if column.title == "Journal")
    sent = {"used_bytes": used, "hard_limit_bytes": limit, "hard_limit_ratio": share}
    record = {f"journal_{key}": value for key, value in sent.items()}
    assert journal.cell({**record, "provisioned_storage_bytes": provisioned}) == said


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "2023-05-11 16:51:07 UTC"),
        ("<+0530>-5:30", "2023-05-11 22:21:07 +05:30"),
        ("<-04>4", "2023-05-11 12:51:07 -04:00"),
    ],
)
def test_moments(zone: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert local(1683823867.9) == said
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert (iso(1683823867), iso(1683823867.9)) == ("2023-05-11T16:51:07Z", "2023-05-11T16:51:07.900Z")
