"""The control address: faults, ledger, plan and reset, on a port of its own that the vendor's paths never touch."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redline.emulator.access import Terms
from redline.emulator.faults import BadFault, read_faults
from redline.emulator.plans import PLANS
from redline.emulator.rest import Server, Vendor
from redline.emulator.wire import compact


class BadControl(ValueError):
    """A control request that cannot be used."""


class ControlHandler(BaseHTTPRequestHandler):
    """``POST``, ``DELETE``, ``GET /faults``; ``GET /ledger?since=N&rows=1``; ``POST /reset``; ``POST /plan``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vendor: Vendor

    def do_GET(self) -> None:
        self._run(self._get)

    def do_POST(self) -> None:
        self._run(self._post)

    def do_DELETE(self) -> None:
        self._run(self._delete)

    def _run(self, act: Any) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = 200, act(urlsplit(self.path).path.rstrip("/"), json.loads(body) if body else {})
        except (BadControl, BadFault, TypeError, ValueError) as error:
            status, answer = 400, {"error": str(error)}
        except LookupError:
            status, answer = 404, {"error": "no such control path"}
        data = compact(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _get(self, path: str, given: object) -> object:
        query = parse_qs(urlsplit(self.path).query)
        if path == "/ledger":
            since, rows = int(query.get("since", ["0"])[0]), query.get("rows", ["0"])[0] not in ("0", "false")
            return {"requests": self.vendor.ledger.as_json(since, rows), "faults": self.vendor.faults.as_json()}
        if path == "/faults":
            return {"faults": self.vendor.faults.as_json()}
        raise LookupError(path)

    def _post(self, path: str, given: Any) -> object:
        if path == "/faults":
            return {"added": self.vendor.faults.add(read_faults(given, Path.cwd()))}
        if path == "/reset":
            self.vendor.faults.reset()
            self.vendor.access.reset()
            self.vendor.ledger.clear()
            return {"reset": True}
        if path == "/plan":
            return self._plan(given)
        raise LookupError(path)

    def _delete(self, path: str, given: object) -> object:
        if path != "/faults":
            raise LookupError(path)
        self.vendor.faults.clear()
        return {"faults": []}

    def _plan(self, given: Any) -> object:
        if not isinstance(given, dict) or given.get("plan") not in PLANS:
            raise BadControl(f"plan was none of {sorted(PLANS)}")
        unknown = set(given) - {"plan", "calls", "window_s", "key"}
        if unknown:
            raise BadControl(f"unknown keys: {sorted(unknown)}")
        terms = Terms.of(given["plan"], given.get("calls"), float(given.get("window_s", 60.0)))
        self.vendor.access.set_terms(terms, given.get("key"))
        return {"plan": terms.plan.name, "calls": terms.calls, "window_s": terms.window_s}

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def control_server(vendor: Vendor, host: str) -> Server:
    """Return a bound control server on a free port."""
    return Server((host, 0), type("BoundControlHandler", (ControlHandler,), {"vendor": vendor}))
