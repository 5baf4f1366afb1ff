"""Any other server, measured by the same client in the same rounds: a GraphQL document, or a FHIR path by GET.

    python -m bench book --peer https://fhir.example/fhir --peer-get 'Patient/1/$everything?_count=100'
    python -m bench book --peer https://book.example/graphql --peer-query book.graphql --peer-token-file token

What a peer answers is its own affair, so only that it answers is looked at; how much it sends stands in the report.
The one invariant: a token comes from a file or from EHB_BENCH_PEER_TOKEN, never by an argument.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from bench.sides import Question, Side

TOKEN = "EHB_BENCH_PEER_TOKEN"  # noqa: S105  the name of a variable


@dataclass(frozen=True, slots=True)
class Peer:
    """A server and what is asked of it."""

    url: str
    question: Question = field(repr=False)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what names a peer."""
    parser.add_argument("--peer", metavar="URL", help="book: another server, asked in the same rounds")
    parser.add_argument("--peer-get", metavar="PATH", help="a path below URL, asked by GET as FHIR")
    parser.add_argument("--peer-query", metavar="FILE", type=Path, help="a GraphQL document, sent to URL by POST")
    parser.add_argument("--peer-token-file", metavar="FILE", type=Path, help=f"its bearer token; else {TOKEN}")


def peer_of(given: argparse.Namespace) -> Peer | None:
    """The peer that was named, if one was. Raises ValueError for half a name."""
    if given.peer is None:
        if given.peer_get or given.peer_query or given.peer_token_file:
            raise ValueError("--peer says where")
        return None
    if (given.peer_get is None) == (given.peer_query is None):
        raise ValueError("--peer takes one of --peer-get and --peer-query")
    parts = urlsplit(given.peer)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("--peer takes http://… or https://…")
    token = given.peer_token_file.read_text() if given.peer_token_file else os.environ.get(TOKEN, "")
    headers = {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}
    base = f"{parts.scheme}://{parts.netloc}"
    if given.peer_get is not None:
        path = f"{parts.path.rstrip('/')}/{given.peer_get.lstrip('/')}"
        return Peer(base, Question("GET", path, {**headers, "Accept": "application/fhir+json, application/json"}))
    headers |= {"Content-Type": "application/json", "Accept": "application/json"}
    body = orjson.dumps({"query": given.peer_query.read_text()})
    return Peer(base, Question("POST", parts.path or "/", headers, body))


async def checked(peer: Peer) -> Side:
    """The peer as a side. Raises AssertionError when it does not answer."""
    side = Side("the peer", peer.url, [peer.question])
    answer = await side.answer(peer.question)
    assert answer.status_code == 200, f"the peer answers {answer.status_code}"
    content = orjson.loads(answer.content)
    assert "errors" not in content, "the peer answers with errors"
    return side
