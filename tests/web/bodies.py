"""What stands in an answer, for tests."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.test import TestResponse


def body_of(answer: TestResponse) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    found = answer.get_json()
    assert isinstance(found, dict), answer.text[:200]
    return found


def csrf_of(page: str) -> str:
    """Return the CSRF token of a page's first form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page[:200]
    return found[1]
