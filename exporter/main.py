"""Entry point: arguments, logging, wiring. The only module that knows every other."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from exporter import arguments, config, logs
from exporter.config import Config, ConfigError
from exporter.demo import demo
from exporter.server import Listener, ListenError, listen
from exporter.service import Exporter
from exporter.simulator import Estate, Simulator


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line *argv*, by default the process's own, and exit with its code.

    0: fine. 1: the configuration or the start-up failed, each mistake in a line on standard error. 2: wrong usage.
    """
    options = arguments.parse(sys.argv[1:] if argv is None else argv, os.environ)
    logs.configure(options.log_level, options.log_format)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            code = runner.run(_COMMANDS[options.command](options))
    except (ConfigError, ListenError, StartError) as error:
        for line in str(error).splitlines():
            print(f"zerto-exporter: {line}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:  # before the command took over the signal
        code = 130
    sys.exit(code)


class StartError(Exception):
    """A command that cannot start; the text names the flag or variable and the reason."""


async def _serve(options: Namespace) -> int:
    exporter = Exporter(_loader(options, os.environ))
    exporter.configure()
    listeners = _listeners(options)
    await exporter.serve(listeners, telemetry_path=options.web_telemetry_path, lifecycle=options.web_enable_lifecycle)
    return 0


async def _check(options: Namespace) -> int:
    load = _loader(options, os.environ)
    if not options.connect:
        zvms = load().zvms
        print(f"the configuration is good: {len(zvms)} ZVM{'s' if len(zvms) > 1 else ''}")
        return 0
    exporter = Exporter(load)
    exporter.configure()
    checked = await exporter.check()
    for one in checked:
        print(one)
    return 0 if all(one.good for one in checked) else 1


async def _once(options: Namespace) -> int:
    # Without process_* and python_*: a textfile collector would clash with those of its own exporter.
    exporter = Exporter(_loader(options, os.environ), process=False)
    exporter.configure()
    sys.stdout.buffer.write(await exporter.once())
    return 0


async def _simulate(options: Namespace) -> int:
    context = None
    if options.tls_cert is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(options.tls_cert, options.tls_key)
        except OSError as error:
            raise StartError(f"--tls-cert, --tls-key: {error.strerror or error}") from error
    password = os.environ.get("ZVM_PASSWORD", "simulated")
    estate = Estate("nyc", vms=options.vms, seed=options.seed)
    simulator = Simulator(estate, auth=options.auth, password=password, ssl_context=context, control=True)
    try:
        await simulator.start(port=options.port)
    except OSError as error:
        raise StartError(f"--port: cannot listen on 127.0.0.1:{options.port}: {error.strerror}") from error
    print(f"a simulated ZVM with {options.vms} VMs: {simulator.url}", flush=True)
    print(f"user {simulator.username}, password from ZVM_PASSWORD (default: simulated)", flush=True)
    await _signalled()
    await simulator.stop()
    return 0


async def _demo(options: Namespace) -> int:
    return await demo(
        _listeners(options), vms=options.vms, seed=options.seed, telemetry_path=options.web_telemetry_path
    )


_COMMANDS: Final[Mapping[str, Callable[[Namespace], Coroutine[Any, Any, int]]]] = {
    "serve": _serve,
    "check": _check,
    "once": _once,
    "simulate": _simulate,
    "demo": _demo,
}


def _loader(options: Namespace, environment: Mapping[str, str]) -> Callable[[], Config]:
    def load() -> Config:
        file: Path | None = options.config_file
        if file is None and not arguments.DEFAULT_CONFIG.exists():
            found = config.from_environment(environment)
            if found is not None:
                return found
            hint = "there is none; --config.file names another, or ZVM_URL, ZVM_USERNAME and ZVM_PASSWORD_FILE one ZVM"
            raise ConfigError(str(arguments.DEFAULT_CONFIG), [hint])
        return config.load(file or arguments.DEFAULT_CONFIG, environment)

    return load


def _listeners(options: Namespace) -> list[Listener]:
    return [listen(address) for address in options.web_listen_address or options.default_addresses]


async def _signalled() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - the extra [speed] may not be installed
    except ImportError:
        return None
    return uvloop.new_event_loop
