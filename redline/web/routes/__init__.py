"""One file per shape of request; each parses, calls the engine and renders."""

from __future__ import annotations

from redline.web import login
from redline.web.routes import (
    api_keys,
    collections,
    completeness,
    data,
    download_bulk,
    download_plan,
    download_single,
    jobs,
    overview,
    password,
    status,
    tokens,
)

BLUEPRINTS = (
    overview.bp,
    download_single.bp,
    download_bulk.bp,
    download_plan.bp,
    jobs.bp,
    data.bp,
    completeness.bp,
    collections.bp,
    status.bp,
    api_keys.bp,
    tokens.bp,
    password.bp,
    login.bp,
)

__all__ = ["BLUEPRINTS"]
