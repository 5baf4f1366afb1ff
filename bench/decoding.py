"""What it takes to make a hundred records of opened payloads: msgspec structs, dictionaries, pydantic models.

The models are made from the structs, field by field, so that all ways read the same content. The one invariant: every
way has found the same records before it is timed.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import statistics
import time
import types
from collections.abc import Callable, Iterator
from functools import cache, partial, reduce
from operator import or_
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model

from bench.report import Row
from bench.visit import files
from bench.world import NOW
from ehb.domain.records import RECORD_TYPES, Record
from ehb.domain.submission import records_from
from ehb.formats import visit_xml
from ehb.formats.sensitivity_lists import code_lists
from ehb.store.payloads import encode, reading, whole

_RECORDS = 100


def measure(rounds: int) -> list[Row]:
    """Medians over rounds in which all ways take turns."""
    records = list(itertools.islice(_records(), _RECORDS))
    packed, written = [encode(one) for one in records], [msgspec.json.encode(one) for one in records]
    part, unpack = reading(frozenset()), msgspec.msgpack.Decoder().decode
    union: Any = reduce(or_, map(_model, RECORD_TYPES))
    validate = TypeAdapter[Any](Annotated[union, Field(discriminator="kind")]).validate_json
    assert [whole(one) for one in packed] == records
    assert [part(one).provenance for one in packed] == [one.provenance for one in records]
    assert [unpack(one)["time"] for one in packed] == [orjson.loads(one)["time"] for one in written]
    for record, model in zip(records, map(validate, written), strict=True):
        assert orjson.loads(model.model_dump_json(exclude_defaults=True)) == _plain(record)
    ways: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
        "msgspec, whole": (whole, packed),
        "msgspec, what all kinds share": (part, packed),
        "msgspec, dictionaries": (unpack, packed),
        "orjson, dictionaries": (orjson.loads, written),
        "pydantic": (validate, written),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, (read, payloads) in ways.items():
            begun = time.perf_counter()
            for one in payloads:
                read(one)
            taken[name].append((time.perf_counter() - begun) * 1000)
    gc.unfreeze()
    size = statistics.fmean(map(len, packed))
    print(f"decoding: {_RECORDS} records of {size:.0f} bytes, {rounds} rounds; milliseconds, and times the whole")
    first = statistics.median(taken["msgspec, whole"])
    for name, several in taken.items():
        print(f"    {name:<32}{statistics.median(several):6.3f}{statistics.median(several) / first:8.2f}")
    other = statistics.median(taken["pydantic"])
    return [Row("`decoding`: pydantic to msgspec", f"{first:.2f} ms", f"{other:.2f} ms", f"{other / first:.1f}", "")]


def _records() -> Iterator[Record]:
    for number, file in enumerate(files()):
        yield from records_from(
            visit_xml.read(file),
            facility_name="Bệnh viện Đo",
            now=NOW,
            key_for=partial(_key, number),
            lists=code_lists(),
        )


def _key(number: int, name: str) -> bytes:
    return hashlib.sha256(f"{number} {name}".encode()).digest()[:12]


def _plain(record: Record) -> Any:
    return orjson.loads(msgspec.json.encode(record))


@cache
def _model(kind: type[msgspec.Struct]) -> type[BaseModel]:
    """The pydantic model of a struct."""
    fields: dict[str, Any] = {
        one.name: (_type(one.type), ... if one.default is msgspec.NODEFAULT else one.default)
        for one in msgspec.structs.fields(kind)
    }
    if (tag := kind.__struct_config__.tag) is not None:
        fields["kind"] = (Literal[tag], ...)
    made = create_model(kind.__name__, __config__=ConfigDict(frozen=True), **fields)
    return cast("type[BaseModel]", made)


def _type(kind: Any) -> Any:
    """The same type, with models in place of structs."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _model(kind)
    if isinstance(kind, types.UnionType):
        return reduce(or_, map(_type, get_args(kind)))
    if get_origin(kind) is tuple:
        return tuple[tuple(_type(one) if one is not ... else ... for one in get_args(kind))]  # type: ignore[misc]
    return kind
