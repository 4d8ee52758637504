"""The factory: an engine goes in, a Flask app with its gate, headers, errors and routes comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from jinja2 import StrictUndefined

from redline.web import access_log, errors, gate, sessions
from redline.web.assets import static_url
from redline.web.current import Web
from redline.web.headers import add_headers
from redline.web.routes import BLUEPRINTS

if TYPE_CHECKING:
    from redline.engine import Engine

THREADS = 16


def create_app(engine: Engine, threads: int = THREADS) -> Flask:
    """Return the web app over ``engine``, for a server of ``threads`` threads."""
    app = Flask("redline.web", static_folder="static", template_folder="templates")
    app.url_map.merge_slashes = False  # An address with two slashes is another one; nothing redirects.
    app.debug = False  # FLASK_DEBUG may be set for other programs; nothing of it is wanted here.
    app.config.update(
        MAX_CONTENT_LENGTH=gate.MAX_BODY_BYTES,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.extensions["redline"] = Web.over(engine, threads)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals["static_url"] = static_url
    sessions.register(app, engine.access.session_secret())
    access_log.register(app)
    gate.register(app)
    errors.register(app)
    app.after_request(add_headers)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app
