"""The spans of a test: everything that would be sent to a collector, read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ehb.collector import begin


class Kept:
    """What was kept so far."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans with this name."""
        return [one for one in self.spans if one.name == name]

    def under(self, parent: ReadableSpan) -> list[ReadableSpan]:
        """The children of a span, without the driver's greetings on a new connection."""
        found = [one for one in self.spans if one.parent is not None and one.parent == parent.context]
        return [one for one in found if not one.name.startswith("sasl")]

    def tree(self, root: ReadableSpan) -> dict[str, object]:
        """The names of a span's children, and of theirs."""
        return {one.name: self.tree(one) for one in self.under(root)}

    def text(self) -> str:
        """All that a collector would read, as JSON and as it is."""
        return "\n".join(f"{one.to_json()}\n{one.attributes}\n{one.resource.attributes}" for one in self.spans)


@contextmanager
def kept() -> Iterator[Kept]:
    """Trace into memory, as `ehb serve` does to a collector."""
    found = Kept()
    end = begin(SimpleSpanProcessor(found.exporter))
    try:
        yield found
    finally:
        end()
