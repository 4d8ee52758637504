"""``update``: bring collections up to date, and wait for it; or list them, or forget them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from redline.cli.codes import COMPLETE, code_of
from redline.cli.following import counted, follow
from redline.cli.many import ended_with, result_text
from redline.cli.output import DEMO_NOTE, Output, table
from redline.demo import DemoMarket
from redline.engine import Engine, open_engine
from redline.errors import BadField, RedlineError


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Update the named collections, or all; return the worst code of them. One that fails stops no other."""
    with DemoMarket() as demo, closing(open_engine(demo=demo)) as engine:
        if engine.demo:
            output.say(DEMO_NOTE)
        names = list(dict.fromkeys(arguments.names))
        kept = [engine.collection(one) for one in names] or engine.collections()  # A wrong name is told at once.
        if arguments.forget:
            return _forget(engine, names, output)
        if not kept:
            output.say("No collection is kept yet. Keep one: python -m redline download AAPL,MSFT --save-as NAME")
        if arguments.list:
            return _list([one.as_json(engine.clock.now()) for one in kept], output)
        ended = [_update(engine, one.name, output) for one in kept]
    output.document({"collections": [shown for _, shown in ended]})
    return max((code for code, _ in ended), default=COMPLETE)


def _list(kept: list[dict[str, Any]], output: Output) -> int:
    output.document({"collections": kept})
    if kept:
        rows: list[tuple[object, ...]] = [
            (one["name"], _what(one["request"]), one["next_update_at"] or "when asked", one["last_job"] or "none yet")
            for one in kept
        ]
        output.answer(table(("name", "what", "next update", "last job"), rows))
    return COMPLETE


def _what(request: Mapping[str, Any]) -> str:
    of = counted(len(request["tickers"]), "ticker") if "tickers" in request else str(request["universe"])
    width = f"{request['multiplier']} {request['timespan']} bars".removeprefix("1 ")
    return f"{of}, {width if request['dataset'] == 'bars' else request['dataset']} from {request['start_date']}"


def _forget(engine: Engine, names: list[str], output: Output) -> int:
    if not names:
        raise BadField("NAME", "", "name the collections to forget; update --list says which there are")
    for name in names:
        engine.delete_collection(name)
        output.answer(f"Collection {name} is forgotten; what it brought stays.")
    output.document({"forgotten": names})
    return COMPLETE


def _update(engine: Engine, name: str, output: Output) -> tuple[int, dict[str, object]]:
    output.say(f"Collection {name}")
    try:
        job = follow(engine, engine.update_collection(name), output)
    except RedlineError as error:
        if not output.as_json:
            output.error(error)
        return code_of(error), {"name": name, **error.as_json()}
    output.answer(result_text(job))
    return ended_with(job), {"name": name, "job": job.as_json()}
