"""The configuration: what is read, what is refused, and that a refusal never quotes a secret."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from exporter import collectors, config
from exporter.config import Config, ConfigError, Metrics, Options, Zvm
from exporter.config.document import DocumentError, read_document
from exporter.config.scalars import duration, size
from exporter.zvm.settings import Auth, Tls
from exporter.zvm.tls import new_context

FOLDER = Path(__file__).parent / "config"
NAMES = [collector.name for collector in collectors.ALL]
LISTS = {  # what the messages in the files stand for
    "{folder}": str(FOLDER),
    "{collectors}": ", ".join(sorted((*NAMES, "all", "standard"))),
    "{keys}": ", ".join(sorted({field.name for field in msgspec.structs.fields(Zvm)} - {"options"} | set(NAMES))),
}
BAD = sorted((FOLDER / "bad").glob("*.yaml"))
ENVIRONMENT = {"PLANTED": "pl4nted-in-a-variable", "EMPTY": ""}
QUICK_START = {"ZVM_URL": "https://zvm.example.com", "ZVM_USERNAME": "monitor", "ZVM_PASSWORD": "pl4nted"}


def load(text: str, tmp_path: Path, **environment: str) -> Config:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return config.load(file, environment)


def one(keys: str, tmp_path: Path, **environment: str) -> Zvm:
    """Return the one ZVM of a configuration with these further *keys*."""
    text = f"zvms:\n  - name: nyc\n    url: https://zvm.example.com\n{keys}"
    (zvm,) = load(text, tmp_path, **environment).zvms
    return zvm


AUTH = "    auth: {username: monitor, password: pl4nted}\n"


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_bad_file_is_refused_with_every_mistake_and_without_a_secret(file: Path) -> None:
    """Beside each file stand its messages; `pl4nted` in a file is a secret, where it belongs or elsewhere."""
    with pytest.raises(ConfigError) as refused:
        config.load(file, ENVIRONMENT)
    text = file.with_suffix(".txt").read_text()
    for list_, names in LISTS.items():
        text = text.replace(list_, names)
    expected = text.splitlines()
    assert refused.value.problems == expected
    assert str(refused.value).splitlines() == [f"{file}: {problem}" for problem in expected]
    assert "pl4nted" not in str(refused.value)


def test_every_expectation_belongs_to_a_file() -> None:
    assert [file.with_suffix(".txt") for file in BAD] == sorted((FOLDER / "bad").glob("*.txt"))


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read: No such file or directory$"):
        config.load(tmp_path / "config.yaml", {})


def test_minimal_file_takes_the_defaults(tmp_path: Path) -> None:
    assert one(AUTH, tmp_path) == Zvm(
        name="nyc", url="https://zvm.example.com", auth=Auth(username="monitor", password="pl4nted")
    )


def test_full_file() -> None:
    read = config.load(FOLDER / "good" / "full.yaml", {"VPG": "x|y"})
    assert read.max_answers == 7
    defaults, own, windows, client = read.zvms
    secret, other = FOLDER / "good/../files/password", FOLDER / "good/../files/other-password"
    assert defaults == Zvm(
        name="defaults",
        url="https://a.example.com",
        interval=60.0,
        timeout=10.5,
        stale_after=300.0,
        max_body=1024,
        collectors=("vms",),
        auth=Auth(method="keycloak", username="monitor", password_file=secret),
        tls=Tls(server_name="zvm", insecure_skip_verify=True),
        filters={"vpgName": "ERP", "priority": "1"},
        labels={"region": "us", "rack": "007"},
        max_series=1000,
        max_requests=2,
        metrics=Metrics(deny=("zerto_vm_iops",)),
        options={"vms": Options(include={"vpg": ("ERP",), "organization": ("Acme",)}, exclude={"vm": ("a", "b")})},
    )
    assert own == Zvm(
        name="own",
        url="https://b.example.com:9669/",
        interval=90.0,
        timeout=10.5,
        stale_after=300.0,
        max_body=2 * 2**20,
        collectors=("vms", "vpgs"),
        auth=Auth(method="keycloak", username="other", password="pl4nted ${x}"),
        tls=Tls(server_name="zvm", insecure_skip_verify=False),
        filters={"vpgName": "CRM", "priority": "1", "vmName": "no"},
        labels={"region": "us", "rack": "12:30", "tier": "no"},
        max_series=5,
        max_requests=2,
        metrics=Metrics(allow=("zerto_vm_.*",)),
        options={
            "vms": Options(include={"vpg": (), "organization": ("Acme",), "vm": ("c",)}, exclude={"vm": ("a", "b")}),
            "vpgs": Options(exclude={"vpg": ("x|y",)}),
        },
    )
    assert windows.auth == Auth(method="session", username="monitor", password_file=other)
    assert client.auth == Auth(
        method="keycloak_client",
        username="monitor",
        password_file=secret,
        client_id="prometheus",
        client_secret="pl4nted",
    )


@pytest.mark.parametrize(
    ("default", "own", "expected"),
    [
        ("password: a", "password_file: SECRET", {"password": None, "password_file": True}),
        ("password_file: SECRET", "password: b", {"password": "b", "password_file": False}),
        ("username: a", "username_file: SECRET", {"username": None, "username_file": True}),
        ("client_id: a", "client_id_file: SECRET", {"client_id": None, "client_id_file": True}),
        ("username_file: SECRET", "username: b", {"username": "b", "username_file": False}),
        ("client_secret: a", "client_secret_file: SECRET", {"client_secret": None, "client_secret_file": True}),
        ("client_secret_file: SECRET", "client_secret: b", {"client_secret": "b", "client_secret_file": False}),
    ],
)
def test_own_secret_replaces_the_default_one_in_either_form(
    default: str, own: str, expected: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "SECRET").write_text("pl4nted")
    rest = {"client": "username: monitor, password: x", "userna": "password: x"}.get(default[:6], "username: monitor")
    zvms = f"zvms:\n  - {{name: nyc, url: https://a.example, auth: {{{rest}, {own}}}}}\n"
    (zvm,) = load(f"defaults: {{auth: {{{default}}}}}\n{zvms}", tmp_path).zvms
    for key, value in expected.items():
        has = getattr(zvm.auth, key)
        assert (has is not None) == value if isinstance(value, bool) else has == value


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("pl4nted")
    monkeypatch.chdir("/")
    zvm = one("    auth: {username: monitor, password_file: secret}\n", tmp_path)
    assert zvm.auth.password_file == tmp_path / "secret"


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("pl4nted")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert one("    auth: {username: monitor, password_file: ~/secret}\n", tmp_path).auth.password_file == (
        tmp_path / "secret"
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("1m30s", 90),
        ("1h", 3600),
        ("1d", 86400),
        ("1w", 604800),
        ("1y", 31536000),
        ("1d2h3m4s5ms", 93784.005),
        ("0s", 0),
        ("90m", 5400),
    ],
)
def test_durations_are_those_of_prometheus(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "1s1m", "1.5h", " 30s", "30 s", "30S", "1ms1s", "\u0663s", "1m-30s"])
def test_no_durations(text: str) -> None:
    assert duration(text) is None


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1B", 1),
        ("2KiB", 2048),
        ("256 MiB", 268435456),
        ("1GiB", 1 << 30),
        ("1MB", None),
        ("", None),
        ("MiB", None),
        ("-1", None),
        ("1.5GiB", None),
    ],
)
def test_sizes(text: str, size_bytes: int | None) -> None:
    assert size(text) == size_bytes


def test_timeout_follows_a_short_interval_where_none_is_set(tmp_path: Path) -> None:
    assert one(f"{AUTH}    interval: 5s\n", tmp_path).timeout == 5
    assert one(f"{AUTH}    interval: 5m\n", tmp_path).timeout == 20


def test_stale_after_follows_the_interval_where_none_is_set(tmp_path: Path) -> None:
    assert one(AUTH, tmp_path).served_for(30) == 120
    assert one(f"{AUTH}    interval: 5m\n", tmp_path).served_for(300) == 900
    assert one(f"{AUTH}    stale_after: 45s\n", tmp_path).served_for(30) == 45
    assert one(f"{AUTH}    stale_after: 45s\n", tmp_path).served_for(60) == 180


def test_variables_stand_anywhere_in_a_value_of_any_type(tmp_path: Path) -> None:
    zvm = one(
        "    auth: {username: '${USER}@${DOMAIN}', password: '$${HOME} $x ${PASSWORD}'}\n"
        "    interval: ${INTERVAL}\n    max_body: ${SIZE}\n    tls: {insecure_skip_verify: '${SKIP}'}\n",
        tmp_path,
        USER="monitor",
        DOMAIN="vsphere.local",
        PASSWORD="${USER}",
        INTERVAL="45s",
        SIZE="1MiB",
        SKIP="true",
    )
    assert zvm.auth.username == "monitor@vsphere.local"
    assert zvm.auth.password == "${HOME} $x ${USER}", "what a variable holds is not expanded again"
    assert (zvm.interval, zvm.max_body, zvm.tls.insecure_skip_verify) == (45, 2**20, True)


LINE_ENDS = ["\n", "\r\n", "\n\n", ""]


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_line_ends_and_byte_order_marks_of_variables_are_no_part_of_them(mark: str, end: str, tmp_path: Path) -> None:
    """As `export ZVM_NYC_PASSWORD="$(type password.txt)"`, Compose and Kubernetes bring them along."""
    zvm = one(
        "    auth: {username: '${USER}@${DOMAIN}', password: '${PASSWORD}', client_secret: '${PASSWORD}'}\n",
        tmp_path,
        USER=f"{mark}monitor{end}",
        DOMAIN=f"{mark}vsphere.local{end}",
        PASSWORD=f"{mark} pl4nted\tx {end}",
    )
    assert zvm.auth.username == "monitor@vsphere.local"
    assert zvm.auth.password == zvm.auth.client_secret == " pl4nted\tx "
    assert "pl4nted" not in config.show(Config((zvm,)))


def test_a_password_written_as_a_block_has_no_line_end(tmp_path: Path) -> None:
    assert (
        one("    auth:\n      username: monitor\n      password: |\n        pl4nted\n", tmp_path).auth.password
        == "pl4nted"
    )


def test_a_variable_of_nothing_but_line_ends_is_empty(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"auth\.password: expected a string, got an empty string"):
        one("    auth: {username: monitor, password: '${PASSWORD}'}\n", tmp_path, PASSWORD="\r\n")


@pytest.mark.parametrize("content", ["\ufeffmonitor\r\n", "monitor\n", "monitor"])
def test_a_user_name_in_a_file(content: str, tmp_path: Path) -> None:
    (tmp_path / "user").write_text(content, encoding="utf-8", newline="")
    auth = one("    auth: {username_file: user, password: pl4nted}\n", tmp_path).auth
    assert (auth.username, auth.username_file) == (None, tmp_path / "user")


@pytest.mark.parametrize("content", ["", "\n", "\ufeff", "\ufeff\r\n"])
@pytest.mark.parametrize("key", ["username_file", "password_file"])
def test_a_secret_file_without_a_secret(key: str, content: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(content, encoding="utf-8", newline="")
    other = "password: pl4nted" if key == "username_file" else "username: monitor"
    with pytest.raises(ConfigError, match=rf"auth\.{key}: a file below the configuration's folder is empty"):
        one(f"    auth: {{{key}: file, {other}}}\n", tmp_path)


@pytest.mark.parametrize(
    ("written", "scope"), [("scope: ''", ""), ("scope: ", ""), ("scope: a b", "a b"), ("realm: x", "openid")]
)
def test_a_scope_may_be_left_out(written: str, scope: str, tmp_path: Path) -> None:
    assert one(f"    auth: {{username: monitor, password: pl4nted, {written}}}\n", tmp_path).auth.scope == scope


@pytest.mark.parametrize("password", ["0123", "1e3", "no", "2024-01-01", "12:30", "true", "1_000", ".", "0x1F"])
def test_a_password_is_what_is_written(password: str, tmp_path: Path) -> None:
    """YAML would make numbers, dates and booleans of them."""
    assert one(f"    auth: {{username: monitor, password: {password}}}\n", tmp_path).auth.password == password


def test_keys_without_a_value_are_as_good_as_left_out(tmp_path: Path) -> None:
    assert one(f"{AUTH}    interval:\n    tls: {{ca_file: , key_file: ~}}\n    filters: null\n", tmp_path) == one(
        AUTH, tmp_path
    )


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    """A key beats the merged one; of several merged mappings the first wins."""
    text = """
defaults: {auth: &auth {username: monitor, password: pl4nted}}
zvms:
  - &nyc {name: nyc, url: https://a.example.com, interval: 1m, labels: &labels {region: us, rack: "1"}}
  - {<<: *nyc, name: lon, labels: {<<: *labels, region: eu}}
  - {name: fra, <<: [{interval: 2m}, *nyc]}
"""
    nyc, lon, fra = load(text, tmp_path).zvms
    assert (lon.url, lon.interval, lon.labels) == (nyc.url, 60, {"region": "eu", "rack": "1"})
    assert (fra.url, fra.interval, fra.labels) == (nyc.url, 120, nyc.labels)


@pytest.mark.parametrize(
    "url",
    [
        "https://zvm",
        "https://zvm.example.com/",
        "http://127.0.0.1:9669",
        "https://[2001:db8::1]:9669",
        "HTTPS://zvm.example.com",
        "https://b\u00fccher.example",
        "https://gw.example.com/dr/zvm-nyc",
        "https://gw.example.com/v1/zvm/",
    ],
)
def test_good_urls(url: str, tmp_path: Path) -> None:
    text = f"zvms:\n  - name: nyc\n    url: '{url}'\n{AUTH}"
    assert load(text, tmp_path).zvms[0].url == url


@pytest.mark.parametrize(
    ("url", "skip", "insecure", "loopback"),
    [
        ("https://zvm", False, "", False),
        ("https://localhost", True, "tls.insecure_skip_verify", True),
        ("http://127.0.0.1:9669", False, "no TLS", True),
        ("HTTP://zvm", False, "no TLS", False),
    ],
)
def test_why_a_connection_is_insecure(url: str, skip: bool, insecure: str, loopback: bool) -> None:
    zvm = Zvm(name="nyc", url=url, tls=Tls(insecure_skip_verify=skip))
    assert (zvm.insecure, zvm.loopback) == (insecure, loopback)


class TestTlsFiles:
    @pytest.fixture
    def files(self, authority: trustme.CA, ca_file: Path, tmp_path: Path) -> Path:
        """Return a folder with a CA, a certificate, its key, both in one, and the key of another."""
        own, other = authority.issue_cert("a.example"), authority.issue_cert("b.example")
        (tmp_path / "ca.pem").write_bytes(ca_file.read_bytes())
        own.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        own.private_key_pem.write_to_path(str(tmp_path / "cert.key"))
        own.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
        other.private_key_pem.write_to_path(str(tmp_path / "other.key"))
        return tmp_path

    @pytest.mark.parametrize(
        "keys",
        ["ca_file: ca.pem", "cert_file: both.pem", "cert_file: cert.pem, key_file: cert.key"],
    )
    def test_good(self, keys: str, files: Path) -> None:
        new_context(one(f"{AUTH}    tls: {{{keys}}}\n", files).tls)

    @pytest.mark.parametrize(
        ("keys", "problem"),
        [
            ("ca_file: cert.key", "tls.ca_file: {folder}/cert.key holds no certificate"),
            (
                "cert_file: cert.pem, key_file: other.key",
                "tls.key_file: {folder}/other.key is not the key of the certificate in {folder}/cert.pem",
            ),
            (
                "cert_file: cert.pem",
                "tls.cert_file: expected a certificate in {folder}/cert.pem and its key in {folder}/cert.pem, both PEM",
            ),
            (
                "cert_file: cert.key, key_file: cert.pem",
                "tls.cert_file: expected a certificate in {folder}/cert.key and its key in {folder}/cert.pem, both PEM",
            ),
            (
                "ca_file: cert.key, cert_file: cert.pem, key_file: gone",
                (
                    "tls.key_file: cannot read {folder}/gone: No such file or directory|"
                    "tls.ca_file: {folder}/cert.key holds no certificate"
                ),
            ),
        ],
    )
    def test_bad(self, keys: str, problem: str, files: Path) -> None:
        with pytest.raises(ConfigError) as refused:
            one(f"{AUTH}    tls: {{{keys}}}\n", files)
        assert refused.value.problems == [f"zvms[0].{each}" for each in problem.format(folder=files).split("|")]


class TestEnvironment:
    def test_without_a_url_there_is_no_quick_start(self) -> None:
        assert config.from_environment({"ZVM_USERNAME": "monitor"}) is None
        assert config.from_environment({"ZVM_URL": ""}) is None

    @pytest.mark.parametrize("end", LINE_ENDS)
    def test_line_ends_are_no_part_of_a_variable(self, end: str) -> None:
        given = {**QUICK_START, "ZVM_PASSWORD": "pl4nted ", "ZVM_NAME": "nyc", "ZVM_CA_FILE": ""}
        found = config.from_environment({name: f"{value}{end}" for name, value in given.items()})
        plain = config.from_environment(given)
        assert found == plain
        assert found is not None
        assert found.zvms[0].auth == Auth(username="monitor", password="pl4nted ")

    def test_the_user_name_may_stand_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "user").write_text("monitor")
        given = {key: value for key, value in QUICK_START.items() if key != "ZVM_USERNAME"}
        found = config.from_environment({**given, "ZVM_USERNAME_FILE": str(tmp_path / "user")})
        assert found is not None
        assert found.zvms[0].auth.username_file == tmp_path / "user"
        with pytest.raises(ConfigError, match="ZVM_USERNAME_FILE: cannot read /no/such: No such file"):
            config.from_environment({**given, "ZVM_USERNAME_FILE": "/no/such"})

    def test_name_is_that_of_the_host(self) -> None:
        found = config.from_environment(QUICK_START)
        assert found is not None
        assert found.zvms == (
            Zvm(
                name="zvm.example.com",
                url="https://zvm.example.com",
                auth=Auth(username="monitor", password="pl4nted"),
            ),
        )

    def test_every_variable(self, ca_file: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("pl4nted")
        found = config.from_environment(
            {
                "ZVM_URL": "https://zvm.example.com:9669",
                "ZVM_NAME": "nyc",
                "ZVM_USERNAME": "monitor",
                "ZVM_PASSWORD": "",
                "ZVM_PASSWORD_FILE": str(tmp_path / "secret"),
                "ZVM_CA_FILE": str(ca_file),
                "ZVM_INSECURE_SKIP_VERIFY": "1",
            }
        )
        assert found is not None
        (zvm,) = found.zvms
        assert (zvm.name, zvm.auth.password, zvm.auth.password_file) == ("nyc", None, tmp_path / "secret")
        assert zvm.tls == Tls(ca_file=ca_file, insecure_skip_verify=True)

    @pytest.mark.parametrize(
        ("changes", "problems"),
        [
            ({"ZVM_USERNAME": ""}, ["ZVM_USERNAME: missing, method auto needs it"]),
            (
                {"ZVM_PASSWORD": ""},
                ["ZVM_PASSWORD_FILE: missing (or ZVM_PASSWORD), method auto needs it"],
            ),
            (
                {"ZVM_PASSWORD_FILE": "/no/such/file"},
                [
                    "ZVM_PASSWORD: given twice, here and as ZVM_PASSWORD_FILE",
                    "ZVM_PASSWORD_FILE: cannot read /no/such/file: No such file or directory",
                ],
            ),
            ({"ZVM_CA_FILE": "/no/ca"}, ["ZVM_CA_FILE: cannot read /no/ca: No such file or directory"]),
            (
                {"ZVM_INSECURE_SKIP_VERIFY": "yes"},
                ["ZVM_INSECURE_SKIP_VERIFY: expected true or false, got 'yes'"],
            ),
            (
                {"ZVM_URL": "https://monitor:pl4nted@zvm"},
                ["ZVM_URL: must not hold a user name or password; they belong in ZVM_USERNAME and ZVM_PASSWORD_FILE"],
            ),
            (
                {"ZVM_URL": "https://[::1"},
                ["ZVM_URL: expected https://host or https://host:port, got 'https://[::1'"],
            ),
            ({"ZVM_NAME": "\udcff"}, ["ZVM_NAME: holds what is no Unicode text"]),
            ({"ZVM_PASSWORD": "pl4nted\udcff"}, ["ZVM_PASSWORD: holds what is no Unicode text"]),
        ],
    )
    def test_mistakes_are_named_by_their_variable(self, changes: dict[str, str], problems: list[str]) -> None:
        with pytest.raises(ConfigError) as refused:
            config.from_environment(QUICK_START | changes)
        assert refused.value.problems == problems
        assert str(refused.value).startswith("environment: ZVM_")
        assert "pl4nted" not in str(refused.value)


def test_repr_of_a_configuration_holds_no_secret(tmp_path: Path) -> None:
    assert "pl4nted" not in repr(one(AUTH, tmp_path))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text at the place of a password makes the reader stumble, and none is quoted."""
    secret = f"pl4nted{text}"
    document = f"zvms:\n  - name: nyc\n    auth:\n      username: a\n      password: {secret}\n"
    problems: list[str] = []
    try:
        read_document(document, {}, problems)
    except DocumentError as error:
        problems.append(str(error))
    assert not any("pl4nted" in problem for problem in problems)


class TestSeveralFiles:
    """The first file has everything, each further one a list of ZVMs."""

    MAIN = "defaults: {interval: 45s, auth: {username: monitor, password: pl4nted}}\n"

    def write(self, folder: Path, files: dict[str, str]) -> Path:
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        return folder / "config.yaml"

    def refused(self, folder: Path, files: dict[str, str], *more: str) -> list[str]:
        with pytest.raises(ConfigError) as refused:
            config.load(self.write(folder, files), {}, *(folder / one for one in more))
        return str(refused.value).replace(f"{folder}/", "").splitlines()

    FILES = {  # noqa: RUF012 - nobody changes it
        "config.yaml": f"{MAIN}zvms_files: ['zvms.d/*.yaml']\nzvms: [{{name: a, url: 'https://a'}}]\n",
        "zvms.d/2.yaml": "- {name: c, url: 'https://c', interval: 1m}\n",
        "zvms.d/1.yaml": "zvms: [{name: b, url: 'https://b', auth: {password_file: secret}}]\n",
        "zvms.d/.3.yaml": "hidden: it is no file of ours\n",
        "zvms.d/secret": "pl4nted",
    }

    def test_zvms_are_joined_in_the_order_of_the_files(self, tmp_path: Path) -> None:
        zvms = config.load(self.write(tmp_path, self.FILES), {}).zvms
        assert [(zvm.name, zvm.interval, zvm.auth.username) for zvm in zvms] == [
            ("a", 45, "monitor"),
            ("b", 45, "monitor"),
            ("c", 60, "monitor"),
        ]
        assert zvms[1].auth.password_file == tmp_path / "zvms.d" / "secret"
        assert [zvm.auth.password for zvm in zvms] == ["pl4nted", None, "pl4nted"]

    def test_files_of_the_command_line_are_joined_too(self, tmp_path: Path) -> None:
        """Each once, whatever names it, and patterns are matched anew each time."""
        text = self.FILES["config.yaml"].replace("zvms_files: ['zvms.d/*.yaml']\n", "")
        main = self.write(tmp_path, {**self.FILES, "config.yaml": text})
        more = (tmp_path / "zvms.d" / "2.yaml", tmp_path / "zvms.d" / "*.yaml", main)
        assert [zvm.name for zvm in config.load(main, {}, *more).zvms] == ["a", "c", "b"]
        (tmp_path / "zvms.d" / "0.yaml").write_text("[{name: d, url: 'https://d'}]")
        assert [zvm.name for zvm in config.load(main, {}, *more).zvms] == ["a", "c", "d", "b"]
        (tmp_path / "conf").mkdir()
        for name, held in (("0.yaml", self.MAIN), ("1[x].yaml", "zvms: [{name: e, url: 'https://e'}]\n")):
            (tmp_path / "conf" / name).write_text(held)
        assert [zvm.name for zvm in config.load(tmp_path / "conf" / "*", {}).zvms] == ["e"]
        with pytest.raises(ConfigError, match=r"1\[x\]\.yaml: zvms\[0\]\.auth\.username: missing"):
            config.load(tmp_path / "conf" / "1[x].yaml", {})

    def test_each_mistake_is_named_with_its_file(self, tmp_path: Path) -> None:
        files = {
            "config.yaml": "defaults: {auth: {username: monitor, password_file: pl4nted}}\n"
            "zvms_files: [zvms.d/*.yaml, none/*.yaml, {}]\nzvms: [{name: a, url: 'https://a', timeot: 5s}]\n",
            "zvms.d/1.yaml": "[{name: a, url: 'https://b', auth: {pasword: x}}]\n",
            "zvms.d/2.yaml": "zvms: [{name: c, url: ftp://c}, 5]\ndefaults: {}\n",
            "zvms.d/3.yaml": "",
            "pl4nted": "",
            "zvms.d/4.yaml": "zvms: [\n",
            "zvms.d/5.yaml": "- {name: a, url: 'https://b', labels: {zvm: x, y: '${NOPE}'}}\n",
        }
        assert self.refused(tmp_path, files) == [
            "config.yaml: zvms_files[1]: no file matches 'none/*.yaml'",
            "config.yaml: zvms_files[2]: expected a file or a pattern such as zvms.d/*.yaml",
            "zvms.d/2.yaml: defaults: only zvms can be here, all else belongs in config.yaml",
            "zvms.d/4.yaml: is not YAML in line 2, column 1: expected the node content, but found '<stream end>'",
            "zvms.d/5.yaml: [0].labels.y: the environment variable NOPE is not set",
            "config.yaml: zvms[0].timeot: unknown key; did you mean timeout?",
            "zvms.d/1.yaml: [0].auth.pasword: unknown key; did you mean password?",
            "zvms.d/2.yaml: zvms[1]: expected a mapping, got '5'",
            "zvms.d/3.yaml: expected a list of at least one ZVM, got nothing",
            "config.yaml: defaults.auth.password_file: a file below the configuration's folder is empty",
            "zvms.d/1.yaml: [0].name: 'a' is already the name of config.yaml: zvms[0]",
            "zvms.d/2.yaml: zvms[0].url: expected https://host or https://host:port, got 'ftp://c'",
            "zvms.d/5.yaml: [0].name: 'a' is already the name of config.yaml: zvms[0]",
            "zvms.d/5.yaml: [0].labels.zvm: collides with a label of the exporter's own",
        ]

    @pytest.mark.parametrize(
        ("text", "more", "says"),
        [
            ("zvms_files: []", [], "config.yaml: zvms: expected a list of at least one ZVM, got nothing"),
            ("zvms_files: none.yaml", [], "config.yaml: zvms_files: expected a list of files or patterns"),
            ("zvms_files: ['*.yml']", [], "config.yaml: zvms_files[0]: no file matches '*.yml'"),
            ("zvms_files: ['~/none-*.yaml']", [], "config.yaml: zvms_files[0]: no file matches '~/none-*.yaml'"),
            ('zvms_files: ["a\\0*"]', [], "config.yaml: zvms_files[0]: expected a file or a pattern"),
            ("zvms_files: [none.yaml]", [], "none.yaml: cannot be read: No such file or directory"),
            ("zvms_files: []", ["none.yaml"], "none.yaml: cannot be read: No such file or directory"),
            ("zvms_files: []", ["none*.yaml"], "none*.yaml: no file matches"),
        ],
    )
    def test_nothing_is_left_out_in_silence(self, text: str, more: list[str], says: str, tmp_path: Path) -> None:
        (line,) = self.refused(tmp_path, {"config.yaml": f"{self.MAIN}{text}\n"}, *more)
        assert line.startswith(says)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("standard", [one.name for one in collectors.ALL if one.standard]),
        ("all", [one.name for one in collectors.ALL]),
        ("-vpgs", [one.name for one in collectors.ALL if one.standard and one.name != "vpgs"]),
        ("standard, -vpgs", [one.name for one in collectors.ALL if one.standard and one.name != "vpgs"]),
        ("all, -vms", [one.name for one in collectors.ALL if one.name != "vms"]),
        ("vpgs, vms", ["vms", "vpgs"]),
    ],
)
def test_collectors_are_named_one_by_one_or_by_a_word_less_some(words: str, names: list[str], tmp_path: Path) -> None:
    assert list(one(f"{AUTH}    collectors: [{words}]\n", tmp_path).collectors) == names


def test_without_the_key_the_standard_collectors_are_polled(tmp_path: Path) -> None:
    standard = tuple(one.name for one in collectors.ALL if one.standard)
    assert one(AUTH, tmp_path).collectors == standard


def test_each_collector_may_have_an_interval_of_its_own(tmp_path: Path) -> None:
    """Of the ZVM, else of the defaults, else its own; never shorter than that of the ZVM."""
    text = """
defaults: {intervals: {vpgs: 5m, vms: 45s}, auth: {username: monitor, password: pl4nted}}
zvms:
  - {name: a, url: https://a, intervals: {vpgs: 2m}}
  - {name: b, url: https://b, interval: 45s}
"""
    first, second = load(text, tmp_path).zvms
    vms, vpgs = (collectors.BY_NAME[name] for name in ("vms", "vpgs"))
    assert (first.interval_of(vms), first.interval_of(vpgs)) == (45, 120)
    assert (second.interval_of(vms), second.interval_of(vpgs)) == (45, 300)
    assert first.served_for(120) == 360
    for collector in collectors.ALL:
        assert Zvm(name="c", url="https://c").interval_of(collector) == max(collector.interval or 0, 30)
