"""What a request brings along: its body as names and values, and its arguments, each named once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import request
from werkzeug.datastructures import MultiDict

from redline.errors import BadField
from redline.web.answers import is_form
from redline.web.current import engine
from redline.web.strict_json import parse_object

HIDDEN = "••••"
#: Names of fields and arguments that sound like secrets.
SECRET_NAME = re.compile(r"key|token|secret|passw|authorization|credential|^current$", re.IGNORECASE)
#: So much of a text is looked through for keys; nothing longer is shown or kept.
LOOKED_AT = 4_096


def form_or_json() -> dict[str, object]:
    """Return the body's fields. A form's empty fields are left out: that is how a form says nothing.

    Raises:
        InvalidJson: the body is no JSON object.
        BadField: a form names a field twice.
    """
    if is_form():
        found: dict[str, object] = {n: text for n, text in once(request.form).items() if text and n != "csrf_token"}
    else:
        found = parse_object(request.get_data(cache=False))
    refuse_strayed_keys(found)
    return found


def arguments() -> dict[str, object]:
    """Return the arguments of the address; raises ``BadField`` when one is there twice."""
    return dict(once(request.args))


def once(given: MultiDict[str, str]) -> dict[str, str]:
    """Return names and values; raises ``BadField`` for a name given twice, for which of them counts is a guess."""
    for name, values in given.lists():
        if len(values) > 1:
            raise BadField(name[:40], HIDDEN if SECRET_NAME.search(name) else values[1], "it must be given once")
    return given.to_dict()


def refuse_strayed_keys(body: Mapping[str, object]) -> None:
    """Refuse an API key in any field but those for secrets: it would be shown, kept and logged like any other text.

    Looked for are the keys that are known, and the one that this body itself brings.

    Raises:
        BadField: names the field, unless the key is that name; never shows the value.
    """
    own = [text for name, text in body.items() if SECRET_NAME.search(name) and isinstance(text, str) and len(text) > 7]
    for name, value in body.items():
        strayed = name if engine().knows_secret(name) else ""
        if not SECRET_NAME.search(name):
            said = f"{value}"[:LOOKED_AT]
            strayed = strayed or (said if engine().knows_secret(said) or any(one in said for one in own) else "")
        if strayed:
            shown = "A name of a field" if strayed is name else name[:40]
            raise BadField(shown, HIDDEN, "a key belongs into api_key and nowhere else")


def refuse_secrets(body: dict[str, object], *, known: frozenset[str]) -> None:
    """Refuse an unknown field that sounds like a secret without repeating its value, as other messages would."""
    for name in body:
        if name not in known and SECRET_NAME.search(name):
            raise BadField(name[:40], HIDDEN, f"no such field; there are {', '.join(sorted(known))}")
