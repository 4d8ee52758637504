"""``serve`` and ``emulator``: programs that run until they are stopped."""

from __future__ import annotations

import argparse
import subprocess
import sys

from redline.cli.output import Output
from redline.demo import DemoMarket
from redline.engine import open_engine
from redline.web.application import create_app
from redline.web.server import serve


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Start the web app; return when it was stopped."""
    given = {"host": arguments.host, "port": arguments.port}
    with DemoMarket() as demo:
        engine = open_engine(arguments={name: value for name, value in given.items() if value is not None}, demo=demo)
        try:
            return serve(create_app(engine), engine.settings.host, engine.settings.port, output.say)
        finally:
            engine.close()


def emulator(arguments: list[str]) -> int:
    """Start the emulator as a process, with its own arguments, and return its exit code."""
    try:
        return subprocess.run([sys.executable, "-m", "redline.emulator", *arguments], check=False).returncode
    except KeyboardInterrupt:
        return 0
