"""``serve`` and ``emulator``: programs that run until they are stopped."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading

from redline.cli.output import Output
from redline.demo import DemoMarket, without_secrets
from redline.engine import Engine, install_logging, open_engine
from redline.market.bar import DAILY
from redline.web.application import create_app
from redline.web.server import serve


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Start the web app; return when it was stopped."""
    given = {"host": arguments.host, "port": arguments.port}
    os.umask(0o077)  # What the libraries write is as private as what we write.
    with DemoMarket() as demo:
        engine = open_engine(arguments={name: value for name, value in given.items() if value is not None}, demo=demo)
        install_logging("INFO", shown="WARNING", file=engine.settings.home / "logs" / "redline.log")
        warming = threading.Thread(target=_warm_up, args=(engine, demo), name="warm-up")
        warming.start()
        try:
            return serve(create_app(engine), engine.settings.host, engine.settings.port, output.say)
        finally:
            warming.join()
            engine.close()


def _warm_up(engine: Engine, demo: DemoMarket) -> None:
    """Load the calendar and start the demo market, so that the first page need not wait for them."""
    if engine.demo:
        demo()
    engine.coverage("AAPL", DAILY, *engine.default_range())


def emulator(arguments: list[str]) -> int:
    """Start the emulator as a process, with its own arguments, and return its exit code."""
    try:
        command = [sys.executable, "-m", "redline.emulator", *arguments]
        return subprocess.run(command, env=without_secrets(), check=False).returncode
    except KeyboardInterrupt:
        return 0
