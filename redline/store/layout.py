"""Where things lie on disk, and what the columns of each table are (docs/store-format.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from redline.market.bar import BarSpec, Timespan
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE, DIVIDENDS_WIRE, PROVENANCE, SPLITS_WIRE

ROW_GROUP = 20_000
DATA_FILE = re.compile(r"[0-9a-f]{64}\.parquet")


@dataclass(frozen=True, slots=True)
class TableKind:
    """One Delta table: its dataset, the columns of its files, their order, and which column says the day."""

    dataset: Dataset
    wire: pa.Schema
    sort: tuple[str, ...]
    day: str
    partitions: tuple[str, ...]

    @property
    def rows(self) -> pa.Schema:
        """Columns of the data files: the wire's, then where each row came from and when it was the truth."""
        return pa.schema([*self.wire, *PROVENANCE])

    @property
    def table_schema(self) -> pa.Schema:
        """Columns of the table: those of its files and the partition's, which stand in the path only."""
        types = {"timespan": pa.string(), "multiplier": pa.int32(), "period": pa.string(), "superseded": pa.bool_()}
        return pa.schema([*self.rows, *(pa.field(name, types[name], nullable=False) for name in self.partitions)])


BARS = TableKind(
    Dataset.BARS,
    BARS_WIRE,
    ("ticker", "source", "timestamp"),
    "date",
    ("timespan", "multiplier", "period", "superseded"),
)
SPLITS = TableKind(
    Dataset.SPLITS, SPLITS_WIRE, ("ticker", "source", "execution_date"), "execution_date", ("superseded",)
)
DIVIDENDS = TableKind(
    Dataset.DIVIDENDS, DIVIDENDS_WIRE, ("ticker", "source", "ex_dividend_date"), "ex_dividend_date", ("superseded",)
)
KINDS: Mapping[Dataset, TableKind] = {kind.dataset: kind for kind in (BARS, SPLITS, DIVIDENDS)}


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """A folder of a table. ``timespan`` is empty for the tables that know only live and superseded rows."""

    timespan: str = ""
    multiplier: int = 0
    period: str = ""
    superseded: bool = False

    @property
    def values(self) -> dict[str, str]:
        """The partition's values as the table's log spells them."""
        last = {"superseded": "true" if self.superseded else "false"}
        if not self.timespan:
            return last
        return {"timespan": self.timespan, "multiplier": str(self.multiplier), "period": self.period, **last}

    @property
    def folder(self) -> str:
        """The folder below the table, with ``/``: ``timespan=day/multiplier=1/period=2024/superseded=false``."""
        return "/".join(f"{name}={value}" for name, value in self.values.items())

    @property
    def span(self) -> tuple[date, date]:
        """The first and last date that its rows can have; all dates, where there is no period."""
        if not self.period:
            return date.min, date.max
        year, _, month = self.period.partition("-")
        first = date(int(year), int(month or 1), 1)
        after = date(first.year + (not month or month == "12"), first.month % 12 + 1 if month else 1, 1)
        return first, after - timedelta(days=1)

    @classmethod
    def in_folder(cls, folder: str) -> Partition:
        """Return the partition that a ``folder`` stands for."""
        return cls.of(dict(one.split("=", 1) for one in folder.split("/") if "=" in one))

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Partition:
        """Return the partition of the log's values."""
        return cls(
            str(values.get("timespan") or ""),
            int(str(values.get("multiplier") or 0)),
            str(values.get("period") or ""),
            str(values.get("superseded")).lower() == "true",
        )


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a table as its log describes it; ``path`` is relative to the table, the bounds are inclusive.

    The file's name is the SHA-256 of its bytes, so that writing it again is no change and damage shows.
    """

    path: str
    partition: Partition
    size_bytes: int
    rows: int
    tickers: tuple[str, str]
    days: tuple[date, date]
    content: str = field(default="", compare=False)  # Of its rows, as ``contents.content`` tells; empty: not known.

    @property
    def ours(self) -> bool:
        """Whether its name is one that we give; other programs give others."""
        return DATA_FILE.fullmatch(self.path.rpartition("/")[2]) is not None

    @property
    def sha256(self) -> str:
        """The checksum that the name promises."""
        return self.path.rpartition("/")[2].removesuffix(".parquet")

    def may_hold(self, ticker: str) -> bool:
        """Whether rows of ``ticker`` can be inside, by the statistics."""
        return self.tickers[0] <= ticker <= self.tickers[1]


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a store below its home."""

    home: Path

    @property
    def store(self) -> Path:
        """The folder of everything."""
        return self.home / "store"

    @property
    def ledger(self) -> Path:
        """The database of what was asked and what came back."""
        return self.store / "ledger.db"

    @property
    def universes(self) -> Path:
        """The folder of lists of tickers."""
        return self.store / "universes"

    def table(self, dataset: Dataset) -> Path:
        """The folder of a Delta table."""
        return self.store / dataset.value

    def lock(self, dataset: Dataset) -> Path:
        """The file that a writer of the table locks."""
        return self.store / f"{dataset.value}.lock"


def by_month(timespan: str) -> bool:
    """Whether the bars of a timespan are partitioned by month; the others are by year."""
    return Timespan(timespan).intraday


def period_of(spec: BarSpec, day: date) -> str:
    """Return the partition's period of a bar dated ``day``: ``2024`` for day and longer, else ``2024-01``."""
    return f"{day.year:04d}-{day.month:02d}" if by_month(spec.timespan.value) else f"{day.year:04d}"


def partitions_of(spec: BarSpec, first: date, last: date) -> list[Partition]:
    """Return the partitions of live bars from ``first`` to ``last``, both inclusive."""
    found, day = [], first
    while day <= last:
        found.append(Partition(spec.timespan.value, spec.multiplier, period_of(spec, day)))
        day = found[-1].span[1] + timedelta(days=1)
    return found
