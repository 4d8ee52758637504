"""What the parts of the engine share: settings, clock, sources, calendar, and the workspaces. Values and questions."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date

from redline.config.settings import Settings
from redline.config.vault import Vault
from redline.engine.holdings import Holdings
from redline.engine.sources import DEMO_SOURCE, Sources
from redline.engine.workspace import JOBS_FILE, Workspace
from redline.jobs.ledger import asked_sources
from redline.market.calendar import TradingCalendar, day_of
from redline.market.request import year_before


class House(Holdings):
    """The ground that the engine's parts stand on; ``Engine`` builds it."""

    settings: Settings
    _vault: Vault
    _sources: Sources
    _calendar: TradingCalendar

    @abstractmethod
    def _space(self, *, demo: bool) -> Workspace:
        """Return the workspace of the demo, or the real one; it is opened when it is not open yet."""

    @abstractmethod
    def _holding(self, job_id: str) -> Workspace:
        """Return the workspace that knows a job; raises ``NotFound``."""

    @property
    def demo(self) -> bool:
        """Whether the demo market stands behind ``massive``; it steps aside the moment a key is known, or something
        was downloaded from another source: what is real and what is not never stand side by side.
        """
        if not self._sources.demo:
            return False
        return not asked_sources(self.settings.home / JOBS_FILE) - {DEMO_SOURCE}

    @property
    def _now_in(self) -> Workspace:
        return self._space(demo=self.demo)

    def today(self) -> date:
        """Return today's date in New York."""
        return day_of(self.clock.now())

    def last_session(self, source: object = DEMO_SOURCE) -> date:
        """Return the last finished session; of the demo market, its last one, where it stands behind ``source``."""
        market = self._sources.demo_market
        if market is not None and source == DEMO_SOURCE and self.demo:
            return market.last_session
        return self._calendar.last_finished(self.clock.now())

    @property
    def demo_tickers(self) -> tuple[str, ...]:
        """The tickers of the demo market; none when no demo stands in."""
        market = self._sources.demo_market
        return market.tickers if self.demo and market else ()

    def default_range(self) -> tuple[date, date]:
        """Return the dates (inclusive) of a request that names none: one year up to the last finished session."""
        last = self.last_session()
        return year_before(last), last
