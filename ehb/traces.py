"""Traces: where the time of a request went, for whoever runs the house, and nothing about anybody (standards row E5).

Owns the list of what a span may say: what is not named is not written, and a value that does not look as its name
promises is written as `?`. The session stays in the log, for traces often go to a machine of somebody else;
the id of the request leads from one to the other. Leaves to the rooms what is worth a
span, and to `ehb.collector` where spans go.

Decisions. A trace begins with our request, whatever `traceparent`, `tracestate` or `baggage` came with it: a caller
could write anybody's number there, or join what does not belong together. So none of them goes out either, to the eID
or to a facility; we give up traces across systems. An exception is its type and place, never its text or its stack.

The one invariant: no value of a request gets into a span but those that are shaped like one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, NoOpTracer, SpanKind, StatusCode, Tracer, get_current_span, use_span
from opentelemetry.trace import Span as Span

from ehb.errors import EhbError
from ehb.logs import NAMED as LOGGED
from ehb.logs import Shape, place_of, shown

NAMED: Mapping[str, tuple[str, Shape]] = {
    "request": ("ehb.request", LOGGED["request"]),
    "method": ("http.request.method", re.compile(r"GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|_OTHER")),
    "route": ("http.route", LOGGED["route"]),
    "status": ("http.response.status_code", LOGGED["status"]),
    "operation": ("graphql.operation.type", LOGGED["operation"]),
    "roots": ("ehb.roots", LOGGED["roots"]),
    "kind": ("ehb.kind", LOGGED["kind"]),
    "codes": ("ehb.codes", LOGGED["codes"]),
    "system": ("db.system.name", re.compile(r"mongodb")),
    "command": ("db.operation.name", re.compile(r"[A-Za-z]{1,40}")),
    "collection": ("db.collection.name", re.compile(r"[a-z_]{1,40}")),
    "wanted": ("ehb.wanted", re.compile(r"discovery|jwks|par|token|userinfo")),
    "error": ("error.type", LOGGED["error"]),
    "place": ("ehb.place", LOGGED["place"]),
    "ours": ("ehb.ours", LOGGED["ours"]),
}
"""Our word for what a span may say → its attribute, a semantic convention where there is one, and how it must look."""
_NAME = re.compile(r"[A-Za-z /.{}_-]{1,100}")


class _Process:
    tracer: ClassVar[Tracer] = NoOpTracer()


def write_with(tracer: Tracer | None) -> None:
    """From now on this tracer makes the spans of this process; without one there are none."""
    _Process.tracer = tracer or NoOpTracer()


def on() -> bool:
    """Whether this process traces."""
    return not isinstance(_Process.tracer, NoOpTracer)


def first(name: str) -> Span:
    """The first span of a request, under nothing that came from outside; for the caller to end."""
    if not on():
        return INVALID_SPAN
    return _Process.tracer.start_span(_named(name), Context(), SpanKind.SERVER)


def begun(name: str, *, outward: bool = False, **facts: object) -> Span:
    """A span under the current one, for the caller to end; without one nothing is kept. `outward`: others are asked."""
    if not get_current_span().is_recording():
        return INVALID_SPAN
    kind = SpanKind.CLIENT if outward else SpanKind.INTERNAL
    return _Process.tracer.start_span(_named(name), kind=kind, attributes=_attributes(facts))


def span(name: str, *, outward: bool = False, **facts: object) -> AbstractContextManager[Span]:
    """The same for what happens within it. `facts` are words of NAMED."""
    return _within(name, outward, facts) if on() else _NOWHERE


_NOWHERE = nullcontext(INVALID_SPAN)


@contextmanager
def _within(name: str, outward: bool, facts: Mapping[str, object]) -> Iterator[Span]:
    if not (one := begun(name, outward=outward, **facts)).is_recording():
        yield one
        return
    with current(one):
        try:
            yield one
        except Exception as error:
            failed(error)
            raise
        finally:
            one.end()


def current(one: Span) -> AbstractContextManager[Span]:
    """Spans that begin within it are children of this one."""
    if not on():
        return nullcontext(one)
    return use_span(one, record_exception=False, set_status_on_exception=False)


def apart() -> AbstractContextManager[Span]:
    """What goes on for as long as somebody follows something belongs to no trace: it would have no end."""
    return current(INVALID_SPAN)


def say(one: Span | None = None, *, name: str | None = None, **facts: object) -> None:
    """Add to a span, or to the current one, what is known only now; `name` is what it is called from here on."""
    one = one or get_current_span()
    if one.is_recording():
        one.set_attributes(_attributes(facts))
        if name is not None:
            one.update_name(_named(name))


def failed(error: BaseException | None = None, one: Span | None = None) -> None:
    """This span, or the current one, failed: by this exception, if one is known. A refusal is no failure."""
    one = one or get_current_span()
    if isinstance(error, EhbError) and error.http_status < 500:
        say(one, codes=[error.code])
    elif one.is_recording():
        one.set_status(StatusCode.ERROR)
        say(one, **place_of(error))


def _named(name: str) -> str:
    return name if _NAME.fullmatch(name) else "?"


def _attributes(facts: Mapping[str, object]) -> dict[str, Any]:
    return {NAMED[word][0]: shown(NAMED[word][1], value) for word, value in facts.items() if word in NAMED}
