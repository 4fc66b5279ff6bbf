"""The command line: as an operator, a container, cron and a supervisor use it."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import pytest
import trustme
from command_line import CLEAN, Command, Done, Sites, dead_port, write_config
from support import PASSWORD, Page

from exporter import __version__
from exporter.cli import arguments
from exporter.simulator import faults


@dataclass
class Run:
    """A process of the program; its standard error is read line by line."""

    process: subprocess.Popen[str]
    quote: list[str] = field(default_factory=list)

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line on standard error that holds *pattern*."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.quote.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"never said {pattern!r}:\n{''.join(self.quote)}")

    def url(self) -> str:
        """Wait until it listens; return where."""
        return f"http://127.0.0.1:{self.says(r'msg=listening addresses=127.0.0.1:([0-9]+)')[1]}"

    def ends(self, number: signal.Signals | None = None) -> int:
        """Send the signal *number*, wait for the end and return the exit code."""
        if number is not None:
            self.process.send_signal(number)
        _, rest = self.process.communicate()
        self.quote.append(rest)
        return self.process.returncode


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the program in an empty folder; it is killed after the test."""
    with ExitStack() as stack:

        def start(
            *arguments: str, program: tuple[str, ...] = ("-m", "exporter"), redirect: str = "", **environment: str
        ) -> Run:
            command = [sys.executable, *program, *arguments]
            process = subprocess.Popen(
                ["sh", "-c", f'exec "$@" {redirect}', "sh", *command] if redirect else command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
                env={**CLEAN, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return Run(process)

        yield start


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty folder, without what the developer's shell has set."""
    for name in os.environ.keys() - CLEAN.keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def get(url: str, context: ssl.SSLContext | None = None) -> str:
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:  # noqa: S310 - of our own process
        text: str = answer.read().decode()
        return text


class TestUsage:
    @pytest.mark.parametrize("argv", [["--version"], ["serve", "--version"], ["check", "--version"]])
    def test_version(self, argv: list[str], command: Command) -> None:
        assert command(*argv) == Done(0, f"zerto-exporter {__version__}\n", "")

    @pytest.mark.parametrize("name", arguments.flags())
    def test_help_names_each_flag(self, name: str, command: Command) -> None:
        done = command(*name.split(), "--help")
        assert (done.code, done.err) == (0, "")
        assert [flag for flag in arguments.flags()[name] if flag not in done.out] == []

    @pytest.mark.parametrize("argv", [["--help"], ["-h"]])
    def test_help_names_each_command(self, argv: list[str], command: Command) -> None:
        done = command(*argv)
        assert done.code == 0
        assert [name for name in arguments.COMMANDS if not re.search(rf"\n    {name}\s", done.out)] == []

    @pytest.mark.parametrize(
        ("argv", "says"),
        [
            (["chekc"], "unrecognized arguments: chekc"),
            (["--config"], "unrecognized arguments: --config"),
            (["--config.file"], "--config.file: expected one argument"),
            (["--log.level", "loud"], "--log.level: expected one of debug, info, warn, error, got 'loud'"),
            (["check", "--log.format", "xml"], "--log.format: expected one of logfmt, json, got 'xml'"),
            (["--web.telemetry-path", "metrics"], "expected a path such as /metrics, got 'metrics'"),
            (["--web.telemetry-path", "/"], "expected a path such as /metrics, got '/'"),
            (["--web.telemetry-path", "/{x}"], "expected a path such as /metrics, got '/{x}'"),
            (["--web.telemetry-path", "/-/healthy"], "/-/healthy is the path of another page"),
            (["--web.telemetry-path", "/probe"], "/probe is the path of another page"),
            *(
                (["--web.grafana-url", url], "--web.grafana-url: expected https://host/path, without a user")
                for url in ("grafana/d/zerto", "javascript:alert(1)", "https://", "http://[::1", "https://a:b@grafana")
            ),
            *(
                (["--web.external-url", url], "--web.external-url: expected https://host/path, without")
                for url in ("/zerto", "p.example.com/zerto", "https://a:b@p/zerto", "https://p/?a", "https://p/#a")
            ),
            (["--web.external-url", "https://p/a//b"], "expected a path such as /zerto, got '/a//b'"),
            (["--web.route-prefix", "/a/../b"], "--web.route-prefix: expected a path such as /zerto, got '/a/../b'"),
            (["--web.route-prefix", "/{x}"], "--web.route-prefix: expected a path such as /zerto, got '/{x}'"),
            (["--web.max-requests", "-1"], "--web.max-requests: expected a whole number from 0 to 100000, got '-1'"),
            (["simulate", "--port", "http"], "--port: expected a whole number from 0 to 65535, got 'http'"),
            (["simulate", "--port", "65536"], "--port: expected a whole number from 0 to 65535, got '65536'"),
            (["simulate", "--vms", "0"], "--vms: expected a whole number from 1 to"),
            (["simulate", "--auth", "none"], "--auth: expected one of session, keycloak, both, got 'none'"),
            (["simulate", "--generation", "9"], "--generation: expected one of appliance, windows, got '9'"),
            (["simulate", "--incident", "volcano"], "--incident: expected one of bitmap-sync, "),
            (["simulate", "--tls-cert", "a.pem"], "--tls-cert and --tls-key go together"),
            (["demo", "--config.file", "a"], "unrecognized arguments: --config.file a"),
            (["show"], "the following arguments are required: RESOURCE"),
            (["show", "points"], "the following arguments are required: --vm"),
            (["show", "points", "--vm", "a", "--since", "soon"], "expected a duration such as 90m, 24h or 7d, got"),
            (["show", "vms", "--format", "yaml"], "--format: expected one of table, json, csv, got 'yaml'"),
            (["show", "vms", "--limit", "0"], "--limit: expected a whole number from 1 to"),
            (["show", "vms", "--status", "Meeting"], "--status: expected a code or one of Initializing, MeetingSLA,"),
            (["show", "vras", "--status", "MeetingSLA"], "--status: expected a code or one of Installed, "),
            (["show", "alerts", "--is-dismissed", "no"], "--is-dismissed: expected true or false, got 'no'"),
            (["show", "vpgs", "--vm-name", "erp"], "unrecognized arguments: --vm-name erp"),
        ],
    )
    def test_wrong_usage(self, argv: list[str], says: str, command: Command) -> None:
        done = command(*argv)
        assert (done.code, done.out) == (2, "")
        assert says in done.err.splitlines()[-1]

    def test_no_flag_is_a_secret(self) -> None:
        flags = {flag for flags in arguments.flags().values() for flag in flags}
        assert [flag for flag in flags if re.search("password|secret|token|user", flag)] == []


SHOWS = [name for name in arguments.flags() if name.startswith("show ")]
FLAGS: list[tuple[str, str, str, object]] = [
    *((name, "--config.file", "a.yaml, z/*", [Path("a.yaml"), Path("z/*")]) for name in ("serve", "check", "once")),
    ("once", "--exporter-metrics", "true", True),
    ("serve", "--web.listen-address", ":1", [":1"]),
    ("demo", "--web.listen-address", ":1", [":1"]),
    ("healthcheck", "--web.listen-address", ":1", [":1"]),
    *((name, "--web.config.file", "w.yml", Path("w.yml")) for name in ("serve", "demo", "healthcheck")),
    ("serve", "--web.open-probes", "true", True),
    ("demo", "--web.open-probes", "1", True),
    ("serve", "--web.telemetry-path", "/m", "/m"),
    ("demo", "--web.telemetry-path", "/m", "/m"),
    *((name, "--web.grafana-url", "https://g/d/zerto", "https://g/d/zerto") for name in ("serve", "demo")),
    *((name, "--web.external-url", "https://p/z/", "https://p/z/") for name in ("serve", "demo", "healthcheck")),
    *((name, "--web.route-prefix", "/z/", "/z") for name in ("serve", "demo", "healthcheck")),
    *((name, "--web.max-requests", "7", 7) for name in ("serve", "demo")),
    ("serve", "--web.enable-lifecycle", "true", True),
    ("serve", "--shard", "0", 0),
    ("serve", "--total-shards", "3", 3),
    ("check", "--connect", "1", True),
    ("simulate", "--port", "0", 0),
    ("simulate", "--auth", "session", "session"),
    ("simulate", "--generation", "windows", "windows"),
    ("simulate", "--tls-cert", "a.pem", Path("a.pem")),
    ("simulate", "--tls-key", "a.key", Path("a.key")),
    ("simulate", "--vms", "7", 7),
    ("demo", "--vms", "7", 7),
    ("simulate", "--seed", "0", 0),
    ("simulate", "--changing", "10", 10),
    ("simulate", "--incident", "vra-down=A,test_overdue", [("vra-down", "A"), ("test_overdue", None)]),
    ("demo", "--seed", "0", 0),
    *((name, "--config.file", "a.yaml", [Path("a.yaml")]) for name in SHOWS),
    *((name, "--format", "csv", "csv") for name in SHOWS),
    *((name, "--log.level", "error", "error") for name in arguments.flags()),
    *((name, "--log.format", "json", "json") for name in arguments.flags()),
]


class TestEnvironment:
    def parse(self, name: str, *argv: str, **environment: str) -> Mapping[str, object]:
        both = {"ZERTO_EXPORTER_TLS_CERT": "a.pem", "ZERTO_EXPORTER_TLS_KEY": "a.key"} if name == "simulate" else {}
        if "ZERTO_EXPORTER_TOTAL_SHARDS" in environment:
            both["ZERTO_EXPORTER_SHARD"] = "0"  # which this machine's name does not tell
        needed = ["--vm", "erp"] if name == "show points" else []
        return vars(arguments.parse([*name.split(), *needed, *argv], {**both, **environment}))

    def test_table_is_whole(self) -> None:
        flags = [(name, flag) for name, flags in arguments.flags().items() for flag in flags]
        assert sorted(flags) == sorted((name, flag) for name, flag, _, _ in FLAGS)

    @pytest.mark.parametrize(("name", "flag", "text", "value"), FLAGS)
    def test_each_flag_reads_its_variable(self, name: str, flag: str, text: str, value: object) -> None:
        variable = "ZERTO_EXPORTER_" + re.sub("[.-]", "_", flag.removeprefix("--")).upper()
        attribute = variable.removeprefix("ZERTO_EXPORTER_").lower()
        assert self.parse(name, **{variable: text})[attribute] == value
        if not attribute.startswith("tls"):
            if attribute != "total_shards":
                assert self.parse(name, **{variable: ""}) == self.parse(name), "an empty variable is none"
            assert self.parse(name)[attribute] != value

    @pytest.mark.parametrize(
        ("argv", "prefix"),
        [
            ([], ""),
            (["--web.route-prefix", "/"], ""),
            (["--web.route-prefix", "zerto/"], "/zerto"),
            (["--web.route-prefix", "/a/b-1.c~d"], "/a/b-1.c~d"),
            (["--web.external-url", "https://p.example.com"], ""),
            (["--web.external-url", "https://p.example.com/"], ""),
            (["--web.external-url", "https://p.example.com/zerto/"], "/zerto"),
            (["--web.external-url", "https://p.example.com/zerto", "--web.route-prefix", "/"], ""),
            (["--web.external-url", "https://p.example.com/zerto", "--web.route-prefix", "/x"], "/x"),
        ],
    )
    def test_the_prefix_is_the_path_of_the_external_url_unless_it_is_given(self, argv: list[str], prefix: str) -> None:
        for name in ("serve", "healthcheck"):
            assert self.parse(name, *argv)["web_route_prefix"] == prefix

    @pytest.mark.parametrize(
        ("argv", "variable", "text", "value"),
        [
            (["serve", "--log.level", "error"], "LOG_LEVEL", "debug", "error"),
            (["serve", "--config.file", "a", "--config.file", "b,c"], "CONFIG_FILE", "d", [Path("a"), Path("b,c")]),
            (["serve", "--web.listen-address", ":1", "--web.listen-address", ":2"], "WEB_LISTEN_ADDRESS", ":3", None),
            (["serve", "--no-web.enable-lifecycle"], "WEB_ENABLE_LIFECYCLE", "true", False),
            (["simulate", "--port", "0"], "PORT", "1", 0),
        ],
    )
    def test_flag_beats_its_variable(self, argv: list[str], variable: str, text: str, value: object) -> None:
        expected = [":1", ":2"] if value is None else value
        assert self.parse(*argv, **{f"ZERTO_EXPORTER_{variable}": text})[variable.lower()] == expected

    def test_addresses_are_separated_by_commas(self) -> None:
        parsed = self.parse("serve", ZERTO_EXPORTER_WEB_LISTEN_ADDRESS="127.0.0.1:1, [::1]:2")
        assert parsed["web_listen_address"] == ["127.0.0.1:1", "[::1]:2"]

    @pytest.mark.parametrize(
        ("name", "variable", "text", "says"),
        [
            ("serve", "LOG_LEVEL", "loud", "expected one of debug, info, warn, error, got 'loud'"),
            ("serve", "WEB_ENABLE_LIFECYCLE", "yes", "expected true or false, got 'yes'"),
            ("simulate", "PORT", "http", "expected a whole number from 0 to 65535, got 'http'"),
        ],
    )
    def test_wrong_variable_is_named(
        self, name: str, variable: str, text: str, says: str, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(f"ZERTO_EXPORTER_{variable}", text)
        done = command(name)
        assert done.code == 2
        assert done.err.endswith(f"error: ZERTO_EXPORTER_{variable}: {says}\n")

    def test_variables_of_other_commands_are_not_read(self) -> None:
        self.parse("serve", ZERTO_EXPORTER_PORT="http", ZERTO_EXPORTER_CONNECT="perhaps")

    def test_port_that_kubernetes_sets_for_a_service_is_not_ours(self) -> None:
        assert self.parse("simulate", ZERTO_EXPORTER_PORT="tcp://10.0.0.1:9403")["port"] == 9669


class TestStartErrors:
    BAD = "zvms:\n  - name: nyc\n    url: ftp://zvm\n    timeot: 5s\n    auth: {username: a, password: [pl4nted]}\n"
    PROBLEMS = (
        "zvms[0].timeot: unknown key; did you mean timeout?",
        "zvms[0].auth.password: expected a string, got a list",
        "zvms[0].url: expected https://host or https://host:port, got 'ftp://zvm'",
    )

    @pytest.mark.parametrize("argv", [["check"], ["check", "--connect"], ["once"], ["serve"]])
    def test_each_mistake_is_a_line_on_standard_error(self, argv: list[str], command: Command, tmp_path: Path) -> None:
        (tmp_path / "config.yaml").write_text(self.BAD)
        expected = "".join(f"zerto-exporter: config.yaml: {problem}\n" for problem in self.PROBLEMS)
        assert command(*argv) == Done(1, "", expected)

    def test_of_a_process_too(self, start: Start, tmp_path: Path) -> None:
        """Serve is the default command; there is no traceback and nothing else."""
        (tmp_path / "c.yaml").write_text(self.BAD)
        run = start("--config.file", "c.yaml")
        assert run.ends() == 1
        assert "".join(run.quote).splitlines() == [f"zerto-exporter: c.yaml: {problem}" for problem in self.PROBLEMS]

    def test_without_a_configuration(self, command: Command) -> None:
        done = command()
        assert (done.code, done.out) == (1, "")
        assert done.err == (
            "zerto-exporter: config.yaml: there is none; --config.file names another, or ZVM_URL, ZVM_USERNAME and "
            "ZVM_PASSWORD_FILE one ZVM\n"
        )

    def test_mistake_of_the_quick_start_is_named_by_its_variable(
        self, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ZVM_URL", "https://zvm")
        done = command("check")
        assert (done.code, done.err.splitlines()) == (
            1,
            [
                "zerto-exporter: environment: ZVM_USERNAME: missing, method auto needs it",
                "zerto-exporter: environment: ZVM_PASSWORD_FILE: missing (or ZVM_PASSWORD), method auto needs it",
            ],
        )

    @pytest.mark.parametrize("argv", [["serve"], ["demo"]])
    def test_port_in_use(self, argv: list[str], command: Command, tmp_path: Path, ca_file: Path) -> None:
        write_config(tmp_path, ca_file, ("nyc", "https://127.0.0.1:1"))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = command(*argv, "--web.listen-address", address, "--log.level", "error")
        assert done == Done(
            1, "", f"zerto-exporter: --web.listen-address: cannot listen on {address}: Address already in use\n"
        )

    def test_the_same_address_twice(self, command: Command, tmp_path: Path, ca_file: Path) -> None:
        write_config(tmp_path, ca_file, ("nyc", "https://127.0.0.1:1"))
        address = f"127.0.0.1:{dead_port()}"
        done = command("--web.listen-address", address, "--web.listen-address", address, "--log.level", "error")
        assert done.code == 1
        assert done.err == (
            f"zerto-exporter: --web.listen-address: cannot listen on {address}: Address already in use\n"
        )

    def test_simulate_on_a_port_in_use(self, command: Command) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = command("simulate", "--port", str(port))
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"zerto-exporter: --port: cannot listen on 127.0.0.1:{port}: ")

    def test_simulate_with_a_bad_certificate(self, command: Command, ca_file: Path) -> None:
        done = command("simulate", "--port", "0", "--tls-cert", "/no/cert", "--tls-key", str(ca_file))
        assert done == Done(1, "", "zerto-exporter: --tls-cert, --tls-key: No such file or directory\n")

    def test_simulate_with_an_incident_that_cannot_be(self, command: Command) -> None:
        done = command("simulate", "--port", "0", "--incident", "vra-down=No-Such")
        assert done == Done(1, "", "zerto-exporter: --incident vra-down: no VPG is called No-Such\n")
        done = command("simulate", "--port", "0", "--incident", "wan-down=ERP-Production")
        assert (done.code, "whole site" in done.err) == (1, True)


class TestCheck:
    def test_several_files(self, command: Command, tmp_path: Path, ca_file: Path) -> None:
        write_config(tmp_path, ca_file, ("nyc", "https://a"))
        (tmp_path / "zvms.d").mkdir()
        (tmp_path / "zvms.d" / "lon.yaml").write_text("- {name: lon, url: 'https://b'}\n")
        files = ("--config.file", "config.yaml", "--config.file", "zvms.d/*.yaml")
        assert command("check", *files) == Done(0, "the configuration is good: 2 ZVMs\n", "")
        (tmp_path / "zvms.d" / "fra.yaml").write_text("- {name: nyc, url: 'https://c'}\n")
        quote = "zerto-exporter: zvms.d/fra.yaml: [0].name: 'nyc' is already the name of config.yaml: zvms[0]\n"
        assert command("check", *files) == Done(1, "", quote)

    def test_counts_what_it_found_good(self, command: Command, tmp_path: Path, ca_file: Path) -> None:
        file = write_config(tmp_path, ca_file, ("nyc", "https://a"))
        assert command("check") == Done(0, "the configuration is good: 1 ZVM\n", "")
        other = write_config(tmp_path, ca_file, ("nyc", "https://a"), ("lon", "https://b")).rename(tmp_path / "b.yaml")
        assert command("check", "--config.file", str(other)) == Done(0, "the configuration is good: 2 ZVMs\n", "")
        assert not file.exists()

    def test_quick_start(self, command: Command, sites: Sites, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        nyc = sites.start()
        for name, value in {
            "ZVM_URL": nyc.url,
            "ZVM_USERNAME": nyc.username,
            "ZVM_PASSWORD": PASSWORD,
            "ZVM_CA_FILE": str(ca_file),
        }.items():
            monkeypatch.setenv(name, value)
        done = command("check", "--connect")
        assert done.code == 0
        assert done.out.startswith("127.0.0.1: ok: Zerto 10.0.60, ")

    def test_connects_to_each(self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        nyc, lon = sites.start(auth="keycloak"), sites.start("lon", auth="session", generation="windows")
        write_config(tmp_path, ca_file, ("nyc", nyc.url), ("lon", lon.url))
        done = command("check", "--connect")
        assert done.code == 0
        first, second = done.out.splitlines()
        line = r"{}: ok: Zerto {}, [0-9]+ VMs, [1-9][0-9]* series, [0-9]+\.[0-9][0-9] s"
        assert re.fullmatch(line.format("nyc", r"10\.0\.60"), first)
        assert re.fullmatch(line.format("lon", r"9\.7\.20"), second)
        assert (nyc.live_sessions, lon.live_sessions) == (0, 0)

    def failing(self, done: Done) -> str:
        """Return the line of the ZVM nyc, which failed while lon is good."""
        nyc, lon = done.out.splitlines()
        assert done.code == 1
        assert lon.startswith("lon: ok: ")
        assert nyc.startswith("nyc: failed: ")
        assert nyc.endswith(" (vms, vpgs)"), "one cause is told once"
        assert PASSWORD not in done.out + done.err
        return nyc

    def test_wrong_password(self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        nyc, lon = sites.start(username="other@vsphere.local"), sites.start("lon")
        write_config(tmp_path, ca_file, ("nyc", nyc.url), ("lon", lon.url))
        line = self.failing(command("check", "--connect"))
        assert "auth: login refused for user 'prometheus@vsphere.local': HTTP 401" in line

    def test_wrong_ca(self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        foreign = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(foreign)
        lon = sites.start("lon")
        sites.context = foreign
        nyc = sites.start()
        write_config(tmp_path, ca_file, ("nyc", nyc.url), ("lon", lon.url))
        line = self.failing(command("check", "--connect"))
        assert f"connect: GET /auth/realms/zerto/.well-known/openid-configuration: the certificate of {nyc.url}" in line
        assert "tls.ca_file" in line

    def test_wrong_port(self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        lon, url = sites.start("lon"), f"https://127.0.0.1:{dead_port()}"
        write_config(tmp_path, ca_file, ("nyc", url), ("lon", lon.url))
        line = self.failing(command("check", "--connect"))
        assert f"no connection to {url} (is the port right?)" in line

    def test_one_collector_that_fails_is_named(
        self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path
    ) -> None:
        nyc = sites.start()
        nyc.faults.set("/v1/vpgs", faults.status(403))
        write_config(tmp_path, ca_file, ("nyc", nyc.url))
        done = command("check", "--connect")
        assert done.code == 1
        assert re.fullmatch(r"nyc: failed: http: GET /v1/vpgs: HTTP 403 .* \(vpgs\)\n", done.out)

    @pytest.mark.filterwarnings("ignore:unclosed resource <TCPTransport")  # its end of TLS never comes; the loop ends
    def test_zvm_that_hangs_costs_its_timeout_once(
        self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path
    ) -> None:
        nyc = sites.start()
        nyc.faults.set("/", faults.hang())
        write_config(tmp_path, ca_file, ("nyc", nyc.url), timeout="2s")
        assert "nyc: failed: timeout: " in command("check", "--connect").out
        assert [request.path for request in nyc.requests] == ["/auth/realms/zerto/.well-known/openid-configuration"]


class TestOnce:
    def test_page_without_the_process_of_its_own(
        self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path
    ) -> None:
        nyc = sites.start()
        write_config(tmp_path, ca_file, ("nyc", nyc.url), ("dead", f"https://127.0.0.1:{dead_port()}"))
        done = command("once")
        assert done.code == 0
        page = Page(done.out)
        assert (page.value("zerto_up", zvm="nyc"), page.value("zerto_up", zvm="dead")) == (1, 0)
        assert page.values("zerto_vm_iops", zvm="nyc")
        ours = ("process_", "python_", "zerto_exporter_")
        assert [name for name, _ in page.samples if name.startswith(ours)] == []
        assert 'msg="ZVM is up"' in done.err
        assert nyc.live_sessions == 0

    def test_pages_of_two_runs_go_into_one_folder(
        self, command: Command, sites: Sites, tmp_path: Path, ca_file: Path
    ) -> None:
        """A textfile collector reads all of its folder, and a series must be in one file only."""
        pages = []
        for name in ("nyc", "lon"):
            write_config(tmp_path, ca_file, (name, sites.start(name).url))
            pages.append(Page(command("once").out))
        assert not pages[0].samples.keys() & pages[1].samples.keys()
        own = Page(command("once", "--exporter-metrics").out)
        assert own.value("zerto_exporter_polls_total", zvm="lon", collector="vms", outcome="success") == 1
        assert pages[1].samples.keys() < own.samples.keys()
        assert [name for name, _ in own.samples if name.startswith(("process_", "python_"))] == []

    def test_reader_that_has_seen_enough(self, start: Start, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        """As with `zerto-exporter once | head`: no traceback."""
        nyc = sites.start()
        write_config(tmp_path, ca_file, ("nyc", nyc.url))
        run = start("once", "--log.level", "error")
        assert run.process.stdout is not None
        run.process.stdout.close()
        run.process.stdout = None
        assert run.ends() == 0
        assert run.quote == [""]

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_signal_logs_out(
        self, number: signal.Signals, code: int, start: Start, sites: Sites, tmp_path: Path, ca_file: Path
    ) -> None:
        nyc = sites.start()
        nyc.faults.set("/v1/vms", faults.hang())
        write_config(tmp_path, ca_file, ("nyc", nyc.url))
        run = start("once")
        sites.run(nyc.arrived())
        assert nyc.live_sessions == 1
        assert run.ends(number) == code
        assert nyc.live_sessions == 0
        assert "Traceback" not in "".join(run.quote)

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_signal_in_this_process(
        self, number: signal.Signals, code: int, command: Command, sites: Sites, tmp_path: Path, ca_file: Path
    ) -> None:
        nyc = sites.start()
        nyc.faults.set("/v1/vms", faults.hang())
        write_config(tmp_path, ca_file, ("nyc", nyc.url))

        def send() -> None:
            sites.run(nyc.arrived())
            os.kill(os.getpid(), number)

        threading.Thread(target=send, daemon=True).start()
        done = command("check", "--connect")
        assert (done.code, done.out, nyc.live_sessions) == (code, "", 0)


class TestServe:
    def test_stops_within_time_whatever_a_zvm_does(
        self, start: Start, sites: Sites, tmp_path: Path, ca_file: Path
    ) -> None:
        """One ZVM hangs from the start, one from its poll on and at logout, one is good: that one is logged out."""
        nyc, lon, fra = sites.start(), sites.start("lon"), sites.start("fra")
        lon.faults.set("/", faults.hang())
        fra.faults.set("/v1", faults.hang())
        fra.faults.set("/auth/realms/zerto/protocol/openid-connect/logout", faults.hang())
        write_config(tmp_path, ca_file, ("nyc", nyc.url), ("lon", lon.url), ("fra", fra.url))
        run = start("--web.listen-address", "127.0.0.1:0")
        run.says('msg="ZVM is up" zvm=nyc')
        sites.run(fra.arrived())
        assert nyc.live_sessions == 1
        assert run.ends(signal.SIGTERM) == 0
        assert nyc.live_sessions == 0

    def test_second_sigterm_changes_nothing(self, start: Start, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        nyc = sites.start()
        nyc.faults.set("/auth/realms/zerto/protocol/openid-connect/logout", faults.slow())
        write_config(tmp_path, ca_file, ("nyc", nyc.url))
        run = start("--web.listen-address", "127.0.0.1:0")
        run.says('msg="ZVM is up"')
        run.process.send_signal(signal.SIGTERM)
        run.says("msg=stopping")
        assert run.ends(signal.SIGTERM) == 0
        assert nyc.live_sessions == 0

    def test_sigint(self, start: Start, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        nyc = sites.start()
        write_config(tmp_path, ca_file, ("nyc", nyc.url))
        run = start("--web.listen-address", "127.0.0.1:0")
        run.says('msg="ZVM is up"')
        assert run.ends(signal.SIGINT) == 0
        assert nyc.live_sessions == 0
        assert "Traceback" not in "".join(run.quote)

    def test_starts_with_a_dead_zvm(self, start: Start, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        nyc = sites.start()
        write_config(tmp_path, ca_file, ("dead", f"https://127.0.0.1:{dead_port()}"), ("nyc", nyc.url))
        run = start("--web.listen-address", "127.0.0.1:0", "--web.telemetry-path", "/m")
        url = run.url()
        run.says('msg="ZVM is up"')
        page = Page(get(f"{url}/m"))
        assert (page.value("zerto_up", zvm="nyc"), page.value("zerto_up", zvm="dead")) == (1, 0)
        assert page.values("process_resident_memory_bytes")
        assert run.ends(signal.SIGTERM) == 0

    def test_stops_within_time_where_a_lookup_hangs(self, start: Start, tmp_path: Path, ca_file: Path) -> None:
        """A lookup cannot be cancelled, so its thread must not keep the process from ending."""
        write_config(tmp_path, ca_file, ("nyc", "https://zvm.example.com"))
        program = (
            "import socket, sys, threading\n"
            "real = socket.getaddrinfo\n"
            "def lookup(host, *args, **options):\n"
            "    if host == 'zvm.example.com':\n"
            "        print('looking up', file=sys.stderr, flush=True)\n"
            "        threading.Event().wait()\n"
            "    return real(host, *args, **options)\n"
            "socket.getaddrinfo = lookup\n"
            "from exporter.cli.main import main\n"
            "main()\n"
        )
        run = start("--web.listen-address", "127.0.0.1:0", program=("-c", program))
        run.says("looking up")
        assert run.ends(signal.SIGTERM) == 0


class TestSimulate:
    def test_over_tls(self, start: Start, authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
        certificate = authority.issue_cert("127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        certificate.private_key_pem.write_to_path(str(tmp_path / "cert.key"))
        run = start("simulate", "--port", "0", "--vms", "2", "--tls-cert", "cert.pem", "--tls-key", "cert.key")
        assert run.process.stdout is not None
        url = re.search(r"https://\S+", run.process.stdout.readline())
        assert url is not None
        context = ssl.create_default_context(cafile=ca_file)
        assert "token_endpoint" in get(f"{url[0]}/auth/realms/zerto/.well-known/openid-configuration", context)
        assert run.ends(signal.SIGTERM) == 0
        assert run.quote == [""]

    def test_in_plain_text(self, command: Command) -> None:
        done = command("simulate", "--port", end_when_it_answers(), "--vms", "2")
        assert done.code == 0
        assert done.out.startswith("a simulated ZVM with 2 VMs: http://127.0.0.1:")


def end_when_it_answers() -> str:
    """Return a free port; once it answers, by which time signals are handled, send this process SIGTERM."""
    port = dead_port()

    def send() -> None:
        while True:
            try:
                get(f"http://127.0.0.1:{port}/")
            except urllib.error.HTTPError as answered:
                answered.close()
            except OSError:
                time.sleep(0.01)
                continue
            os.kill(os.getpid(), signal.SIGTERM)
            return

    threading.Thread(target=send, daemon=True).start()
    return str(port)


class TestDemo:
    def test_serves_both_sites(self, start: Start) -> None:
        run = start("demo", "--web.listen-address", "127.0.0.1:0", "--vms", "5")
        url = run.url()
        up = {run.says(r'msg="ZVM is up" zvm=(\w+)')[1], run.says(r'msg="ZVM is up" zvm=(\w+)')[1]}
        page = Page(get(f"{url}/metrics"))
        assert up == {"nyc", "lon"}
        assert (page.value("zerto_up", zvm="nyc"), page.value("zerto_up", zvm="lon")) == (1, 1)
        assert page.values("zerto_vm_info", zvm="nyc")
        assert page.values("zerto_vm_info", zvm="lon")
        assert run.ends(signal.SIGTERM) == 0
        assert "Traceback" not in "".join(run.quote)

    def test_in_this_process(self, command: Command) -> None:
        address = f"127.0.0.1:{end_when_it_answers()}"
        done = command("demo", "--web.listen-address", address, "--vms", "2", "--web.telemetry-path", "/m")
        assert done.code == 0
        assert re.search(r"^exporter: http://localhost:[0-9]+/ and http://localhost:[0-9]+/m$", done.out, re.MULTILINE)


class TestWebConfig:
    """The HTTP side behind TLS and a password, and what looks at it from outside."""

    def files(self, folder: Path, authority: trustme.CA) -> Path:
        issued = authority.issue_cert("127.0.0.1", "localhost")
        issued.cert_chain_pems[0].write_to_path(str(folder / "server.crt"))
        issued.private_key_pem.write_to_path(str(folder / "server.key"))
        hashed = bcrypt.hashpw(b"pl4nted", bcrypt.gensalt(4)).decode()
        file = folder / "web.yml"
        file.write_text(
            f"tls_server_config: {{cert_file: server.crt, key_file: server.key}}\nbasic_auth_users: {{me: {hashed}}}\n"
        )
        return file

    def test_serves_and_is_found_healthy(
        self, start: Start, command: Command, tmp_path: Path, ca_file: Path, authority: trustme.CA
    ) -> None:
        web = self.files(tmp_path, authority)
        write_config(tmp_path, ca_file, ("dead", f"https://127.0.0.1:{dead_port()}"))
        prefix = ("--web.external-url", "https://proxy.example.com/zerto/")
        run = start("--web.listen-address", "127.0.0.1:0", "--web.config.file", str(web), "--web.open-probes", *prefix)
        port = run.url().rpartition(":")[2]
        context = ssl.create_default_context(cafile=ca_file)
        assert get(f"https://127.0.0.1:{port}/zerto/-/healthy", context) == "healthy\n"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(f"https://127.0.0.1:{port}/zerto/metrics", context)
        asked = ("healthcheck", "--web.listen-address", f"127.0.0.1:{port}", *prefix)
        assert command(*asked, "--web.config.file", str(web)) == Done(0, "", "")
        assert command(*asked).code == 1
        assert run.ends(signal.SIGTERM) == 0
        ended = command(*asked, "--web.config.file", str(web))
        assert (ended.code, ended.out) == (1, "")
        assert ended.err == f"zerto-exporter: no answer from 127.0.0.1:{port}: Connection refused\n"

    def test_a_bad_file_ends_the_start(self, command: Command, tmp_path: Path, ca_file: Path) -> None:
        write_config(tmp_path, ca_file, ("dead", "https://127.0.0.1:1"))
        (tmp_path / "web.yml").write_text("basic_auth_users: {me: pl4nted}\nhttp_server_config: {http2: true}\n")
        for name in ("serve", "demo", "healthcheck"):
            ended = command(name, "--web.config.file", "web.yml", "--web.listen-address", "127.0.0.1:0")
            assert (ended.code, ended.out) == (1, "" if name != "demo" else ended.out)
            assert "zerto-exporter: web.yml: basic_auth_users.me: expected a bcrypt hash" in ended.err
            assert "zerto-exporter: web.yml: http_server_config.http2: HTTP/2 is not offered" in ended.err
            assert "pl4nted" not in ended.err

    def test_an_address_that_is_none(self, command: Command) -> None:
        ended = command("healthcheck", "--web.listen-address", "9403")
        assert (ended.code, ended.err) == (
            1,
            "zerto-exporter: --web.listen-address: expected host:port or :port, got '9403'\n",
        )


class TestStandardStreams:
    """What nobody can read costs the lines of the log, and nothing else."""

    REDIRECTS = ("2>/dev/full >&2", "<&- >&- 2>&-", "")

    def test_the_service_goes_on(self, start: Start, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        nyc = sites.start()
        dead = ("dead", f"https://127.0.0.1:{dead_port()}")
        write_config(tmp_path, ca_file, ("nyc", nyc.url), dead, interval="500ms")
        runs = []
        for redirect in self.REDIRECTS:
            address = f"127.0.0.1:{dead_port()}"
            run = start("--web.listen-address", address, "--web.enable-lifecycle", redirect=redirect)
            for stream in (run.process.stdout, run.process.stderr):  # as with `2>&1 | true`
                assert stream is not None
                stream.close()
            runs.append((address, run))
        sites.run(nyc.arrived(3 * len(runs)))
        for address, run in runs:
            urllib.request.urlopen(f"http://{address}/-/reload", data=b"", timeout=10).close()
            page = Page(get(f"http://{address}/metrics?collect[]=exporter"))
            assert page.value("zerto_exporter_log_lines_lost_total") >= 3  # listening, up, down
            polls = {"zvm": "nyc", "collector": "vms"}
            assert page.value("zerto_exporter_polls_total", **polls, outcome="success") >= 1
            assert page.value("zerto_exporter_polls_total", **polls, outcome="bug") == 0
            run.process.send_signal(signal.SIGTERM)
        assert [run.process.wait() for _, run in runs] == [0] * len(runs)
        assert nyc.live_sessions == 0

    def test_the_exit_code_is_what_it_would_be(self, start: Start, sites: Sites, tmp_path: Path, ca_file: Path) -> None:
        """But a page that cannot be written is a failure, and is told."""
        nyc = sites.start()
        write_config(tmp_path, ca_file, ("nyc", nyc.url))
        runs = [
            (start("once", redirect=">&-"), 1, "standard output cannot be written: Bad file descriptor"),
            (start("check", "--config.file", "none.yaml", redirect="2>/dev/full"), 1, ""),
            (start("check", "--no-such-flag", redirect="2>/dev/full"), 2, ""),
        ]
        for run, code, says in runs:
            assert (run.ends(), says in run.quote[-1], "Traceback" in run.quote[-1]) == (code, True, False)

    def test_complete_gives_each_closed_one_its_number(self, start: Start) -> None:
        """Else a socket would be standard error, and get what is written there."""
        program = (
            "import os, sys\n"
            "from exporter.cli import streams\n"
            "streams.complete()\n"
            "print('said')\n"
            "opened = os.open('/dev/null', os.O_RDONLY)\n"
            "streams.settle()\n"
            "os._exit(opened if None not in (sys.stdin, sys.stdout, sys.stderr) else 100)\n"
        )
        assert start(program=("-c", program), redirect="<&- >&- 2>&-").ends() == 3


class TestSignalsAtTheStart:
    """A signal arrives while the program's modules are loaded."""

    PROGRAM = (
        "import os, runpy, signal, sys\n"
        "class Early:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'aiohttp':\n"
        "            os.kill(os.getpid(), {})\n"
        "sys.meta_path.insert(0, Early())\n"
        "runpy.run_module('exporter', run_name='__main__', alter_sys=True)\n"
    )

    def early(self, number: signal.Signals) -> tuple[str, str]:
        return "-c", self.PROGRAM.format(int(number))

    def test_ends_or_reloads(self, start: Start, tmp_path: Path, ca_file: Path) -> None:
        """Also as the first process of a container, which SIGTERM does not end by itself."""
        write_config(tmp_path, ca_file, ("dead", f"https://127.0.0.1:{dead_port()}"))
        serve = ("serve", "--web.listen-address", "127.0.0.1:0")
        runs = [
            (start(*serve, program=self.early(signal.SIGTERM)), 0),
            (start("once", program=self.early(signal.SIGINT)), 130),
        ]
        reloading = start(*serve, program=self.early(signal.SIGHUP))
        for run, code in runs:
            assert (run.ends(), "Traceback" in run.quote[-1]) == (code, False)
        reloading.says('msg="configuration reloaded"')
        assert reloading.ends(signal.SIGTERM) == 0

    def test_the_second_ends_at_once(self, start: Start) -> None:
        program = "import os\nfrom exporter.cli import signals\nsignals.hold()\n" + "os.kill(os.getpid(), 15)\n" * 2
        assert start(program=("-c", f"{program}print('survived')\n")).ends() == 143


def test_stops_within_time_while_answers_are_converted(
    start: Start, sites: Sites, tmp_path: Path, ca_file: Path
) -> None:
    """Two large answers keep the threads busy for long, and a thread cannot be cancelled; each ZVM is logged out."""
    zvms = [sites.start() for _ in range(3)]
    write_config(tmp_path, ca_file, *((f"zvm{number}", zvm.url) for number, zvm in enumerate(zvms)))
    program = (
        "import sys, time\n"
        "from exporter.polling import selection\n"
        "def publish(self, rows, others=0, **_):\n"
        "    end = time.monotonic() + 20\n"
        "    print('converting', file=sys.stderr, flush=True)\n"
        "    while time.monotonic() < end:\n"
        "        pass\n"
        "    print('converted', file=sys.stderr, flush=True)\n"
        "selection.Selector.publish = publish\n"
        "from exporter.__main__ import main\n"
        "main()\n"
    )
    run = start("--web.listen-address", "127.0.0.1:0", program=("-c", program))
    run.says("^converting")
    for zvm in zvms:
        sites.run(zvm.arrived())
    assert run.ends(signal.SIGTERM) == 0
    assert [zvm.live_sessions for zvm in zvms] == [0, 0, 0]
    assert "msg=stopped" in "".join(run.quote)
    assert "converted" not in "".join(run.quote)


def test_stops_within_time_whatever_hangs(start: Start, tmp_path: Path, ca_file: Path) -> None:
    write_config(tmp_path, ca_file, ("dead", f"https://127.0.0.1:{dead_port()}"))
    program = (
        "import asyncio\n"
        "from exporter.cli import main, signals\n"
        "from exporter.polling.poller import Poller\n"
        "async def never(self):\n"
        "    await asyncio.Event().wait()\n"
        "Poller.stop = never\n"
        "signals.hold()\n"
        "main.main(stopping_seconds=0.1)\n"
    )
    run = start("--web.listen-address", "127.0.0.1:0", program=("-c", program))
    run.url()
    assert run.ends(signal.SIGTERM) == 0
    assert "msg=stopping" in run.quote[-1]
    assert "msg=stopped" not in run.quote[-1]
