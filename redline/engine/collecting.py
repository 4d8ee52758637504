"""Collections: requests kept under a name, and brought up to date on demand or once a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from redline.engine.jobdesk import JobDesk
from redline.errors import BadField
from redline.jobs.collections import Collection, checked_name, checked_time
from redline.jobs.job import JobView, request_shown
from redline.market.bulk import COLLECTION
from redline.market.request import DownloadRequest


class Collecting(JobDesk):
    """The part of the engine that keeps collections. Those of the demo are its own."""

    def collections(self) -> list[Collection]:
        """Return the collections by name."""
        return self._now_in.ledger.collections.all()

    def collection(self, name: str) -> Collection:
        """Return a collection; raises ``NotFound``."""
        return self._now_in.ledger.collections.get(name)

    def check_collection(self, name: object, update_at: object, field: str) -> tuple[str, str | None]:
        """Return name and time of a collection to be; raises ``BadField`` for ``field`` (its name) or ``update_at``."""
        return checked_name(name, field), checked_time(update_at)

    def save_collection(
        self, name: str, body: Mapping[str, object], update_at: str | None = None, *, job_id: str | None = None
    ) -> Collection:
        """Keep the body of a bulk download under a name, without its end: an update asks up to the last session.

        A universe stays a universe, and is looked up anew at each update: as of that day, unless the body names one.
        ``job_id``: the job that was made of it.

        Raises:
            BadField: the name, the time, or a field of the body is wrong.
        """
        kept = self._now_in.ledger.collections
        saved = kept.save(name, _kept(self.parse_bulk(body), body), update_at)
        if job_id is None:
            return saved
        kept.ran(saved.name, job_id)
        return kept.get(saved.name)

    def delete_collection(self, name: str) -> None:
        """Forget a collection; what it brought stays. Raises ``NotFound``."""
        self._now_in.ledger.collections.delete(name)

    def update_collection(self, name: str, *, idempotency_key: str | None = None) -> JobView:
        """Start the job that brings a collection up to date.

        Raises:
            NotFound: there is none of that name. MissingKey: no key is known.
        """
        kept = self._now_in.ledger.collections
        job = self.submit(self.parse_bulk(kept.get(name).request), idempotency_key=idempotency_key)
        kept.ran(name, job.job_id)
        return job

    def _daily(self, *, demo: bool) -> Callable[[Collection, str], str]:
        """Return what submits the daily update of a collection of the demo, or of a real one."""

        def submit(one: Collection, key: str) -> str:
            if self.demo is not demo:
                raise BadField("collection", one.name, "it belongs to the demo market, which has stepped aside")
            return self.submit(self.parse_bulk(one.request), idempotency_key=key).job_id

        return submit


def _kept(request: DownloadRequest, body: Mapping[str, object]) -> dict[str, object]:
    """Return the body that a collection keeps. ``body``: where the request came from; it tells a date from today."""
    shown = {name: value for name, value in request_shown(request).items() if name in _FIELDS}
    if request.universe and not request.universe.startswith(COLLECTION):
        shown = {name: value for name, value in shown.items() if name != "tickers"} | {"universe": request.universe}
        if request.as_of is not None and body.get("as_of"):
            shown["as_of"] = request.as_of.isoformat()
    return shown


_FIELDS = frozenset({"tickers", "source", "dataset", "start_date", "timespan", "multiplier", "adjusted"})
