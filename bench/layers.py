"""Where a server's processor time goes: layers of the house by place in the source, and their table.

A place is a file and a function in it. The one invariant: a sample counts once, for the innermost place that belongs
to a layer; what C code does counts for who called it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

_DECISION = "custodian, decision, trail"
LAYERS = {
    "/signxml/": "signature",
    "/ehb/formats/visit_signature": "signature",
    "/ehb/formats/xmldsig": "signature",
    "/ehb/formats/": "reading the file",
    "/ehb/custodian/": _DECISION,
    "/ehb/domain/access": _DECISION,
    "/ehb/domain/grounds": _DECISION,
    "/ehb/domain/provision": _DECISION,
    "/ehb/domain/selection": _DECISION,
    "/ehb/domain/audit": _DECISION,
    "/ehb/store/audit_trail": _DECISION,
    "/ehb/store/trail_seals": _DECISION,
    "/ehb/domain/": "rules and records",
    "/ehb/services/": "rules and records",
    "/ehb/store/vault": "sealing (AES-GCM)",
    "/ehb/store/records.py:opened": "decoding (msgspec)",
    "/ehb/store/sessions": "who is calling",
    "/auth/": "who is calling",
    "/ehb/store/": "store",
    "/pymongo/": "driver",
    "/bson/": "driver",
    "/ehb/logs": "log",
    "/ehb/request_log": "log",
    "/structlog/": "log",
    "/graphql_schema/http.py:_answer": "JSON",
    "<string>:project": "GraphQL, compiled plans",
    "/graphql_schema/ids": "GraphQL, ids",
    "/graphql_schema/": "GraphQL, our own",
    "/graphql/": "GraphQL, graphql-core",
    "/strawberry/": "GraphQL, strawberry",
    "/ehb/": "HTTP and event loop",
    "/starlette/": "HTTP and event loop",
    "/uvicorn/": "HTTP and event loop",
    "/prometheus_client/": "HTTP and event loop",
}
"""The first one that is part of a place is its layer."""
_SHOWN = 25


@cache
def layer_of(place: str) -> str:
    """The layer of `/file:function`, the file in this tree or in its package; empty for what belongs to none."""
    return next((layer for part, layer in LAYERS.items() if part in place), "")


def print_profile(profile: dict[str, Any], count: int, noun: str) -> None:
    """The layers by their share, then the places of our own code."""
    counts: list[tuple[str, str, int]] = profile["counts"]
    layers: defaultdict[str, int] = defaultdict(int)
    for layer, _, samples in counts:
        layers[layer] += samples
    total = sum(layers.values())
    each = profile["seconds"] * 1000 / count
    print(f"  where the server's processor time goes, {each:.2f} ms a {noun} under the profiler, {total:,} samples:")
    for layer, samples in sorted(layers.items(), key=lambda one: -one[1]):
        print(f"    {layer:<28}{each * samples / total:7.2f} ms {samples / total:6.1%}")
    for layer, place, samples in counts[:_SHOWN]:
        print(f"      {each * samples / total:6.2f} ms {samples / total:5.1%}  {layer:<26} {place}")
