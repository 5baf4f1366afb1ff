"""`python -m bench.plain bare|stock --port N`: the sides that ours is held against, each a server of its own.

Both serve plain documents, one for each record, as our own answers say them, in a collection that is clustered like
ours. `bare` is the least that any server does: a route, one range, orjson. `stock` is a schema of strawberry as its
documentation has it (`bench.stock`). Neither knows a login, a consent, a seal or a trail: whose book it is, the caller
says.

The one invariant: they run with our own server's options, and answer what ours answers.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import orjson
import uvicorn
from bson.binary import Binary
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bench import stock
from bench.stock import Find
from ehb.app import connected
from ehb.server import OPTIONS, settle
from ehb.settings import from_environment
from ehb.store.mongo import Database, Document

_COLLECTION = "plain"


def the_range(patient_id: bytes) -> Document:
    """The filter of one person's documents."""
    return {"_id": {"$gte": Binary(patient_id + b"\0" * 22), "$lte": Binary(patient_id + b"\xff" * 22)}}


async def copied(database: Database, patient_id: bytes, nodes: Sequence[Document]) -> None:
    """Keep what was answered for one person, the newest first, each under the `_id` of its record."""
    if _COLLECTION not in await database.list_collection_names():
        await database.create_collection(_COLLECTION, clusteredIndex={"key": {"_id": 1}, "unique": True})
    lying = await database["records"].find(the_range(patient_id), {"_id": 1}).sort("_id", -1).to_list()
    made = [{"_id": one["_id"], **node} for one, node in zip(lying, nodes, strict=True)]
    await database[_COLLECTION].insert_many(made)


async def size_of(database: Database, collection: str = _COLLECTION) -> int:
    """Bytes of a document, on average."""
    return int((await database.command("collStats", collection))["avgObjSize"])


def bare(find: Find) -> BaseRoute:
    """`GET /book/{person}?first=N`."""

    async def book(request: Request) -> Response:
        patient_id, first = bytes.fromhex(request.path_params["person"]), int(request.query_params["first"])
        nodes = await find(patient_id, first)
        answer = {"data": {"myHealthBook": {"timeline": {"nodes": nodes}}}}
        return Response(orjson.dumps(answer), media_type="application/json")

    return Route("/book/{person}", book, methods=["GET"])


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.plain")
    parser.add_argument("side", choices=("bare", "stock"))
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    app = served(bare if given.side == "bare" else stock.graphql)
    settle()
    uvicorn.run(app, port=given.port, log_config=None, **OPTIONS)


def served(route: Callable[[Find], BaseRoute]) -> Starlette:
    """An app of one route over the plain documents of the database that the environment names."""
    mongo = connected(from_environment())
    lying = mongo.database[_COLLECTION]

    async def find(patient_id: bytes, first: int) -> list[Document]:
        return await lying.find(the_range(patient_id), {"_id": 0}).sort("_id", -1).limit(first).to_list()

    async def readyz(_: Request) -> Response:
        await mongo.client.admin.command("ping")
        return Response("ok\n", media_type="text/plain")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await mongo.close()

    return Starlette(routes=[route(find), Route("/readyz", readyz)], lifespan=lifespan)


if __name__ == "__main__":
    main()
