"""The users of a nemesis: each asks for things, changes its mind, and asks again, as its seed says."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.world import END, MINUTES, MINUTES_START, START, TICKERS, World, ended

#: What a server may say while the world burns; anything else from 500 on is a finding.
EXPECTED_CODES = {
    "busy", "disk_full", "store_busy", "store_unwritable", "rate_limited", "provider_unavailable", "malformed_page",
    "job_failed", "no_data", "store_gone",
}  # fmt: skip


class Client(threading.Thread):
    """One user: asks for things, changes its mind, asks again."""

    def __init__(self, world: World, seed: int, number: int) -> None:
        super().__init__(name=f"client-{number}")
        self._world, self._rng, self._number = world, random.Random(f"{seed} client {number}"), number
        # A program sends no cookie, and a page's cookie on a program's post is refused: two clients, as in life.
        self._http, self._browser = requests.Session(), requests.Session()
        self._http.headers["Accept"] = "application/json"

    def run(self) -> None:
        deeds = (
            (self._single, 5), (self._bulk, 4), (self._twice, 2), (self._steer, 5), (self._look, 3), (self._command, 1),
        )  # fmt: skip
        while not self._world.over.is_set():
            (deed,) = self._rng.choices([one for one, _ in deeds], [weight for _, weight in deeds])
            try:
                deed()
            except requests.RequestException:
                self._world.count("server was away")
            self._world.over.wait(self._rng.uniform(0.05, 0.5))
        self._http.close()

    def _body(self) -> dict[str, Any]:
        rng = self._rng
        if rng.random() < 0.25:
            first = MINUTES_START + timedelta(days=rng.randrange(0, 40))
            last = min(END, first + timedelta(days=rng.randrange(1, 12)))
            return {"ticker": rng.choice(MINUTES), "timespan": "minute", **_dates(first, last)}
        first = START + timedelta(days=rng.randrange(0, 300))
        last = min(END, first + timedelta(days=rng.randrange(1, 200)))
        return {"ticker": rng.choice(TICKERS), "timespan": "day", **_dates(first, last)}

    def _many(self) -> dict[str, Any]:
        """Few sessions of many tickers, or many of a few: the planner goes by sessions or by tickers."""
        body = self._body()
        if body["timespan"] == "day":
            body["tickers"] = self._rng.sample(TICKERS, self._rng.choice((3, 12, 40)))
        else:
            body["tickers"] = self._rng.sample(MINUTES, 2)
        del body["ticker"]
        return body

    def _post(self, path: str, body: dict[str, Any] | None, **headers: str) -> requests.Response:
        answer = self._http.post(self._world.address + path, json=body, headers=headers, timeout=40)
        return self._checked(answer)

    def _checked(self, answer: requests.Response) -> requests.Response:
        self._world.count(f"HTTP {answer.status_code}")
        if answer.status_code == 403:
            self._world.error(f"{answer.request.method} {answer.request.path_url}: refused, {answer.text}")
        if answer.status_code >= 500:
            try:
                code = answer.json().get("code", "")
            except ValueError:
                code = ""
            if code not in EXPECTED_CODES:
                self._world.error(f"{answer.request.method} {answer.request.path_url}: {answer.text}")
        return answer

    def _submitted(self, answer: requests.Response, what: str) -> str:
        found = answer.json() if answer.status_code in (200, 202) else {}
        if job_id := str(found.get("job_id", "")):
            with self._world.lock:
                self._world.jobs.setdefault(job_id, what)
        return job_id

    def _single(self) -> None:
        headers = {} if self._rng.random() < 0.2 else {"Prefer": "respond-async"}
        self._submitted(self._post("/download", self._body(), **headers), "single")
        self._world.count("single")

    def _bulk(self) -> None:
        self._submitted(self._post("/download/bulk", self._many()), "bulk")
        self._world.count("bulk")

    def _twice(self) -> None:
        """The same request twice under one key, an answer lost in between or not: one job."""
        key, bulk = f"key-{self._number}-{self._rng.getrandbits(40):x}", self._rng.random() < 0.5
        path, body = ("/download/bulk", self._many()) if bulk else ("/download", self._body())
        for _ in range(2):
            try:
                answer = self._post(path, body, **{"Idempotency-Key": key, "Prefer": "respond-async"})
            except requests.RequestException:
                continue
            if job_id := self._submitted(answer, "twice"):
                with self._world.lock:
                    first = self._world.keys.setdefault(key, job_id)
                if first != job_id:
                    self._world.error(f"one Idempotency-Key, two jobs: {first} and {job_id}")
        self._world.count("twice")

    def _steer(self) -> None:
        with self._world.lock:
            known = list(self._world.jobs)
        if known:
            verb = self._rng.choices(("pause", "resume", "cancel", "retry"), (3, 4, 1, 3))[0]
            self._post(f"/jobs/{self._rng.choice(known)}/{verb}", None)
            self._world.count(verb)

    def _look(self) -> None:
        path = self._rng.choice(("/jobs", "/data", "/budget", "/data/bars?ticker=" + self._rng.choice(TICKERS)))
        html = path in ("/jobs", "/data") and self._rng.random() < 0.7
        client, accept = (self._browser, "text/html") if html or path == "/data" else (self._http, "application/json")
        self._checked(client.get(self._world.address + path, headers={"Accept": accept}, timeout=40))
        self._world.count("look")

    def _command(self) -> None:
        if self._number:
            return
        body = self._body()
        dates = ("--start", body["start_date"], "--end", body["end_date"])
        words = ("download", body["ticker"], *dates, "--timespan", body["timespan"], "--json", "--quiet", "--yes")
        process = self._world.start("cli", *words, log="cli")
        try:
            code = process.wait(self._rng.choice((2, 8)))
            self._world.count(f"command ended with {code}")
        except subprocess.TimeoutExpired:
            process.kill()
            self._world.count("command killed")
        ended(process)


def _dates(first: date, last: date) -> dict[str, str]:
    return {"start_date": first.isoformat(), "end_date": last.isoformat()}
