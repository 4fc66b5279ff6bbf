"""The example configuration and its reference hold every key and flag, and the defaults of the code."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import trustme

from exporter import collectors, config
from exporter.cli import arguments
from exporter.collectors.vms import FILTERS
from exporter.config import Config, Metrics, Options, Zvm
from exporter.config.scalars import duration, size, whole
from exporter.config.schema import STANDARD
from exporter.zvm.settings import KEYCLOAK_CLIENT, Auth, ProxyAuth, Tls

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / "config.example.yaml").read_text()
REFERENCE = (ROOT / "docs" / "configuration.md").read_text()
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "auth": Auth,
    "tls": Tls,
    "proxy_auth": ProxyAuth,
    "metrics": Metrics,
    "<collector>": Options,
}
FIELDS = {field.name for field in msgspec.structs.fields(Zvm)} - {"metrics", "options"}
KEYS = [
    *sorted(FIELDS | {"max_answers", "zvms_files"}),
    *(f"{name}.{field.name}" for name, struct in SECTIONS.items() for field in msgspec.structs.fields(struct)),
]
NO_KEYS_OF_DEFAULTS = {"name", "url"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with every file that the example names."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = authority.issue_cert("prometheus.example.com")
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    for secret in ("zvm-nyc", "zvm-nyc-user", "zvm-lon", "zvm-fra", "zvm-fra-id", "proxy"):
        (tmp_path / secret).write_text("pl4nted\n")
    (tmp_path / "zvms.d").mkdir()
    (tmp_path / "zvms.d" / "par.yaml").write_text(
        "- {name: par, url: 'https://zvm-par', auth: {username: a, password: b}}\n"
    )
    return tmp_path


def load(text: str, folder: Path) -> config.Config:
    file = folder / "config.yaml"
    file.write_text(re.sub("/run/secrets|/etc/zerto-exporter", str(folder), text))
    return config.load(file, dict.fromkeys(("ZVM_NYC_PASSWORD", "ZVM_FRA_SECRET", "PROXY_PASSWORD"), "pl4nted"))


def test_example_is_valid_as_it_stands(files: Path) -> None:
    zvms = load(EXAMPLE, files).zvms
    assert [(zvm.name, zvm.auth.method) for zvm in zvms] == [
        ("nyc", "auto"),
        ("lon", "session"),
        ("fra", "keycloak_client"),
    ]


def test_example_is_valid_with_its_other_keys(files: Path) -> None:
    """Each line that starts with #key: can be taken in; the two forms of a secret exclude each other."""
    given = r"^ *(?:#?(?:password|client_secret)_file|username|client_id): .*$"
    text = re.sub(given, "", EXAMPLE, flags=re.MULTILINE)
    text = re.sub(r"^( *)#(?=[a-z_]+:)", r"\1", text, flags=re.MULTILINE)
    text = text.replace("method: session", "method: session\n      username: x\n      password: x")
    nyc, _, fra, par = load(text, files).zvms
    assert par.name == "par"
    assert nyc.auth.username_file == files / "zvm-nyc-user"
    assert fra.auth.client_id_file == files / "zvm-fra-id"
    assert nyc.auth.password == fra.auth.client_secret == "pl4nted"
    assert nyc.metrics == Metrics(allow=("zerto_vm_.*", "zerto_vpg_.*"), deny=("zerto_vm_journal_.*",))
    assert nyc.of("vms") == Options(
        include={"organization": ("Acme",), "vpg": ("ERP.*",)},
        exclude={"vm": (".*-test",)},
    )
    assert nyc.of("vpgs") == Options(include={"organization": ("Acme",)}, exclude={"vpg": (".*-test",)})
    assert nyc.max_series == 200_000
    assert nyc.filters == {"organizationName": "Acme"}
    assert nyc.tls == Tls(
        ca_file=files / "ca.pem",
        server_name="zvm-nyc.example.com",
        cert_file=files / "client.pem",
        key_file=files / "client.key",
        ciphers="DEFAULT:@SECLEVEL=0",
    )
    assert nyc.proxy_url == "http://proxy.example.com:3128"
    assert nyc.proxy_auth == ProxyAuth(username="exporter", password="pl4nted")


def test_example_states_the_defaults_of_the_code(files: Path) -> None:
    whole_file = load(EXAMPLE, files)
    assert whole_file.max_answers == Config(()).max_answers
    stated = whole_file.zvms[0]
    bare = Zvm(name=stated.name, url=stated.url, auth=stated.auth, labels=stated.labels)
    for key in ("method", "account", "realm", "scope"):
        assert getattr(stated.auth, key) == getattr(Auth(), key)
    assert stated.served_for(30) == bare.served_for(30)
    assert msgspec.structs.replace(stated, stale_after=None) == bare


@pytest.mark.parametrize("key", KEYS)
def test_example_names_each_key(key: str) -> None:
    assert re.search(rf"^[ #-]*(?:- )?{key.rpartition('.')[2]}: ?", EXAMPLE, flags=re.MULTILINE), key


@pytest.mark.parametrize("key", KEYS)
def test_reference_names_each_key(key: str) -> None:
    assert re.search(rf"^\| `{re.escape(key)}` \|", REFERENCE, flags=re.MULTILINE), key


def test_reference_states_the_defaults_of_the_code() -> None:
    """The second column of a key's row is its type, the third its default."""
    stated = dict(re.findall(r"^\| `([a-z_.<>]+)` \|[^|]*\| `?([^|`]*)`? \|", REFERENCE, flags=re.MULTILINE))
    zvm = Zvm(name="nyc", url="https://zvm.example.com")
    assert duration(stated["interval"]) == zvm.interval
    assert duration(stated["timeout"]) == zvm.timeout
    assert size(stated["max_body"]) == zvm.max_body
    assert whole(stated["max_requests"]) == zvm.max_requests
    assert whole(stated["max_answers"]) == Config(()).max_answers
    assert stated["max_series"] == "none"
    assert stated["collectors"] == "[standard]"
    assert zvm.collectors == STANDARD
    assert whole(stated["<collector>.requests_per_poll"]) == Options().requests_per_poll
    for key in ("method", "account", "realm", "scope"):
        assert stated[f"auth.{key}"] == getattr(zvm.auth, key)
    assert stated["auth.client_id"] == KEYCLOAK_CLIENT
    assert stated["tls.min_version"] == zvm.tls.min_version
    assert stated["tls.insecure_skip_verify"] == str(zvm.tls.insecure_skip_verify).lower()


@pytest.mark.parametrize(
    "flag", sorted({flag for flags in arguments.flags().values() for flag in flags} | {"--version"})
)
def test_reference_names_each_flag_and_its_variable(flag: str) -> None:
    row = re.search(rf"^\| `{re.escape(flag)}` \|.*$", REFERENCE, flags=re.MULTILINE)
    assert row is not None
    assert flag == "--version" or f"`{arguments.variable(flag)}`" in row[0]


@pytest.mark.parametrize(
    "word",
    [*config.VARIABLES, *arguments.COMMANDS, *sorted(FILTERS), *(collector.name for collector in collectors.ALL)],
)
def test_reference_names_each_variable_command_filter_and_collector(word: str) -> None:
    assert f"`{word}`" in REFERENCE
