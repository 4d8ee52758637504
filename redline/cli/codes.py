"""The exit codes of the verbs."""

from __future__ import annotations

from redline.errors import ConfigError, InvalidKey, RedlineError, RequestError, StoreUnwritable

COMPLETE, INCOMPLETE, WRONG_USE = 0, 1, 2


def code_of(error: RedlineError) -> int:
    """Return the exit code that an error ends with: 2 when the request or the installation is wrong, else 1."""
    # A job that failed bears only the code and status of what made it fail.
    wrong_kind = isinstance(error, RequestError | ConfigError | InvalidKey | StoreUnwritable)
    return WRONG_USE if wrong_kind or error.status in (400, 401, 404) else INCOMPLETE
