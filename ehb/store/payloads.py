"""What lies inside the seal of a record: MessagePack of its struct, read back as a whole or as far as it is asked for.

A part of a kind has what all records share and some of the fields that are the kind's own; the others are skipped over,
which takes a quarter of the time that making their values takes. A part bears the name of its kind.

The one invariant: a field that a part has is equal to that of the whole record.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce
from operator import or_
from typing import Any, cast

import msgspec

from ehb.domain.records import RECORD_TYPES, AnyRecord, Record

_PARTS = 256
"""Ways to read that are kept: as many as there are different lists of fields in an app's documents, and more."""
Decode = Callable[[bytes], Record]
encode = msgspec.msgpack.Encoder().encode
whole: Decode = msgspec.msgpack.Decoder(AnyRecord).decode
_OWN = {
    kind: [
        (field.name, field.type, field.default)
        for field in msgspec.structs.fields(kind)
        if field.name not in Record.__struct_fields__
    ]
    for kind in RECORD_TYPES
}
OWN_FIELDS = frozenset(name for fields in _OWN.values() for name, _, _ in fields)
"""All fields that are not shared by all kinds."""


def reading(fields: frozenset[str] | None) -> Decode:
    """How to read records of which, besides what all share, these fields are needed; None for all of them."""
    return whole if fields is None else _partly(fields & OWN_FIELDS)


@lru_cache(_PARTS)
def _partly(fields: frozenset[str]) -> Decode:
    kinds: tuple[Any, ...] = tuple(
        msgspec.defstruct(
            kind.__name__,
            [field for field in own if field[0] in fields],
            bases=(Record,),
            tag=kind.__name__,
            frozen=True,
            kw_only=True,
        )
        for kind, own in _OWN.items()
    )
    return cast(Decode, msgspec.msgpack.Decoder(reduce(or_, kinds)).decode)
