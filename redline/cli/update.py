"""``update``: bring collections up to date, and wait for it."""

from __future__ import annotations

import argparse
from contextlib import closing

from redline.cli.codes import COMPLETE, code_of
from redline.cli.following import follow
from redline.cli.many import ended_with, result_text
from redline.cli.output import DEMO_NOTE, Output
from redline.demo import DemoMarket
from redline.engine import Engine, open_engine
from redline.errors import RedlineError


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Update the named collections, or all; return the worst code of them. One that fails stops no other."""
    with DemoMarket() as demo, closing(open_engine(demo=demo)) as engine:
        if engine.demo:
            output.say(DEMO_NOTE)
        names = list(dict.fromkeys(arguments.names)) or [one.name for one in engine.collections()]
        for name in names:
            engine.collection(name)  # A name that is wrong is told before anything is fetched.
        if not names:
            output.say("No collection is kept yet. Keep one: python -m redline download AAPL,MSFT --save-as NAME")
        ended = [_update(engine, name, output) for name in names]
    output.document({"collections": [shown for _, shown in ended]})
    return max((code for code, _ in ended), default=COMPLETE)


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
