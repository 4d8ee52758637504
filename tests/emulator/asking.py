"""A client that shares no code with ours: plain ``requests``, pages followed by hand."""

from __future__ import annotations

from typing import Any

import requests

KEY = "canary-key-0123456789"


class Asking(requests.Session):  # type: ignore[misc]
    """``answer(path)`` is the decoded body; ``pages(path)`` follows ``next_url``."""

    def __init__(self, rest: str, key: str) -> None:
        super().__init__()
        self.rest = rest
        self.headers["Authorization"] = f"Bearer {key}"

    def raw(self, path: str, **headers: str) -> requests.Response:
        return self.get(self.rest + path, headers=headers, timeout=20)

    def answer(self, path: str, status: int = 200) -> dict[str, Any]:
        response = self.raw(path)
        assert response.status_code == status, response.text
        found: dict[str, Any] = response.json()
        return found

    def pages(self, path: str) -> list[dict[str, Any]]:
        found = [self.answer(path)]
        while url := found[-1].get("next_url"):
            found.append(self.answer(url.removeprefix(self.rest)))
        return found

    def rows(self, path: str) -> list[dict[str, Any]]:
        return [row for page in self.pages(path) for row in page.get("results", [])]
