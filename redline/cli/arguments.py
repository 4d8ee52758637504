"""The verbs and their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

from redline import __version__
from redline.cli.output import Output
from redline.market.bar import Timespan
from redline.market.request import Adjust, Dataset, Format

Run = Callable[[argparse.Namespace, Output], int]


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``python -m redline``; each verb sets ``run``, a function of (arguments, output)."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON document on stdout and nothing else")
    common.add_argument("--quiet", action="store_true", help="no progress and no remarks")
    asking = argparse.ArgumentParser(add_help=False, parents=[common])
    asking.add_argument("--yes", action="store_true", help="ask nothing on a terminal; do it")

    top = argparse.ArgumentParser(
        prog="python -m redline", description="Download market data into open files, and keep it whole."
    )
    top.add_argument("--version", action="version", version=f"redline {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_serve(verbs, common)
    _add_download(verbs, asking)
    _add_keys(verbs, common, asking)
    _add_status(verbs, common)
    verbs.add_parser("emulator", help="start the imitation of the vendor; see emulator --help", add_help=False)
    return top


Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add_serve(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser("serve", parents=[common], help="start the web app")
    verb.add_argument("--host", help="address to listen on (REDLINE_HOST, 127.0.0.1); any other needs a password")
    verb.add_argument("--port", type=int, help="port to listen on (REDLINE_PORT, 8080); 0 takes a free one")
    verb.set_defaults(run=verb_of("serve", "run"))


def _add_download(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser("download", parents=[common], help="fetch what is not held yet, and print it")
    verb.add_argument("ticker", help="such as AAPL or BRK.B; case matters")
    verb.add_argument("--start", metavar="YYYY-MM-DD", help="first day, inclusive (default: one year before the end)")
    verb.add_argument("--end", metavar="YYYY-MM-DD", help="last day, inclusive (default: the last finished session)")
    verb.add_argument("--dataset", default=Dataset.BARS.value, help=" ".join(one.value for one in Dataset.downloads()))
    verb.add_argument("--timespan", default=Timespan.DAY.value, help=" ".join(one.value for one in Timespan))
    verb.add_argument("--multiplier", default="1", help="bars of so many timespans (1)")
    verb.add_argument(
        "--adjust", default=Adjust.SPLITS.value, help="none, splits (default) or all (splits and dividends)"
    )
    verb.add_argument("--source", default="massive", help="where from (massive)")
    verb.add_argument("--out", metavar="FILE", help="write the rows to a file; the ending says the format")
    verb.add_argument("--format", help=f"format of --out: {' '.join(one.value for one in Format)}")
    verb.add_argument("--strict", action="store_true", help="exit code 1 for explained gaps too")
    verb.set_defaults(run=verb_of("download", "run"))


def _add_keys(verbs: Verbs, common: argparse.ArgumentParser, asking: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser("keys", help="list, add, test and delete API keys, and make tokens for programs")
    actions = verb.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[common], help="which keys are known, and where they come from").set_defaults(
        run=verb_of("keys", "show")
    )
    add = actions.add_parser(
        "add", parents=[common], help="save a key; it is read from stdin, never from the command line"
    )
    add.add_argument("source", help="such as massive")
    add.add_argument("--limit", help="requests a minute (default: 5 until a test finds the plan)")
    add.add_argument("--timeout", help="seconds to wait for an answer (30)")
    add.set_defaults(run=verb_of("keys", "add"))
    for name, options, text in (
        ("test", common, "ask the source what the key may do"),
        ("delete", asking, "forget a saved key"),
    ):
        one = actions.add_parser(name, parents=[options], help=text)
        one.add_argument("source", help="such as massive")
        one.set_defaults(run=verb_of("keys", name))
    token = actions.add_parser("token", parents=[common], help="make a bearer token for a program; it is shown once")
    token.add_argument("name", help="what the token is for")
    token.set_defaults(run=verb_of("keys", "token"))
    rotate = actions.add_parser("rotate", parents=[asking], help="encrypt all keys anew under a new master key")
    rotate.set_defaults(run=verb_of("keys", "rotate"))


def _add_status(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser("status", parents=[common], help="what is held, what runs, and each key's budget")
    verb.set_defaults(run=verb_of("status", "run"))


def verb_of(module: str, function: str) -> Run:
    """Return the function of a verb, loaded when it runs: ``keys list`` need not wait for the web server's modules."""

    def run(arguments: argparse.Namespace, output: Output) -> int:
        found: Run = getattr(import_module(f"redline.cli.{module}"), function)
        return found(arguments, output)

    return run
