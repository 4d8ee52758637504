"""A user's own REST API as data: the keys of its configuration, checked, as a frozen value.

Where it may lead is not looked at here but by ``net/outgoing.py``, before anything is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from redline.config import custom_api_values as values
from redline.config.date_format import DEFAULT, DateFormat
from redline.config.paging_kind import NO_PAGING, PagingKind
from redline.config.secret import Secret
from redline.config.template import Template
from redline.errors import BadConfig, BadField, InvalidJson

REQUIRED = ("name", "base_url", "endpoint", "column_mapping")
#: Names that are sources already, or words of ours.
RESERVED = frozenset({"massive", "yahoo", "stooq", "stooq_bulk", "multi", "demo", "redline"})
LARGEST_FILE = 1024 * 1024

Reader = values.Reader


@dataclass(frozen=True, slots=True)
class CustomApi:
    """One API. ``headers`` are templates that may name the key.

    ``zone``, ``date_unit`` and ``rate_limit_per_minute`` are ``None`` where the configuration names none.
    """

    name: str
    source: str
    base_url: str
    endpoint: Template
    columns: Mapping[str, str | int]
    api_key: Secret | None
    api_key_param: str
    ticker_param: str
    start_date_param: str
    end_date_param: str
    date_format: DateFormat
    date_unit: str | None
    zone: ZoneInfo | None
    response_format: values.Body
    data_path: tuple[str, ...]
    paging: PagingKind
    not_found_status: int
    rate_limit_per_minute: float | None
    timeout: float
    headers: Mapping[str, Template] = field(repr=False)

    @classmethod
    def parse(cls, given: object) -> CustomApi:
        """Read a configuration.

        Raises:
            BadConfig: each key that is missing, unknown or wrong, by name.
            BadField: it is no object.
        """
        if not isinstance(given, Mapping):
            raise BadField("config", type(given).__name__, "it must be an object of keys, or the name of a JSON file")
        if "api_key_param" in given and "headers" not in given:  # who names the parameter wants the key to go there
            given = {**given, "headers": {}}
        problems = {str(key)[:60]: "is no key of it" for key in given if key not in READERS}
        problems |= {key: "is missing" for key in REQUIRED if given.get(key) is None}
        read: dict[str, object] = {}
        for key, (reader, default) in READERS.items():
            if key in problems:
                continue
            try:
                read[key] = reader(default if given.get(key) is None else given[key])
            except ValueError as error:
                problems[key] = str(error)
        if "name" in read and source_id(str(read["name"])) in RESERVED:
            problems["name"] = "is the name of a source that there is already"
        paging, body = read.get("pagination"), read.get("response_format")
        if isinstance(paging, PagingKind) and paging.path and body in (values.Body.CSV, values.Body.NDJSON):
            problems["pagination"] = "must be page, offset or link: only JSON has a place for a mark of the next page"
        if problems:
            unknown = [key for key, why in problems.items() if why == "is no key of it"]
            if unknown:
                problems[unknown[-1]] += f" (the keys are {', '.join(READERS)})"
            raise BadConfig("The custom API", problems)
        return cls(
            source=source_id(str(read["name"])),
            columns=read.pop("column_mapping"),  # type: ignore[arg-type]
            zone=read.pop("timezone"),  # type: ignore[arg-type]
            paging=read.pop("pagination"),  # type: ignore[arg-type]
            **read,  # type: ignore[arg-type]
        )

    @classmethod
    def read(cls, path: Path) -> CustomApi:
        """Read a configuration from a JSON file.

        Raises:
            BadField: there is no such file, or it is too big for one.
            InvalidJson: it is no JSON.
            BadConfig: as ``parse``.
        """
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise BadField("config", path.name, "there is no such file that can be read") from error
        if len(text) > LARGEST_FILE:
            raise BadField("config", path.name, "it is too big for a configuration")
        try:
            return cls.parse(json.loads(text, object_pairs_hook=_once_each))
        except (ValueError, RecursionError) as error:
            raise InvalidJson(
                f"The configuration {path.name[:80]!r} is no JSON, or has a key twice.", "Correct the file."
            ) from error

    @property
    def key_goes_by_header(self) -> bool:
        """Whether a header carries the key; else it goes into the query as ``api_key_param``."""
        return any(template.fields for template in self.headers.values())


def source_id(name: str) -> str:
    """Return the source id of a name: lower case, letters and digits, ``_`` for all between them."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


#: Each key of a configuration: how it is read, and what holds without it.
READERS: dict[str, tuple[Reader, object]] = {
    "name": (values.name, None),
    "base_url": (values.base_url, None),
    "endpoint": (values.endpoint, None),
    "api_key": (values.api_key, ""),
    "api_key_param": (values.parameter, "apiKey"),
    "ticker_param": (values.parameter, "ticker"),
    "start_date_param": (values.parameter, "start_date"),
    "end_date_param": (values.parameter, "end_date"),
    "date_format": (values.date_format, DEFAULT),
    "date_unit": (values.date_unit, ""),
    "timezone": (values.timezone, ""),
    "response_format": (values.response_format, "json"),
    "data_path": (values.data_path, "results"),
    "column_mapping": (values.column_mapping, None),
    "pagination": (values.pagination, NO_PAGING),
    "not_found_status": (values.not_found_status, 404),
    "rate_limit_per_minute": (values.rate_limit, ""),
    "timeout": (values.timeout, 30),
    "headers": (values.headers, {"Authorization": "Bearer {api_key}"}),
}
