"""The headers on every answer, the server's own errors included (reliability-security.md, "Exact values")."""

from __future__ import annotations

from flask import Response, request

from redline.web.assets import content_hash

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FOR_EVER = "public, max-age=31536000, immutable"


def add_headers(response: Response) -> Response:
    """Set every header of ``HEADERS``; a static file whose address names its content may be cached."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    if _is_hashed_static(response):
        response.headers["Cache-Control"] = FOR_EVER
        response.headers.pop("Vary", None)
    return response


def _is_hashed_static(response: Response) -> bool:
    if request.endpoint != "static" or response.status_code not in (200, 304):
        return False
    asked = request.args.get("v", "")
    name = (request.view_args or {}).get("filename", "")
    return bool(asked) and asked == content_hash(name)
