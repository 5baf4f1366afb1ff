"""Request counts and times for Prometheus, by route template and status, never by path or person."""

from __future__ import annotations

from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REQUESTS = Counter("ehb_http_requests_total", "Requests by route and status.", ["route", "status"])
_SECONDS = Histogram("ehb_http_request_seconds", "Time to the end of the answer.", ["route"])


class MetricsMiddleware:
    """Pure ASGI. A path that matches no route counts as `other`, so that probing makes no new series."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = scope.get("route")
            name = getattr(route, "path", "other")
            _REQUESTS.labels(name, str(status)).inc()
            _SECONDS.labels(name).observe(perf_counter() - started)
