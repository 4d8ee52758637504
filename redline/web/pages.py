"""Pages: what each one shows, computed here and printed by a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import render_template_string

if TYPE_CHECKING:
    from redline.engine import Engine

_PAGE = """<!doctype html><html lang="en"><title>{{ title }}</title><h1>{{ title }}</h1>
{% if text %}<p>{{ text }}</p>{% endif %}
<form method="post" action="{{ action }}"><input type="hidden" name="csrf_token" value="{{ csrf_token() }}"></form>"""


def _page(title: str, text: str = "", action: str = "/download") -> str:
    return render_template_string(_PAGE, title=title, text=text, action=action)


def download(engine: Engine, arguments: Mapping[str, object]) -> str:
    """The Download page; ``arguments`` fill its form."""
    return _page("Download")


def bill(engine: Engine, request: Any, plan: Any) -> str:
    """The piece of page under the form: what the download would cost."""
    return _page("Bill", f"{plan.calls} calls")


def jobs(engine: Engine, found: Sequence[Any]) -> str:
    """The list of jobs."""
    return _page("Jobs")


def job(engine: Engine, found: Any) -> str:
    """One job."""
    return _page(f"Job {found.job_id}")


def data(engine: Engine, arguments: Mapping[str, object]) -> str:
    """What is held; with ``ticker`` in the arguments, its chart and rows."""
    return _page("Data")


def settings(engine: Engine, made: tuple[str, str] | None = None) -> str:
    """The overview of Settings; ``made`` is the name and text of a bearer token made just now, shown this once."""
    return _page("Settings", made[1] if made else "")


def api_keys(engine: Engine) -> str:
    """The keys."""
    return _page("API keys")


def login(next_path: str, refused: str = "") -> str:
    """The sign-in form: fields ``password`` and the hidden ``next``; ``refused`` is a sentence when it went wrong."""
    return _page("Sign in", refused, "/login")


def error(body: Mapping[str, object], status: int) -> str:
    """An error: sentence, hint, ``code · status``."""
    return _page(str(body["error"]), f"{body['code']} · {status}")
