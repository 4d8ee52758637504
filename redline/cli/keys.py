"""``keys``: list, add, test and delete API keys; tokens for programs; a new master key."""

from __future__ import annotations

import argparse
import getpass
import sys
from contextlib import closing

from redline.cli.output import Output, table
from redline.engine import open_engine


def show(arguments: argparse.Namespace, output: Output) -> int:
    """Print which keys are known: never more of one than its last four letters."""
    with closing(open_engine(work=False)) as engine:
        known = engine.keys()
        output.document([key.as_json() for key in known])
        rows: list[tuple[object, ...]] = [
            (key.source, f"••••{key.last_four}", key.origin.value, key.rate_limit_per_minute, key.saved_at or "")
            for key in known
        ]
        headings = ("source", "key", "from", "a minute", "saved at")
        output.answer(table(headings, rows) if rows else "No key is known. Add one: python -m redline keys add massive")
    return 0


def add(arguments: argparse.Namespace, output: Output) -> int:
    """Save a key that is read from the terminal without echo, or from stdin."""
    secret = getpass.getpass(f"Key for {arguments.source}: ") if sys.stdin.isatty() else sys.stdin.readline()
    body: dict[str, object] = {"source": arguments.source, "api_key": secret.strip()}
    for field, value in (("rate_limit_per_minute", arguments.limit), ("timeout", arguments.timeout)):
        if value is not None:
            body[field] = int(value) if value.isascii() and value.isdigit() else value
    with closing(open_engine(work=False)) as engine:
        saved = engine.save_key(body)
        output.document(saved.as_json())
        output.answer(
            f"Saved: {saved.source} ••••{saved.last_four}. Test it: python -m redline keys test {saved.source}"
        )
    return 0


def test(arguments: argparse.Namespace, output: Output) -> int:
    """Ask the source what the key may do."""
    with closing(open_engine(work=False)) as engine:
        found = engine.test_key(arguments.source)
        output.document(found)
        output.answer(table(("what", "found"), [(name, str(value)) for name, value in found.items()]))
    return 0


def delete(arguments: argparse.Namespace, output: Output) -> int:
    """Forget a saved key."""
    if not output.agreed(f"Forget the saved key of {arguments.source}?", yes=arguments.yes):
        return 1
    with closing(open_engine(work=False)) as engine:
        engine.delete_key(arguments.source)
        output.document({"source": arguments.source, "deleted": True})
        output.answer(f"Forgotten: {arguments.source}.")
    return 0


def token(arguments: argparse.Namespace, output: Output) -> int:
    """Make a bearer token for a program; it is shown this once."""
    with closing(open_engine(work=False)) as engine:
        made = engine.access.make_token(arguments.name)
        output.document({"name": arguments.name, "token": made})
        output.answer(made)
        output.say("Send it as: Authorization: Bearer TOKEN. It is not shown again; revoke it in Settings.")
    return 0


def rotate(arguments: argparse.Namespace, output: Output) -> int:
    """Encrypt all keys anew under a new master key."""
    if not output.agreed("Encrypt all keys anew under a new master key?", yes=arguments.yes):
        return 1
    with closing(open_engine(work=False)) as engine:
        engine.rotate_master_key()
        output.document({"rotated": True})
        output.answer("All keys are encrypted under a new master key; the old one opens nothing any more.")
    return 0
