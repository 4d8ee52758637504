"""The tables of the job ledger. Times are text, ISO 8601 in UTC; seconds since boot stand beside their boot's id."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text, text

SCHEMA_VERSION = 2
metadata = MetaData()

#: One row a job. ``open_key`` is the natural key while the job may still run, else null: one open job a request.
#: ``head``: the request with its first tickers, when there are many; ``counts`` and ``summary``: what became of its
#: parts and tickers, once it has ended. Lists of jobs read these and leave the long texts alone.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("stage", String, nullable=False),
    Column("natural_key", String, nullable=False),
    Column("open_key", String, unique=True),
    Column("idempotency_key", String),
    Column("request", Text, nullable=False),
    Column("source", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("plan", Text, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("created_at", String, nullable=False),
    Column("asked_from", String, nullable=False),
    Column("explicit", Integer, nullable=False, default=0),
    Column("sealed_key", Text),
    Column("error", Text),
    Column("finished_at", String),
    Column("records", Integer),
    Column("gaps", Text),
    Column("tickers", Text),
    Column("tickers_count", Integer),
    Column("head", Text),
    Column("counts", Text),
    Column("summary", Text),
    Index("jobs_by_stage", "stage"),
    Index("jobs_by_time", "created_at"),
    Index("jobs_by_idempotency", "idempotency_key"),
)

#: One row a part. ``token`` is the fence: it rises with each claim, and only its newest holder may write.
parts = Table(
    "parts",
    metadata,
    Column("job_id", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("part", Text, nullable=False),
    Column("ticker", String, nullable=False),
    Column("state", String, nullable=False),
    Column("token", Integer, nullable=False, default=0),
    Column("owner", String),
    Column("attempts", Integer, nullable=False, default=0),
    Column("unwell_since_s", Float),
    Column("due_s", Float),
    Column("waiting", String, nullable=False, default=""),
    Column("boot", String),
    Column("records", Integer, nullable=False, default=0),
    Column("requests", Integer, nullable=False, default=0),
    Column("sessions_done", Integer, nullable=False, default=0),
    Column("set_aside", Integer, nullable=False, default=0),
    Column("lacking", Integer, nullable=False, default=0),
    Column("error", Text),
    PrimaryKeyConstraint("job_id", "n"),
    Index("parts_by_state", "state", "job_id", "n"),
    Index("parts_delayed", "job_id", "due_s", sqlite_where=text("due_s IS NOT NULL")),
)

#: What happened, in order; the newest thousand of each job are kept.
events = Table(
    "events",
    metadata,
    Column("job_id", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("job_id", "seq"),
)

#: Requests that people keep under a name. ``last_day``: the date (UTC) whose daily update was asked for last.
collections = Table(
    "collections",
    metadata,
    Column("name", String, primary_key=True),
    Column("request", Text, nullable=False),
    Column("update_at", String),
    Column("created_at", String, nullable=False),
    Column("last_job", String),
    Column("last_day", String),
)

#: What a file of an earlier schema lacks: the schema it had -> the statements that bring it to the next one.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE jobs ADD COLUMN tickers_count INTEGER",
        "ALTER TABLE jobs ADD COLUMN head TEXT",
        "ALTER TABLE jobs ADD COLUMN counts TEXT",
        "ALTER TABLE jobs ADD COLUMN summary TEXT",
        "CREATE INDEX parts_delayed ON parts (job_id, due_s) WHERE due_s IS NOT NULL",
    )
}
