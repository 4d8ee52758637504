"""What a request brings along: its body as names and values, and its arguments, each named once."""

from __future__ import annotations

import re

from flask import request
from werkzeug.datastructures import MultiDict

from redline.errors import BadField
from redline.web.answers import is_form
from redline.web.strict_json import parse_object

HIDDEN = "••••"
#: Names of fields and arguments that sound like secrets.
SECRET_NAME = re.compile(r"key|token|secret|passw|authorization|credential", re.IGNORECASE)


def form_or_json() -> dict[str, object]:
    """Return the body's fields. A form's empty fields are left out: that is how a form says nothing.

    Raises:
        InvalidJson: the body is no JSON object.
        BadField: a form names a field twice.
    """
    if not is_form():
        return parse_object(request.get_data(cache=False))
    return {name: value for name, value in once(request.form).items() if value and name != "csrf_token"}


def arguments() -> dict[str, object]:
    """Return the arguments of the address; raises ``BadField`` when one is there twice."""
    return dict(once(request.args))


def once(given: MultiDict[str, str]) -> dict[str, str]:
    """Return names and values; raises ``BadField`` for a name given twice, for which of them counts is a guess."""
    for name, values in given.lists():
        if len(values) > 1:
            raise BadField(name[:40], HIDDEN if SECRET_NAME.search(name) else values[1], "it must be given once")
    return given.to_dict()


def refuse_secrets(body: dict[str, object], *, known: frozenset[str]) -> None:
    """Refuse an unknown field that sounds like a secret without repeating its value, as other messages would."""
    for name in body:
        if name not in known and SECRET_NAME.search(name):
            raise BadField(name[:40], HIDDEN, f"no such field; there are {', '.join(sorted(known))}")
