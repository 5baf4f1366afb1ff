"""The collector: where spans go, from each process that serves (OpenTelemetry's SDK, OTLP over HTTP).

Needs the extra `traces`; without the setting nothing of it is loaded. Decision: the provider is ours alone and not the
process's global one, which any library may find and fill with paths, queries and addresses, as Starlette's own
middleware would. The one invariant: a collector that does not answer holds up no request, and no end of a process for
long.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from ehb import __version__
from ehb.errors import Misconfigured
from ehb.traces import write_with

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

PATIENCE = 5.0
"""Seconds that the end of a process waits for a collector to take what is left."""


def sending(address: str) -> SpanProcessor:
    """What sends spans to a collector, many at once. Raises Misconfigured when the extra is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise Misconfigured(
            vi="EHB_TRACES cần thêm gói: pip install -r locks/traces.txt",
            en="EHB_TRACES needs packages that are not installed: pip install -r locks/traces.txt",
        ) from error
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=address))


def begin(processor: SpanProcessor) -> Callable[[], None]:
    """Trace from now on, in this process; gives what ends it and sends what is left.

    `OTEL_…` of the environment decide on sampling, limits, headers and the resource.
    """
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider

    ours = {"service.name": "ehb", "service.version": __version__}
    resource = Resource.create({**ours, **OTELResourceDetector().detect().attributes})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    write_with(provider.get_tracer("ehb"))

    def end() -> None:
        write_with(None)
        leaving = Thread(target=provider.shutdown, daemon=True)
        leaving.start()
        leaving.join(PATIENCE)

    return end
