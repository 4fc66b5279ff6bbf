"""The soak: a minute of it as it is, and that its checks notice what they are for."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from soak_children import Figures, Log
from soak_page import CALM_AGE, STALE_AFTER, Asked, Expected, judge, read
from soak_plan import CALM_START, KINDS, RECOVERY, estate, plan
from soak_tally import Tally

SOAK = Path(__file__).parent / "soak.py"
NOW = 1_800_000_000.0


def page(**changes: float | str) -> str:
    """Return a page of the calm ZVM `nyc`; *changes* are ages in seconds, its label, its up, or further lines."""
    told = {"age": 1.0, "stamp": 1.0, "vpgs": 1.0, "round": "0", "up": 1, "more": "", **changes}
    label = f'zvm="nyc",round="{told["round"]}"'
    last, up, stamp = NOW - float(told["age"]), told["up"], NOW - float(told["stamp"])
    families: list[tuple[str, str, list[str]]] = [
        ("zerto_up", "gauge", [f"{{{label}}} {up}"]),
        ("zerto_collector_success", "gauge", [f'{{{label},collector="{one}"}} {up}' for one in ("vms", "vpgs")]),
        (
            "zerto_collector_last_success_timestamp_seconds",
            "gauge",
            [f'{{{label},collector="vms"}} {last}', f'{{{label},collector="vpgs"}} {NOW - float(told["vpgs"])}'],
        ),
        ("zerto_vm_last_test_timestamp_seconds", "gauge", [f'{{{label},vm="{vm}"}} {stamp}' for vm in ("a\\\\", "b")]),
        ("zerto_vpg_last_test_timestamp_seconds", "gauge", [f'{{{label},vpg="ERP \\"1\\""}} {stamp}']),
        ("zerto_exporter_polls_total", "counter", ['{zvm="nyc",collector="vms",outcome="success"} 3.0']),
        ("zerto_exporter_config_last_reload_successful", "gauge", [" 1.0"]),
    ]
    text = "".join(
        f"# HELP {name} Help.\n# TYPE {name} {kind}\n" + "".join(f"{name}{rest}\n" for rest in lines)
        for name, kind, lines in families
    )
    return f"{text}{told['more']}"


def wrong(text: str, *, calm: bool = True, zvms: tuple[str, ...] = ("nyc",)) -> str:
    """Return what is wrong with a page that was asked for now."""
    expected = {name: Expected("0", calm=calm) for name in zvms}
    return "\n".join(judge(read(text.encode()), Asked("page", NOW, expected)))


@pytest.mark.slow
@pytest.mark.timeout(180)  # for a machine that is short of processors; else it takes 67 s
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="memory and open files are read from /proc")
def test_a_minute_of_storm_leaves_nothing_to_complain_of() -> None:
    arguments = [sys.executable, str(SOAK), "--seconds", "60", "--seed", "7"]
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith("soak: clean\n")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_good_page_is_good(zipped: bool) -> None:
    text = page()
    body = gzip.compress(text.encode()) if zipped else text.encode()
    facts = read(body, zipped=zipped, twice=True)
    assert judge(facts, Asked("page", NOW, {"nyc": Expected("0", calm=True)})) == []
    assert (facts.series, facts.zvms["nyc"].samples, facts.zvms["nyc"].polls) == (10, {"vms": 2, "vpgs": 1}, 3)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("zerto_exporter_config_last_reload_successful 1.0\n", "duplicate series"),
        ('zerto_x{a="1",b="2"} 1\nzerto_x{b="2",a="1"} 1\n', "duplicate series"),
        ('zerto_x{a="1",a="2"} 1\n', "a label twice"),
        ('zerto_x{a="quote"inside"} 1\n', "invalid line"),
        ('zerto_x{a="back\\slash"} 1\n', "invalid line"),
        ('zerto_x{a="line\nfeed"} 1\n', "invalid line"),
        ("zerto_x null\n", "invalid line"),
        ("zerto_x 1 1800000000\n", "invalid line"),
        ("zerto_x\n", "invalid line"),
        ("\n", "invalid line"),
        ("# TYPE zerto_x gouge\n", "invalid line"),
        ("# EOF\n", "invalid line"),
        ("zerto_x 1", "a last line without its end"),
        ('zerto_up{zvm="nyc",round="0",more="1"} 1\n', "a sample outside of its family"),
        ("# HELP zerto_up Help.\n", "a second HELP"),
        ("# TYPE zerto_up gauge\n", "a second TYPE"),
        ("# TYPE zerto_x gauge\n", "TYPE without its HELP before"),
        ('# HELP zerto_vm_x x\n# TYPE zerto_vm_x gauge\nzerto_vm_x{zvm="nyc",round="0"} -1\n', "no possible value"),
    ],
)
def test_what_is_no_page_is_noticed(more: str, told: str) -> None:
    assert told in wrong(page(more=more))


def test_the_second_opinion_is_heard() -> None:
    text = page(more='zerto_x{a="1} 1\n').encode()
    assert any("prometheus_client refuses it" in problem for problem in read(text, twice=True).problems)
    assert any("no text" in problem for problem in read(b"\xff").problems)
    assert any("no text" in problem for problem in read(b"plain", zipped=True).problems)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"up": 0}, "undisturbed, but zerto_up is 0"),
        ({"age": CALM_AGE + 0.5}, "undisturbed, but the last good poll of vms was 8.5 s ago"),
        ({"stamp": CALM_AGE + 0.5}, "undisturbed, but the ZVM told its samples of vms 8.5 s ago"),
        ({"vpgs": CALM_AGE + 0.5}, "undisturbed, but the last good poll of vpgs was 8.5 s ago"),
    ],
)
def test_a_calm_zvm_must_be_up_and_fresh(changes: dict[str, float], told: str) -> None:
    assert told in wrong(page(**changes))
    assert wrong(page(**changes), calm=False) == ""


def test_samples_of_a_disturbed_zvm_are_young_or_gone() -> None:
    assert "stale: samples of vms are 12.0 s old" in wrong(page(age=STALE_AFTER + 2), calm=False)
    assert "stale: samples of vpgs are 12.0 s old" in wrong(page(vpgs=STALE_AFTER + 2), calm=False)


def test_a_frozen_value_is_noticed_whatever_the_exporter_says_of_its_age() -> None:
    assert "frozen: the ZVM told these samples of vpgs 20.0 s ago" in wrong(page(stamp=20.0), calm=False)


def test_samples_of_two_answers_are_noticed() -> None:
    text = page().replace(f'vm="b"}} {NOW - 1}', f'vm="b"}} {NOW - 3}')
    assert "samples of vms of different answers" in wrong(text, calm=False)


def test_samples_without_the_time_of_their_poll_are_noticed() -> None:
    lines = page().splitlines(keepends=True)
    text = "".join(line for line in lines if not ("_last_success_" in line and '"vpgs"' in line))
    assert "1 samples of vpgs without the time of a good poll" in wrong(text, calm=False)


def test_the_page_must_be_that_of_the_configuration() -> None:
    assert "nyc: not asked for, or not configured" in wrong(page(), zvms=())
    assert "lon: undisturbed, but zerto_up is None" in wrong(page(), zvms=("nyc", "lon"))
    assert "samples of round ['1'] of the configuration, which is in round 0" in wrong(page(round="1"), calm=False)
    facts = read(page().encode())
    narrow = judge(facts, Asked("page", NOW, {"nyc": Expected("0", calm=True)}, ["vms"], whole=False))
    assert narrow == [
        "page: the exporter's own metrics are on a narrowed page",
        "page: nyc: samples of vpgs, which was not asked for",
    ]


def test_lines_that_are_no_news_but_errors_are_kept() -> None:
    log = Log()
    good = ["ts=1 level=info msg=listening", 'ts=1 level=warn msg="ZVM is down" zvm=nyc']
    bad = ['ts=1 level=error msg="poll ended"', 'ts=1 level=warn exception="Traceback (most recent', "x.py:1: Warning"]
    for line in good + bad:
        log.add(line)
    assert log.wrong == bad


def test_growth_of_memory_files_and_tasks_is_noticed() -> None:
    def complaints(rss: int, fds: int, tasks: int) -> list[str]:
        tally = Tally(100, calm=[50])
        for second in range(601):
            half = second > 300
            count = Counter({"Poller._run": 100, "leak": tasks * half})
            tally.figures(second, Figures(170 * 10**6 + rss * half, 217 + fds * half, count))
        return [*tally.wrong, *tally.bounds(600.0)]

    assert complaints(5 * 10**6, 10, 10) == []
    assert "resident memory grew" in complaints(12 * 10**6, 0, 0)[0]
    assert "open files at the end" in complaints(0, 50, 0)[0]
    assert "200 tasks at the end, 100 before the storm, with 100 ZVMs" in complaints(0, 0, 100)[0]
    assert "open files with 100 ZVMs" in complaints(0, 400, 0)[0]


def test_the_plan_follows_from_the_seed_and_leaves_time_to_recover() -> None:
    sites = estate(100)
    one, other = plan(7, 600.0, sites), plan(7, 600.0, sites)
    assert one == other
    assert one != plan(8, 600.0, sites)
    assert {trouble.kind.name for trouble in one.troubles} == {kind.name for kind in KINDS}
    assert min(trouble.at for trouble in one.troubles) >= CALM_START
    assert max(trouble.at + trouble.seconds for trouble in one.troubles) <= one.end == 600.0 - RECOVERY
    assert one.reloads[-1].at > one.end
    assert not one.reloads[-1].removed
    assert not one.reloads[-1].bad
    assert {(reload.how, bool(reload.bad)) for reload in one.reloads} >= {("POST", True), ("SIGHUP", True)}
    assert len({trouble.zvm for trouble in one.troubles}) <= 80


def test_what_is_missing_at_the_end_is_told_by_name() -> None:
    tally = Tally(2)
    assert tally.missing(61, reloaded=False) == "the last reload is not over 61 s after the end of the storm"
    assert tally.missing(13, reloaded=True) == "no whole page was read within 13 s after the last reload"
    tally.back(read(page(age=5.0).encode()).zvms, ("nyc", "lon"), NOW - 1, NOW)
    assert tally.missing(13, reloaded=True) == "not back 13 s after the last reload: nyc, lon"
    assert tally.recovered is None
    tally.back(read(page(age=5.0).encode()).zvms, ("nyc",), NOW - 9, NOW)
    assert tally.recovered == 9
