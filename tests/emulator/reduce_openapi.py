"""Reduce the vendor's OpenAPI to the facts that the emulator is held to: keys, types, required keys, closed sets.

    python -m tests.emulator.reduce_openapi openapi.json > tests/emulator/openapi_facts.json

The input is ``rest/scripts/openapi.json`` of github.com/massive-com/client-go. Nothing but facts is kept: no prose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PATHS = {
    "bars": "/v2/aggs/ticker/{stocksTicker}/range/{multiplier}/{timespan}/{from}/{to}",
    "grouped": "/v2/aggs/grouped/locale/us/market/stocks/{date}",
    "previous": "/v2/aggs/ticker/{stocksTicker}/prev",
    "open_close": "/v1/open-close/{stocksTicker}/{date}",
    "splits": "/stocks/v1/splits",
    "dividends": "/stocks/v1/dividends",
    "old_splits": "/v3/reference/splits",
    "old_dividends": "/v3/reference/dividends",
    "tickers": "/v3/reference/tickers",
    "overview": "/v3/reference/tickers/{ticker}",
    "events": "/vX/reference/tickers/{id}/events",
    "types": "/v3/reference/tickers/types",
    "exchanges": "/v3/reference/exchanges",
    "status_now": "/v1/marketstatus/now",
    "status_upcoming": "/v1/marketstatus/upcoming",
    "trades": "/v3/trades/{stockTicker}",
    "quotes": "/v3/quotes/{stockTicker}",
}


def reduced(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with ``allOf`` merged and only type, properties, required, items and enum kept."""
    merged: dict[str, Any] = {}
    for part in schema.get("allOf", []):
        one = reduced(part)
        merged["properties"] = merged.get("properties", {}) | one.get("properties", {})
        merged["required"] = sorted({*merged.get("required", []), *one.get("required", [])})
    merged |= {name: schema[name] for name in ("type", "enum") if name in schema}
    if "required" in schema:
        merged["required"] = sorted({*merged.get("required", []), *schema["required"]})
    if "properties" in schema:
        own = {name: reduced(one) for name, one in schema["properties"].items()}
        merged["properties"] = merged.get("properties", {}) | own
    if "items" in schema:
        merged["items"] = reduced(schema["items"])
    return merged


def main() -> None:
    """Print the reduced facts of each path."""
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    facts = {}
    for name, path in PATHS.items():
        content = spec["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        facts[name] = {"path": path, "schema": reduced(content["schema"])}
    print(json.dumps(facts, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
