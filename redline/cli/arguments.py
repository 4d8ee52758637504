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

DAY = "YYYY-MM-DD"
TICKERS = "such as AAPL or BRK.B, several by comma or space; @FILE reads a list, - reads one from stdin"
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
    _add_plan(verbs, common)
    _add_update(verbs, common)
    _add_completeness(verbs, common)
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
    _add_wanted(verb)
    verb.add_argument("--out", metavar="FILE", help="write the rows to a file; the ending says the format")
    verb.add_argument("--format", help=f"format of --out: {' '.join(one.value for one in Format)}")
    verb.add_argument("--strict", action="store_true", help="exit code 1 for explained gaps too")
    verb.add_argument("--save-as", metavar="NAME", help="keep the request as a collection under this name")
    verb.add_argument("--update-at", metavar="HH:MM", help="time of day (UTC) of the collection's daily update")
    verb.set_defaults(run=verb_of("download", "run"))


def _add_wanted(verb: argparse.ArgumentParser) -> None:
    """Add what says which rows are wanted: ``download`` and ``plan`` take the same."""
    verb.add_argument("tickers", nargs="*", metavar="TICKER", help=f"{TICKERS}; case matters")
    verb.add_argument("--universe", metavar="LIST", help="instead of tickers: us_stocks, held or collection:NAME")
    verb.add_argument("--as-of", metavar=DAY, help="day of the list us_stocks (default: today)")
    verb.add_argument("--start", metavar=DAY, help="first day, inclusive (default: one year before the end)")
    verb.add_argument("--end", metavar=DAY, help="last day, inclusive (default: the last finished session)")
    verb.add_argument("--dataset", default=Dataset.BARS.value, help=" ".join(one.value for one in Dataset.downloads()))
    _add_series(verb)
    verb.add_argument(
        "--adjust", default=Adjust.SPLITS.value, help="none, splits (default) or all (splits and dividends)"
    )


def _add_series(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--timespan", default=Timespan.DAY.value, help=" ".join(one.value for one in Timespan))
    verb.add_argument("--multiplier", default="1", help="bars of so many timespans (1)")
    verb.add_argument("--source", default="massive", help="where from: massive, or yahoo, which takes no key (massive)")


def _add_plan(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser("plan", parents=[common], help="what a download would fetch and cost; nothing is fetched")
    _add_wanted(verb)
    verb.set_defaults(run=verb_of("plan", "run"))


def _add_update(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser("update", parents=[common], help="bring collections up to date")
    verb.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    instead = verb.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="fetch nothing; say what is kept and when it is due")
    instead.add_argument("--forget", action="store_true", help="fetch nothing; forget them, what they brought stays")
    verb.set_defaults(run=verb_of("update", "run"))


def _add_completeness(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    whom = f"{TICKERS} (default: all that were ever asked for)"
    gaps = verbs.add_parser("gaps", parents=[common], help="what is missing, and why")
    gaps.add_argument("tickers", nargs="*", metavar="TICKER", help=whom)
    gaps.add_argument("--start", metavar=DAY, help="first day, inclusive (default: the first that was asked for)")
    gaps.add_argument("--end", metavar=DAY, help="last day, inclusive (default: the last that was asked for)")
    _add_series(gaps)
    gaps.set_defaults(run=verb_of("completeness", "gaps"))
    verify = verbs.add_parser("verify", parents=[common], help="read every file against its checksum and counts")
    verify.set_defaults(run=verb_of("completeness", "verify"))
    repair = verbs.add_parser("repair", parents=[common], help="fetch what failed, was lost or came late, and no more")
    repair.add_argument("tickers", nargs="*", metavar="TICKER", help=whom)
    repair.set_defaults(run=verb_of("completeness", "repair"))
    explain = verbs.add_parser("explain", parents=[common], help="the story of one session: asked when, answered what")
    explain.add_argument("ticker", metavar="TICKER", help="such as AAPL")
    explain.add_argument("date", metavar=DAY, help="the session")
    _add_series(explain)
    explain.set_defaults(run=verb_of("completeness", "explain"))


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
