"""The engine: what web, command line and library call. It wires the rooms together and does no work of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from redline.clock import Clock, SystemClock
from redline.config.access import Access
from redline.config.keys import KeyRing, open_vault
from redline.config.settings import Settings, load
from redline.engine.collecting import Collecting
from redline.engine.completeness import Completeness
from redline.engine.keydesk import KeyDesk
from redline.engine.result import SourceInfo, Status
from redline.engine.sources import Demo, Sources
from redline.engine.workspace import Workspace
from redline.errors import NotFound
from redline.market.calendar import TradingCalendar
from redline.net.budget import Budgets
from redline.net.logs import install_logging


class Engine(Completeness, Collecting, KeyDesk):
    """Everything that REDLINE can do, over one ``REDLINE_HOME``. Thread-safe; close it, or use it in a ``with``."""

    def __init__(self, settings: Settings, clock: Clock, *, demo: Demo | None = None, work: bool = True) -> None:
        self.settings, self.clock = settings, clock
        self._vault = open_vault(settings, clock)
        self._keys = KeyRing(self._vault, settings)
        self._mask_known_keys()
        self.access = Access(settings, clock)
        self._budgets = Budgets(settings.state_dir / "budgets.db", clock)
        self._sources = Sources(settings, self._keys, self._budgets, clock, demo)
        self._calendar = TradingCalendar(self.today())
        self._work, self._lock = work, threading.RLock()
        self._spaces: dict[bool, Workspace] = {}
        if work:
            self._space(demo=self.demo)  # Unfinished jobs go on at once.

    def sources(self) -> list[SourceInfo]:
        """Return the sources that can be asked."""
        return self._sources.infos()

    def _space(self, *, demo: bool) -> Workspace:
        with self._lock:
            if demo not in self._spaces:
                self._spaces[demo] = Workspace(
                    self.settings.home / "demo" if demo else self.settings.home,
                    self.clock,
                    self._calendar,
                    self._demo_for if demo else self._live_for,
                    work=self._work,
                    demo=demo,
                    replan=self._replans(demo=demo),
                    update=self._daily(demo=demo),
                )
            return self._spaces[demo]

    def _holding(self, job_id: str) -> Workspace:
        current = self._now_in
        for space in [current, *[one for one in self._spaces.values() if one is not current]]:
            if space.ledger.knows(job_id):
                return space
        raise NotFound(f'There is no job "{job_id[:40]}".', "The list of jobs is at /jobs.")

    # -- life ---------------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """Return what is held, what runs and each key's budget."""
        return Status(self._now_in.home, tuple(self.held()), tuple(self.jobs(20)), tuple(self.usage()), demo=self.demo)

    def health(self) -> dict[str, object]:
        """Return that the engine answers, and for whom."""
        return {"status": "ok", "demo": self.demo}

    def close(self) -> None:
        """Stop the workers and close the files. Unfinished jobs go on when an engine opens again."""
        for space in list(self._spaces.values()):
            space.close()
        self._budgets.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_engine(
    home: str | Path | None = None,
    *,
    arguments: Mapping[str, object] | None = None,
    demo: Demo | None = None,
    work: bool = True,
) -> Engine:
    """Return the engine of this process: settings from arguments and environment, the machine's clock.

    ``work=False``: look, do not fetch (``status``, ``keys``).
    """
    given = dict(arguments or {})
    if home is not None:
        given["home"] = str(home)
    settings = load(os.environ, arguments=given, cwd=Path.cwd())
    return Engine(settings, SystemClock(), demo=demo, work=work)


__all__ = ["Engine", "install_logging", "open_engine"]
