"""Builds the image with buildah and runs it as a container: `make image-check`, part of `make check`.

The base is the one of the Dockerfile where `BASE` names it and a registry of images is in reach. Without `BASE` it is
made of Debian's packages: the same Debian and the same Python as in the official image, at another place. Needs root.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from programs import missing, tool

from exporter import __version__

ROOT: Final = Path(__file__).parent.parent
REVISION: Final = "0123456789abcdef0123456789abcdef01234567"
CREATED: Final = "2026-11-25T08:00:00Z"
TAG: Final = "localhost/zerto-exporter"

pytestmark = pytest.mark.timeout(900)


class Buildah:
    """buildah with a store of its own, without a daemon and without user namespaces."""

    def __init__(self, folder: Path) -> None:
        store = ["--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
        self._command = [tool("buildah", "Debian: buildah"), *store]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    def build(self, context: Path, *options: str) -> None:
        """Build an image, in the format that keeps a health check."""
        self("build", "--isolation", "chroot", "--format", "docker", "--quiet", *options, str(context))


@dataclass
class Image:
    """The image: its root file system, that of its base, and its configuration."""

    root: Path
    base: Path
    config: dict[str, Any]

    def start(self, *arguments: str, entrypoint: Sequence[str] | None = None, **environment: str) -> Container:
        """Start a container with a root that cannot be written, none of root's rights, and no way to get them."""
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in environment.items())]
        command = [*(self.config["Entrypoint"] if entrypoint is None else entrypoint), *arguments]
        script = (
            'root=$1 user=$2 && shift 2 && mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" && '
            'mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" && '
            'exec setpriv --no-new-privs chroot --groups= --userspec="$user" "$root" "$@"'
        )
        inside = ["env", "-i", f"--chdir={self.config['WorkingDir']}", *variables, *command]
        namespaces = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts"]
        process = subprocess.Popen(
            [*namespaces, "sh", "-c", script, "sh", str(self.root), self.config["User"], *inside],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Container(process)


@dataclass
class Container:
    """A running container; `process` is the one that holds its namespaces."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        """Return the number that its process 1 has outside."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        (child,) = children.read_text().split()
        return int(child)

    def says(self, text: str) -> None:
        """Wait for a line with *text*."""
        assert self.process.stdout is not None
        quote = []
        for line in self.process.stdout:
            quote.append(line)
            if text in line:
                return
        raise AssertionError(f"never said {text!r}:\n{''.join(quote)}")

    def ends(self) -> tuple[int, str]:
        """Wait for the end; return exit code and output."""
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Buildah:
    if os.geteuid() != 0:
        missing("only root can build and run an image without a container engine")
    return Buildah(tmp_path_factory.mktemp("buildah"))


@pytest.fixture(scope="module")
def image(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    base = os.environ.get("BASE") or stand_in(buildah, tmp_path_factory.mktemp("base"))
    arguments = {"BASE": base, "VERSION": __version__, "REVISION": REVISION, "CREATED": CREATED}
    options = [option for name, value in arguments.items() for option in ("--build-arg", f"{name}={value}")]
    options += ["--build-arg", f"BUILDER={base}-build"] if base.startswith("localhost/") else []
    buildah.build(ROOT, "--tag", TAG, *options, *pip_settings(tmp_path_factory.mktemp("pip")))
    (inspected,) = [json.loads(buildah("inspect", "--type", "image", TAG))]
    with ExitStack() as stack:

        def mounted(name: str) -> Path:
            container = buildah("from", "--pull-never", name)
            stack.callback(buildah, "rm", container)
            return Path(buildah("mount", container))

        root = mounted(TAG)
        for folder in ("proc", "dev"):  # each engine makes these
            (root / folder).mkdir(exist_ok=True)
        yield Image(root, mounted(base), inspected["Docker"]["config"])


def stand_in(buildah: Buildah, folder: Path) -> str:
    """Make a base of the Debian that the Dockerfile names, and one with pip for the building; return its name."""
    found = re.search(r"python:(3\.\d+)-slim-(\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    python, suite = found.groups()
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zerto-exporter" / f"{suite}.tar"
    if not kept.exists() or time.time() - kept.stat().st_mtime > 7 * 86400:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part.tar")
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]
        include = "--include=python3,python3-venv,ca-certificates"
        command = ["--mode=root", "--variant=minbase", "--quiet", include, *excluded, suite, str(part)]
        subprocess.run([tool("mmdebstrap", "Debian: mmdebstrap"), *command], check=True)
        part.rename(kept)
    name = f"localhost/{suite}"
    file = folder / "Dockerfile"
    file.write_text(f"FROM scratch\nADD {kept.name} /\nRUN python3 --version | grep -F 'Python {python}.'\n")
    buildah.build(kept.parent, "--file", str(file), "--tag", f"{name}-build")
    # Debian's pip is in packages for venvs. In its stead something lies where the official image has its own.
    packages = f"python3-venv python{python}-venv python3-pip-whl python3-setuptools-whl"
    library = f"/usr/local/lib/python{python}"
    file.write_text(
        f"FROM {name}-build\nRUN dpkg --purge --force-depends {packages} && mkdir -p {library}/site-packages/pip "
        f"{library}/site-packages/pip-25.0.dist-info {library}/ensurepip && touch /usr/local/bin/pip{python}\n"
    )
    buildah.build(folder, "--tag", name)
    return name


def pip_settings(folder: Path) -> list[str]:
    """Return the options that give the build this machine's registry and its CA, and leave neither in the image."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    settings = {}
    for line in listed.splitlines():
        key, value = line.split("=", 1)
        settings[key.rpartition(".")[2]] = value.strip("'\"")
    wanted = ("index-url", "extra-index-url", "trusted-host", "cert")
    (folder / "pip.conf").write_text(
        "[global]\n" + "".join(f"{key} = {settings[key]}\n" for key in wanted if key in settings)
    )
    mounted = {folder / "pip.conf": "/etc/pip.conf"}
    if "cert" in settings:
        mounted[Path(settings["cert"])] = settings["cert"]
    return [option for host, path in mounted.items() for option in ("--volume", f"{host}:{path}:ro")]


@pytest.fixture
def start(image: Image) -> Iterator[Callable[..., Container]]:
    """Start a container; it is killed after the test."""
    with ExitStack() as stack:

        def start(*arguments: str, **options: Any) -> Container:
            container = image.start(*arguments, **options)
            stack.enter_context(container.process)
            stack.callback(container.process.kill)
            return container

        yield start


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def test_the_demo_runs_is_healthy_and_ends_at_sigterm(start: Callable[..., Container]) -> None:
    address = f"127.0.0.1:{free_port()}"
    listening = {"ZERTO_EXPORTER_WEB_LISTEN_ADDRESS": address}
    demo = start("demo", **listening)
    demo.says("msg=listening")
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{demo.pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert status["NSpid"].split()[-1] == "1"
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65532"}
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    root = next(line for line in Path(f"/proc/{demo.pid}/mountinfo").read_text().splitlines() if line.split()[4] == "/")
    assert "ro" in root.split()[5].split(",")

    assert start("healthcheck", **listening).ends() == (0, "")
    code, quote = start("healthcheck", ZERTO_EXPORTER_WEB_LISTEN_ADDRESS=f"127.0.0.1:{free_port()}").ends()
    assert (code, "Connection refused" in quote) == (1, True), quote
    while True:  # the first polls are done within a second
        try:
            with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5):
                break
        except urllib.error.HTTPError as error:
            assert error.code == 503  # noqa: PT017
            time.sleep(0.05)
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    assert 'zerto_up{zvm="nyc"} 1\n' in page
    assert "\nprocess_resident_memory_bytes " in page

    os.kill(demo.pid, 15)
    assert demo.ends()[0] == 0


def test_it_reads_its_configuration_from_its_folder(start: Callable[..., Container]) -> None:
    code, quote = start("check").ends()
    assert (code, quote.startswith("zerto-exporter: config.yaml: there is none;")) == (1, True), quote


def test_nothing_is_left_that_installs_or_compiles(image: Image) -> None:
    unwanted = re.compile(r"(pip|pip3?(\..*)?|pip-.*|ensurepip|gcc|cc|g\+\+|make|ld|.*-linux-gnu-gcc.*)")
    folders = ("bin", "usr/bin", "usr/local/bin", "opt", "usr/local/lib", "usr/lib/python3", "usr/share/python-wheels")
    for folder in folders:
        found = [path for path in (image.root / folder).rglob("*") if unwanted.fullmatch(path.name)]
        assert found == []
    assert not any((image.root / "root").glob(".cache/*"))
    assert not (image.root / "src").exists()


def test_nothing_of_the_build_machine_is_left(image: Image) -> None:
    assert not (image.root / "etc/pip.conf").exists() or not (image.root / "etc/pip.conf").read_text()
    assert not [text for text in image.config["Env"] if text.startswith(("PIP_", "http"))]


def test_the_code_is_compiled_and_the_fast_parts_are_there(image: Image, start: Callable[..., Container]) -> None:
    sources = list((image.root / "opt").rglob("exporter/**/*.py"))
    compiled = {path.name.split(".")[0] for path in (image.root / "opt").rglob("exporter/**/*.pyc")}
    assert {path.stem for path in sources} == compiled
    python = ("/opt/zerto-exporter/bin/python",)
    program = "import asyncio, sys, isal, uvloop; print(sys.flags.dont_write_bytecode)"
    assert start("-c", program, entrypoint=python).ends() == (0, "1\n")


def test_what_it_adds_to_its_base_is_small(image: Image) -> None:
    def size(root: Path) -> int:
        return sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())

    assert size(image.root / "opt") < 60 * 2**20
    assert size(image.root / "usr") - size(image.base / "usr") < 20 * 2**20


def test_labels_and_the_rest_of_the_configuration(image: Image) -> None:
    prefix = "org.opencontainers.image."
    labels = {
        key.removeprefix(prefix): value for key, value in image.config["Labels"].items() if key.startswith(prefix)
    }
    assert (labels["version"], labels["revision"], labels["created"]) == (__version__, REVISION, CREATED)
    assert labels["source"] == "https://github.com/zerto-exporter/zerto-exporter"
    assert labels["licenses"] == "Apache-2.0"
    assert image.config["User"] == "65532:65532"
    assert list(image.config["ExposedPorts"]) == ["9403/tcp"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "zerto-exporter", "healthcheck"]
