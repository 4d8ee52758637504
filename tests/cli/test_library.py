"""``redline.open()`` with a list of tickers: one job, one frame, and who is not in it."""

from __future__ import annotations

from typing import Any

import pytest

import redline
from redline.errors import JobFailed

AUGUST = ("2020-08-03", "2020-08-31")


@pytest.mark.usefixtures("shell", "fast")
def test_a_list_is_one_frame_and_a_bad_ticker_spoils_nothing(tmp_path: Any) -> None:
    with redline.open() as library:
        assert library.plan(["AAPL", "KO"], *AUGUST).sessions == 42

        rows = library.download(["AAPL", "NOSUCH", "A/B", "KO"], *AUGUST)

        assert rows["ticker"].value_counts().to_dict() == {"AAPL": 21, "KO": 21}
        assert set(library.failures) == {"NOSUCH", "A/B"}
        assert all(library.failures.values())
        assert library.gaps(["AAPL", "KO"], *AUGUST) == []
        written = library.export(["AAPL", "KO"], tmp_path / "rows.csv", *AUGUST)
        assert len(written.read_text().splitlines()) == 43
        assert len(library.download("AAPL", *AUGUST)) == 21
        assert library.failures == {}
        with pytest.raises(JobFailed, match="NONE"):
            library.download(["NONE", "NOSUCH"], *AUGUST)
