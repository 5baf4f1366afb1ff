"""A page to try GraphQL by hand, in the developer profile alone (standards row L5).

It is our own and one file: the stock pages load scripts from public networks, and the packaged ones weigh megabytes.
The one invariant: the browser runs nothing but the one script and style that are named by their digests, and talks to
nobody but the origin of the page (CSP level 3).
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.responses import HTMLResponse

_PAGE = Path(__file__).with_name("ide.html")


@cache
def _page() -> tuple[str, str]:
    """The page and its Content-Security-Policy."""
    page = _PAGE.read_text()
    allowed = {
        f"{kind}-src": " ".join(_digest(text) for text in re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S))
        for kind, tag in (("script", "script"), ("style", "style"))
    }
    policy = {
        "default-src": "'none'",
        **allowed,
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return page, "; ".join(f"{name} {value}" for name, value in policy.items())


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def ide() -> HTMLResponse:
    """The page."""
    page, policy = _page()
    return HTMLResponse(
        page,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
        },
    )
