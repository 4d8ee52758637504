"""API keys and their budgets: saving, testing, forgetting, and how much of each limit is used."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress

from redline.clock import Watch
from redline.config.key_in import KeyIn
from redline.config.keys import KeyOut, KeyRing
from redline.config.vault import Vault
from redline.engine.result import budget_json
from redline.engine.sources import Sources
from redline.errors import KeysUnreadable
from redline.net.redact import holds_secret, redact, register
from redline.net.usage import KeyUsage

TEST_PATIENCE_S = 60.0  # Somebody waits for the answer of a test; a full budget comes back within this.


class KeyDesk:
    """The part of the engine that knows keys. They go in and never come out."""

    _vault: Vault
    _keys: KeyRing
    _sources: Sources
    _work: bool

    @property
    @abstractmethod
    def demo(self) -> bool:
        """Whether the demo market stands in."""

    def usage(self) -> list[KeyUsage]:
        """Return the budgets of the keys that are known, then of those that were used since this engine began.

        An engine that works starts the demo market when it stands in: its budget is shown before anything is asked.
        """
        return self._sources.usage(demo=self.demo, start_demo=self._work)

    def budget(self) -> list[dict[str, object]]:
        """Return the rows of ``GET /budget`` (design 4.3)."""
        return [budget_json(one) for one in self.usage()]

    def keys(self) -> Sequence[KeyOut]:
        """Return all keys that are known, without the keys."""
        return self._keys.list()

    def save_key(self, body: Mapping[str, object], *, form: bool = False) -> KeyOut:
        """Save a key (design 4.3, *key in*); its limit holds for everybody from now on. In a form all values are text.

        Raises:
            BadField: by name of the field.
        """
        wanted = KeyIn.parse_form({name: str(value) for name, value in body.items()}) if form else KeyIn.parse(body)
        saved = self._keys.save(wanted)
        self._mask_known_keys()
        self._sources.note_limit(saved.source)
        return saved

    def delete_key(self, source: str) -> None:
        """Forget a saved key; raises ``NotFound``."""
        self._keys.delete(source)

    def test_key(self, source: str) -> dict[str, object]:
        """Ask the source what its key may do, and remember plan and limit.

        Raises:
            MissingKey, InvalidKey, RateLimited, ProviderUnavailable: as the source answers.
        """
        key = self._sources.key(source)
        found = self._sources.live(source, patience_s=TEST_PATIENCE_S).test_key(Watch())
        self._keys.note_test(source, found, key.api_key)
        self._sources.note_limit(source)
        return found

    def knows_secret(self, text: str) -> bool:
        """Return whether one of the keys stands in ``text``, plain or encoded: where a text is shown, none may."""
        return holds_secret(text)

    def masked(self, text: str) -> str:
        """Return ``text`` with every key masked."""
        return redact(text)

    def _mask_known_keys(self) -> None:
        with suppress(KeysUnreadable):  # What cannot be read cannot get into a text.
            for secret in self._keys.secrets():
                register(secret.reveal())

    def rotate_master_key(self) -> None:
        """Encrypt all keys anew under a new master key; the old one opens nothing afterwards."""
        self._vault.rotate()
