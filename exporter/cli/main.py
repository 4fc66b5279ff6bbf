"""Entry point: arguments, logging, wiring. The only module that knows every other."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import uvloop

from exporter import config, malloc
from exporter.app import Exporter
from exporter.cli import arguments, logs, signals, streams
from exporter.cli.demo import demo
from exporter.cli.healthcheck import problem
from exporter.cli.serving import serve
from exporter.cli.systemd import Notifier
from exporter.config import Config, ConfigError
from exporter.simulator import Estate, Simulator
from exporter.web import descriptors
from exporter.web.access import Access
from exporter.web.listen import ALL_ADDRESSES, Listener, ListenError, host_and_port, listen
from exporter.web.server import WebFlags
from exporter.zvm.tls import load_pair

_CLOSING_SECONDS: Final = 1.0  # with the time to stop, that keeps the promise that the service ends within 5 s


def main(argv: Sequence[str] | None = None, *, stopping_seconds: float = 4.0) -> None:
    """Run the command line *argv* and exit with its code.

    Without *argv* it is that of the process, which then ends in time whatever its threads do; a service that is told
    to end has *stopping_seconds* to log out.

    0: fine. 1: the configuration or the start-up failed, each mistake in a line on standard error. 2: wrong usage.
    """
    streams.complete()
    try:
        options = arguments.parse(sys.argv[1:] if argv is None else argv, os.environ)
        options.whole_process = argv is None
        options.stopping_seconds = stopping_seconds
        sys.exit(_code_of(options))
    finally:
        streams.settle()


def _code_of(options: Namespace) -> int:
    """Run a command and return its exit code."""
    if options.command in _BRIEF:
        signals.give_back()
    logs.configure(options.log_level, options.log_format)
    malloc.share_one_heap()
    descriptors.allow_most()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            code = runner.run(_COMMANDS[options.command](options))
        except (ConfigError, ListenError, StartError) as error:
            for line in str(error).splitlines():
                streams.complain(f"zerto-exporter: {line}")
            code = 1
        except KeyboardInterrupt:  # a command that did not take over the signal; it has logged out
            code = 128 + signal.SIGINT
        except asyncio.CancelledError:  # so does SIGTERM end the commands that poll once
            code = 128 + signal.SIGTERM
        streams.settle()
        if options.whole_process:
            _exit_within(_CLOSING_SECONDS, code)
    return code


class StartError(Exception):
    """A command that cannot start; the text names the flag or variable and the reason."""


async def _serve(options: Namespace) -> int:
    notifier = Notifier(os.environ)
    exporter = Exporter(_loader(options, os.environ), shard=options.part, supervisor=notifier, lost_lines=logs.lost)
    exporter.configure()
    flags = replace(_web_flags(options), lifecycle=options.web_enable_lifecycle)

    def stopping() -> None:
        if options.whole_process:
            _exit_within(options.stopping_seconds, 0)

    await serve(exporter, _listeners(options), flags, notifier, stopping)
    return 0


async def _check(options: Namespace) -> int:
    load = _loader(options, os.environ)
    if not options.connect:
        zvms = load().zvms
        _print(f"the configuration is good: {len(zvms)} ZVM{'s' if len(zvms) > 1 else ''}\n".encode())
        return 0
    exporter = Exporter(load, lost_lines=logs.lost)
    exporter.configure()
    with _cancelled_by_sigterm():
        checked = await exporter.check()
    _print("".join(f"{one}\n" for one in checked).encode())
    return 0 if all(one.good for one in checked) else 1


async def _once(options: Namespace) -> int:
    # Never with process_* and python_*: a textfile collector would clash with those of its own exporter.
    exporter = Exporter(_loader(options, os.environ), lost_lines=logs.lost, process=False)
    exporter.configure()
    with _cancelled_by_sigterm():
        page = await exporter.once(own=options.exporter_metrics)
    _print(page)
    return 0


async def _show(options: Namespace) -> int:
    from exporter.cli.showing import show  # noqa: PLC0415 - no other command waits for what draws tables

    configured = _loader(options, os.environ)()
    with _cancelled_by_sigterm():
        told = await show(configured, options)
    _print(told.out)
    for line in told.err:
        streams.complain(line)
    return told.code


async def _healthcheck(options: Namespace) -> int:
    tls = False
    if options.web_config_file is not None:
        tls = config.load_web(options.web_config_file).tls_server_config is not None
    host, port = host_and_port(options.web_listen_address[0])
    host = "localhost" if host in ALL_ADDRESSES else host
    said = problem(host, port, f"{options.web_route_prefix}/-/healthy", tls=tls)
    if said:
        raise StartError(said)
    return 0


async def _simulate(options: Namespace) -> int:
    context = None
    if options.tls_cert is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            load_pair(context, options.tls_cert, options.tls_key)
        except OSError as error:
            raise StartError(f"--tls-cert, --tls-key: {error.strerror or error}") from error
    password = os.environ.get("ZVM_PASSWORD", "simulated").rstrip("\r\n")  # as of the exporter's own
    estate = Estate("nyc", vms=options.vms, seed=options.seed, changing=options.changing, local=True)
    for kind, vpg in options.incident:
        try:
            estate.start_incident(kind, vpg)
        except (KeyError, ValueError) as error:
            raise StartError(f"--incident {kind}: {_reason(error, vpg)}") from error
    simulator = Simulator(
        estate,
        auth=options.auth or ("session" if options.generation == "windows" else "both"),
        generation=options.generation,
        password=password,
        ssl_context=context,
        control=True,
        record=False,
    )
    try:
        await simulator.start(port=options.port)
    except OSError as error:
        raise StartError(f"--port: cannot listen on 127.0.0.1:{options.port}: {error.strerror}") from error
    streams.tell(f"a simulated ZVM with {options.vms} VMs: {simulator.url}")
    streams.tell(f"user {simulator.username}, password from ZVM_PASSWORD (default: simulated)")
    await _signalled()
    await simulator.stop()
    return 0


def _reason(error: Exception, vpg: str | None) -> str:
    return f"no VPG is called {vpg}" if isinstance(error, KeyError) else str(error)


async def _demo(options: Namespace) -> int:
    flags = _web_flags(options)
    return await demo(_listeners(options), flags, vms=options.vms, seed=options.seed)


_COMMANDS: Final[Mapping[str, Callable[[Namespace], Coroutine[Any, Any, int]]]] = {
    "serve": _serve,
    "check": _check,
    "once": _once,
    "show": _show,
    "healthcheck": _healthcheck,
    "simulate": _simulate,
    "demo": _demo,
}
_BRIEF: Final = frozenset({"check", "once", "show", "healthcheck"})


def _loader(options: Namespace, environment: Mapping[str, str]) -> Callable[[], Config]:
    def load() -> Config:
        files: list[Path] = options.config_file
        if not files and not arguments.DEFAULT_CONFIG.exists():
            found = config.from_environment(environment)
            if found is not None:
                return found
            hint = "there is none; --config.file names another, or ZVM_URL, ZVM_USERNAME and ZVM_PASSWORD_FILE one ZVM"
            raise ConfigError(str(arguments.DEFAULT_CONFIG), [hint])
        first, *more = files or [arguments.DEFAULT_CONFIG]
        return config.load(first, environment, *more)

    return load


def _web_flags(options: Namespace) -> WebFlags:
    return WebFlags(
        options.web_telemetry_path,
        access=_access(options),
        grafana_url=options.web_grafana_url,
        external_url=options.web_external_url,
        prefix=options.web_route_prefix,
        max_requests=options.web_max_requests,
    )


def _access(options: Namespace) -> Access | None:
    file: Path | None = options.web_config_file
    return None if file is None else Access(file, open_probes=options.web_open_probes, prefix=options.web_route_prefix)


def _listeners(options: Namespace) -> list[Listener]:
    listeners: list[Listener] = []
    with ExitStack() as opened:
        for address in options.web_listen_address:
            listeners.append(listen(address, options.web_listen_address))
            for bound in listeners[-1].sockets:
                opened.callback(bound.close)
                bound.listen()  # before the next is bound: the same address twice then fails there, by its name
        opened.pop_all()
    return listeners


def _print(page: bytes) -> None:
    try:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        streams.discard(sys.stdout.fileno())
    except OSError as error:
        streams.discard(sys.stdout.fileno())
        raise StartError(f"standard output cannot be written: {error.strerror}") from error


@contextmanager
def _cancelled_by_sigterm() -> Iterator[None]:
    """Cancel the task at SIGTERM while the block runs: it then logs out, which a killed process could not."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


def _exit_within(seconds: float, code: int) -> None:
    """Exit with *code* in *seconds* whatever threads do: one that converts a large answer cannot be cancelled."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()


async def _signalled() -> None:
    stop = asyncio.Event()
    signals.take_over(asyncio.get_running_loop(), {signal.SIGTERM: stop.set, signal.SIGINT: stop.set})
    await stop.wait()
