"""``python -m redline.emulator``: print the addresses as one JSON line, then serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from redline.emulator.access import Access, Terms
from redline.emulator.clock import EmulatorClock
from redline.emulator.control import control_server
from redline.emulator.faults import BadFault, Faults, read_faults_file
from redline.emulator.ledger import Ledger
from redline.emulator.models.folder import MarketFolder
from redline.emulator.plans import PLANS
from redline.emulator.responses import stooq, yahoo
from redline.emulator.rest import Vendor, address_of, rest_server
from redline.emulator.sides import side_server

DEMO_MARKET = Path(__file__).parent / "market"


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator; return 0 after a signal, 2 for wrong use."""
    options = _parser().parse_args(arguments)
    if options.data is not None and not options.data.is_dir():
        print("emulator: --data was no folder", file=sys.stderr)
        return 2
    try:
        faults = Faults(read_faults_file(options.faults) if options.faults else [])
    except (OSError, BadFault, json.JSONDecodeError) as error:
        print(f"emulator: --faults could not be read: {error}", file=sys.stderr)
        return 2
    vendor = _vendor(options, faults)
    try:
        servers = {
            "rest": rest_server(vendor, options.host, options.port),
            "control": control_server(vendor, options.host),
            "yahoo": side_server(vendor, options.host, yahoo.chart),
            "stooq": side_server(vendor, options.host, stooq.csv, "apikey"),
        }
    except OSError as error:
        print(f"emulator: cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 2
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    # The signal itself writes: a handler in Python would wait for a wait that began just before it to end.
    signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: None)
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    if options.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, args=(mouth,), daemon=True).start()
    line = {name: address_of(server) for name, server in servers.items()}
    print(json.dumps({**line, "plan": options.plan, "demo": vendor.market.simulated}), flush=True)
    ear.recv(1)
    vendor.clock.stop()
    return 0


def _stop_with_stdin(mouth: socket.socket) -> None:
    """Wait for the end of standard input: whoever holds its other end is gone, killed or not."""
    while os.read(0, 4096):  # not sys.stdin: a thread that holds its lock would break the end of the program
        pass
    mouth.send(b".")


def _vendor(options: argparse.Namespace, faults: Faults) -> Vendor:
    demo = options.data is None
    market = MarketFolder(DEMO_MARKET if demo else options.data, simulate_intraday=demo)
    return Vendor(market, Access(Terms.of(options.plan), options.key), faults, Ledger(), EmulatorClock(options.now))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m redline.emulator", description="An imitation of Massive.com.")
    parser.add_argument("--data", type=Path, help="folder of market data (default: the demo market)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port of the REST address (default: a free one)")
    parser.add_argument(
        "--plan", choices=sorted(PLANS), default="advanced", help="what keys may do (default: advanced)"
    )
    parser.add_argument("--key", help="the only key that is accepted (default: any)")
    parser.add_argument("--faults", type=Path, help="JSON file with faults, as for POST /faults")
    parser.add_argument("--now", type=_instant, help="start of the emulator's clock, ISO 8601 (default: the real time)")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input ends")
    return parser


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
