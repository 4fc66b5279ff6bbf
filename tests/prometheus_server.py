"""A real Prometheus on a free port, for the tests that ask one.

    with Prometheus(folder, {"scrape_configs": [...]}) as prometheus:
        prometheus.wait_for("up == 1")
        samples = prometheus.query("sum(zerto_up)")

Needs Debian's package prometheus, or the version of programs.py that is asked for. Where it is missing the test is
skipped; in CI it fails, where nothing may be skipped.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import yaml
from programs import SYSTEM, of_prometheus

_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 40.0  # on a machine that is busy with other things

Sample = tuple[dict[str, str], float]


def needs_prometheus(version: str = SYSTEM) -> None:
    """Skip the test where there is no Prometheus of this *version*."""
    of_prometheus("prometheus", version)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(holds: Callable[[], bool], what: str, seconds: float) -> None:
    """Return as soon as something *holds*; fail when it has not for so many *seconds*."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(_PAUSE_SECONDS)


class QueryError(Exception):
    """Prometheus refused a query, or failed at it."""


class Prometheus:
    """A Prometheus with a configuration and a database of its own in *folder*; it ends with the block."""

    patience = _PATIENCE_SECONDS  # until it answers

    def __init__(self, folder: Path, config: dict[str, Any], *options: str, version: str = SYSTEM) -> None:
        """Take the configuration as in prometheus.yml, *options* of the command line and a *version* of programs.py."""
        self._version = version
        self._folder = folder
        self._config = config
        self._options = options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        file = self._configured(self._config)
        self._log = (self._folder / "prometheus.log").open("w")
        self._process = subprocess.Popen(
            [
                of_prometheus("prometheus", self._version),
                f"--config.file={file}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                *self._options,
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.pid = self._process.pid
        try:
            until(self._ready, "Prometheus is ready", self.patience)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._end()

    def rest(self) -> None:
        """From now on scrape nothing and evaluate no rules: only queries are answered."""
        self._configured({})
        self._process.send_signal(signal.SIGHUP)

    def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """Return labels and value of each sample that *expression* gives now, or *at* a time; a scalar has no labels.

        Raises:
            QueryError: the query is wrong, or Prometheus could not answer it.
        """
        data = self._get("/api/v1/query", query=expression, **({} if at is None else {"time": repr(at)}))
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Return labels and samples of each series that *expression* gives from *start* to *end*; all in seconds.

        Raises:
            QueryError: the query is wrong, or Prometheus could not answer it.
        """
        times = {"start": repr(start), "end": repr(end), "step": repr(step)}
        data = self._get("/api/v1/query_range", query=expression, **times)
        return [
            (series["metric"], [(float(time), float(value)) for time, value in series["values"]])
            for series in data["result"]
        ]

    def label_values(self, label: str, selector: str) -> list[str]:
        """Return the values that *label* has among the series of *selector*."""
        values: list[str] = self._get(f"/api/v1/label/{label}/values", **{"match[]": selector})
        return values

    def wait_for(self, expression: str, seconds: float = _PATIENCE_SECONDS) -> list[Sample]:
        """Return what *expression* gives as soon as it gives something."""
        found: list[Sample] = []

        def some() -> bool:
            found[:] = self.query(expression)
            return bool(found)

        until(some, expression, seconds)
        return found

    def _configured(self, config: dict[str, Any]) -> Path:
        file = self._folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        return file

    def _get(self, path: str, **parameters: str) -> Any:
        status, body = self._request(f"{path}?{urlencode(parameters)}")
        answer = json.loads(body)
        if answer["status"] != "success":
            raise QueryError(f"{status}: {answer['error']}")
        return answer["data"]

    def _request(self, target: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            return self._request("/-/ready")[0] == 200
        except OSError:
            return False

    def _end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
