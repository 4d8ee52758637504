"""From a source's name and the keys that are known to a downloader that can work."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from datetime import date
from typing import Any, Protocol

from redline.clock import Clock
from redline.config.keys import Key, KeyRing
from redline.config.kinds import Hidden
from redline.config.setting_list import Origin
from redline.config.settings import Settings
from redline.downloaders import SOURCE_NAMES, source_class
from redline.downloaders.base_downloader import BaseDownloader, KeyUse
from redline.engine.result import SourceInfo
from redline.errors import BadField, KeysUnreadable, MissingKey
from redline.net.breaker import Breaker
from redline.net.budget import Budgets, KeyBudget
from redline.net.usage import KeyUsage

DEMO_KEY = "demo-market-needs-no-key"
DEMO_LIMIT = 600
DEMO_SOURCE = "massive"  # The source that the demo market stands behind.
DOWNLOADERS_KEPT = 8
TIMEOUT_S = 30.0  # Of a source that takes no key; the others have it with theirs.


class Demo(Protocol):
    """The demo market: called, it gives the address of its REST service, starting it when it has to."""

    last_session: date
    tickers: tuple[str, ...]

    def __call__(self) -> str: ...


class Sources:
    """Makes downloaders. Those of one source share a circuit breaker, those of one key its budget. Thread-safe.

    The newest few are kept: the parts of a job share one, and with it the connections that are open.
    """

    def __init__(self, settings: Settings, keys: KeyRing, budgets: Budgets, clock: Clock, demo: Demo | None) -> None:
        self._settings, self._keys, self._budgets, self._clock, self.demo_market = settings, keys, budgets, clock, demo
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._made: dict[tuple[object, ...], BaseDownloader] = {}
        self._used: dict[tuple[str, str, str], KeyBudget] = {}
        self._lock = threading.RLock()

    @property
    def demo(self) -> bool:
        """Whether the demo stands behind ``massive``: no key is known, and nobody named another address (design 5)."""
        named = self._settings.origin("massive_api_base_url") is not Origin.DEFAULT
        return self.demo_market is not None and not named and not self._has_key("massive")

    def _has_key(self, source: str) -> bool:
        """Whether there is a key for a source; one that the vault does not give out counts too."""
        try:
            return self._keys.resolve(source) is not None
        except KeysUnreadable:
            return True

    def infos(self) -> list[SourceInfo]:
        """Return the sources that can be asked."""
        return [
            SourceInfo(name, cls.label, cls.key_use is not KeyUse.NONE, self._has_key(name))
            for name, cls in ((one, source_class(one)) for one in SOURCE_NAMES)
        ]

    def label(self, source: str) -> str:
        """Return what people call a source; raises ``BadField`` when there is none of that name."""
        return source_class(source).label

    def key(self, source: str, argument: str | None = None) -> Key:
        """Return the key to use.

        Raises:
            BadField: there is no such source, or it takes no key. MissingKey: no key for it is known.
        """
        label = self.label(source)
        if source_class(source).key_use is KeyUse.NONE:
            field, was = ("source", source) if argument is None else ("api_key", Hidden("a key"))
            raise BadField(field, was, f"{label} takes no key")
        found = self._keys.resolve(source, argument)
        if found is None:
            raise MissingKey(source, label)
        return found

    def live(self, source: str, argument: str | None = None, *, patience_s: float | None = None) -> BaseDownloader:
        """Return a downloader that asks the real source with the key that is known, or with ``argument``.

        Raises:
            BadField: there is no such source, or it takes no key. MissingKey: no key for it is known.
        """
        address = self._address(source)
        if argument is None and source_class(source).key_use is KeyUse.NONE:
            return self._make(source, "", base_url=address, limit=None, timeout_s=TIMEOUT_S, patience_s=patience_s)
        key = self.key(source, argument)
        return self._make(
            source,
            key.api_key.reveal(),
            base_url=address,
            limit=key.rate_limit_per_minute,
            timeout_s=key.timeout_s,
            patience_s=patience_s,
        )

    def demonstration(self, source: str) -> BaseDownloader:
        """Return a downloader that asks the demo market."""
        if self.demo_market is None:
            raise MissingKey(source, self.label(source))
        made = self._make(
            source, DEMO_KEY, base_url=self.demo_market(), limit=DEMO_LIMIT, timeout_s=30.0, patience_s=None
        )
        made.only_tickers = self.demo_market.tickers
        return made

    def note_limit(self, source: str) -> KeyBudget:
        """Write the limit of a source's key into the budgets, where a downloader that names none finds it."""
        key = self.key(source)
        return self._budget(source, self._address(source), key.api_key.reveal(), key.rate_limit_per_minute)

    def usage(self, *, demo: bool, start_demo: bool) -> list[KeyUsage]:
        """Return the budgets of the keys that are known, then of others that were used since this engine began, those
        of sources without a key among them.

        While the ``demo`` stands in, its budget is the first; with ``start_demo`` its market is started for that.
        """
        now = set()
        if demo and start_demo and self.demo_market is not None:
            now.add(self._budget("massive", self.demo_market(), DEMO_KEY, DEMO_LIMIT))
        for source in (one for one in SOURCE_NAMES if source_class(one).key_use is not KeyUse.NONE):
            with suppress(MissingKey, KeysUnreadable):  # What is unknown has no budget to show.
                now.add(self.note_limit(source))
        with self._lock:
            used = sorted(self._used.items(), key=lambda item: item[1] not in now)
        return [budget.snapshot() for (_, _, key), budget in used if demo or key != DEMO_KEY]

    def _address(self, source: str) -> str:
        """Where a source is; raises ``BadField`` when there is none of that name."""
        return str(getattr(self._settings, source_class(source).address))

    def _budget(self, source: str, base_url: str, key: str, limit: float | None) -> KeyBudget:
        budget = self._budgets.key(source, base_url.rstrip("/"), key, limit)
        with self._lock:
            return self._used.setdefault((source, base_url, key), budget)

    def _make(
        self, source: str, key: str, *, base_url: str, limit: float | None, timeout_s: float, patience_s: float | None
    ) -> BaseDownloader:
        known = (source, key, base_url, limit, timeout_s, patience_s)
        with self._lock:
            if known not in self._made:
                while len(self._made) >= DOWNLOADERS_KEPT:
                    del self._made[next(iter(self._made))]
                self._made[known] = self._new(source, key, base_url, limit, timeout_s, patience_s)
            return self._made[known]

    def _new(
        self, source: str, key: str, base_url: str, limit: float | None, timeout_s: float, patience_s: float | None
    ) -> BaseDownloader:
        made: Any = source_class(source)
        own = () if made.key_use is KeyUse.NONE else (key,)
        downloader: BaseDownloader = made(
            *own,
            self._settings.home,
            base_url=base_url,
            rate_limit_per_minute=limit,
            timeout=timeout_s,
            budgets=self._budgets,
            clock=self._clock,
            rng=random.Random(),  # noqa: S311 - spreads retries, guards nothing
            patience_s=patience_s,
            breaker=self._breaker(source, base_url),
        )
        self._budget(source, base_url, key, limit)
        return downloader

    def _breaker(self, source: str, base_url: str) -> Breaker:
        with self._lock:
            return self._breakers.setdefault((source, base_url), Breaker(source, self._clock))
