"""Hold a store against what the source served, with other people's readers: deltalake, pyarrow, sqlite3, SHA-256.

Used by the nemesis and by the kills. Nothing of REDLINE reads here but ``Store.verify``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

DATA_FILE = re.compile(r"[0-9a-f]{64}\.parquet")
KEY = ["ticker", "timespan", "t"]
NUMBERS = ["open", "high", "low", "close", "volume"]
_RANGE = re.compile(r"/v2/aggs/ticker/([^/]+)/range/1/(minute|day)/")
_MOMENT = re.compile(r'"t"\s*:\s*(\d+)')
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job that ended complete must have brought: these tickers' bars from ``start`` to ``end`` inclusive."""

    tickers: tuple[str, ...]
    timespan: str
    start: date
    end: date

    def rows_of(self, truth: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of ``truth`` that this is about."""
        first, last = (self.start - _EPOCH).days, (self.end - _EPOCH).days
        chosen = (truth["timespan"] == self.timespan) & truth["day"].between(first, last)
        return truth[chosen & truth["ticker"].isin(self.tickers)]


@dataclass(slots=True)
class Findings:
    """Counts of rows and files that are not as they must be, with some examples. All zero is what is wanted."""

    rows: int = 0
    served: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    torn: int = 0
    unverified: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.wrong or self.torn or self.unverified)


def stored(home: Path) -> pd.DataFrame:
    """Return the live bars of a store in the columns of ``generated_market.truth_of``."""
    from deltalake import DeltaTable

    root = home / "store" / "bars"
    if not (root / "_delta_log").exists():
        return pd.DataFrame(columns=[*KEY, "day", *NUMBERS])
    table = DeltaTable(root).to_pyarrow_table(filters=[("superseded", "=", False)])
    frame = table.select(["ticker", "timespan", "timestamp", "date", *NUMBERS]).to_pandas()
    moments = pd.to_datetime(frame.pop("timestamp"), utc=True).dt.tz_localize(None)
    frame["t"] = moments.astype("datetime64[ms]").astype("int64")
    frame["day"] = pd.to_datetime(frame.pop("date")).astype("datetime64[s]").astype("int64") // 86_400
    return frame


def audit(home: Path, truth: pd.DataFrame, complete: Sequence[Wanted], ledger: Iterable[dict[str, Any]]) -> Findings:
    """Compare the store below ``home`` with the truth, with what was promised and with what was served.

    Lost: a row that a complete job promised, that was served whole for one, or whose session is stored without it; but
    for one that came spoilt and is kept aside.
    """
    found = Findings()
    for line in torn_files(home):
        found.torn += 1
        found.examples.append(line)
    if found.torn:
        return found  # Nobody can read the rest.
    rows = stored(home)
    found.rows = len(rows)
    twice = rows[rows.duplicated(KEY, keep="first")]
    _tell(found, "doubled", twice)
    joined = rows.drop_duplicates(KEY).merge(truth, on=KEY, how="left", suffixes=("", "_true"), indicator=True)
    same = (joined["_merge"] == "both") & (joined["day"] == joined["day_true"])
    for name in NUMBERS:
        same &= joined[name] == joined[f"{name}_true"]
    _tell(found, "wrong", joined[~same])
    promised = [one.rows_of(truth) for one in complete]
    promised = pd.concat(promised).drop_duplicates(KEY) if promised else truth.iloc[:0]
    sessions = rows[["ticker", "timespan", "day"]].drop_duplicates()
    whole = truth.merge(sessions, on=["ticker", "timespan", "day"])
    served = served_rows(ledger)
    found.served = len(served)
    kept = served.merge(promised[KEY], on=KEY)
    must = pd.concat([promised[KEY], whole[KEY], kept]).drop_duplicates()
    there = pd.concat([rows[KEY], set_aside(home)]).drop_duplicates()
    missing = must.merge(there, on=KEY, how="left", indicator=True)
    _tell(found, "lost", missing[missing["_merge"] == "left_only"])
    for line in unverified(home):
        found.unverified += 1
        found.examples.append(line)
    return found


def set_aside(home: Path) -> pd.DataFrame:
    """Return the keys of the rows that came spoilt and are kept aside with a reason: they are not lost."""
    with contextlib.closing(sqlite3.connect(home / "store" / "ledger.db")) as ledger:
        found = ledger.execute("SELECT ticker, timespan, row FROM set_aside WHERE dataset = 'bars'").fetchall()
    keys = [(ticker, timespan, _MOMENT.search(row)) for ticker, timespan, row in found]
    return pd.DataFrame([(ticker, timespan, int(at[1])) for ticker, timespan, at in keys if at], columns=KEY)


def _tell(found: Findings, what: str, rows: pd.DataFrame) -> None:
    setattr(found, what, len(rows))
    for row in rows.head(3).itertuples():
        found.examples.append(f"{what}: {row.ticker} {row.timespan} {datetime.fromtimestamp(row.t / 1000, UTC)}")


def served_rows(ledger: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return the keys of the rows that the emulator served whole, each once, of answers about one ticker."""
    parts: list[pd.DataFrame] = []
    for one in ledger:
        about = _RANGE.match(one["path"])
        if about and one["status"] == 200 and not one["cut"] and one.get("served"):
            parts.append(pd.DataFrame({"ticker": about[1], "timespan": about[2], "t": one["served"]}))
    return pd.concat(parts).drop_duplicates(KEY) if parts else pd.DataFrame(columns=KEY)


def torn_files(home: Path, exports: Sequence[Path] = ()) -> list[str]:
    """Return what a reader would stumble over: data files that are not what their name says, log lines cut short."""
    said = [
        f"torn: {path.relative_to(home)}"
        for path in (home / "store").rglob("*.parquet")
        if DATA_FILE.fullmatch(path.name) and hashlib.sha256(path.read_bytes()).hexdigest() != path.stem
    ]
    named: set[Path] = set()
    for path in (home / "store").glob("*/_delta_log/*.json"):
        try:
            entry = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        except ValueError:
            said.append(f"torn: {path.relative_to(home)}")
            continue
        named |= {path.parents[1] / one["add"]["path"] for one in entry if "add" in one}
    for path in named:
        removed_later = not path.exists()
        if removed_later and _live(path):
            said.append(f"gone: {path.relative_to(home)}")
    for path in exports:
        if path.exists() and not path.read_bytes().endswith(b"\n"):
            said.append(f"torn: {path.name}")
    return said


def _live(path: Path) -> bool:
    """Whether the newest version of the table names a file that is not there."""
    from deltalake import DeltaTable

    root = next(folder for folder in path.parents if (folder / "_delta_log").exists())
    return str(path.relative_to(root)) in {one.removeprefix(f"{root}/") for one in DeltaTable(root).file_uris()}


def unverified(home: Path) -> list[str]:
    """Return what ``Store.verify`` complains of, and what SQLite does of the two ledgers."""
    from redline.clock import SystemClock
    from redline.market.calendar import TradingCalendar
    from redline.store import Store

    clock = SystemClock()
    store = Store(home, clock, TradingCalendar(clock.now().date()))
    said = [f"verify: {one.sentence}" for one in store.verify()]
    store.close()
    for path in (home / "jobs.db", home / "store" / "ledger.db"):
        with contextlib.closing(sqlite3.connect(path)) as link:
            (answer,) = link.execute("PRAGMA integrity_check").fetchone()
            said += [] if answer == "ok" else [f"{path.name}: {answer}"]
    return said


def most_in_a_window(arrivals: Sequence[float], window_s: float) -> int:
    """Return the most arrivals in any half-open window of that length."""
    ordered, most, first = sorted(arrivals), 0, 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value that ``share`` of all do not exceed; ``None`` of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else None


def commit_of_this() -> str:
    """Return the short name of the commit that is checked out; empty without git."""
    import subprocess

    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
