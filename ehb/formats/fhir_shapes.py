"""The shape of FHIR R4 resources: which elements there are, of which type, how many, which codes.

Owns the table `fhir_r4/elements.json` and the walk that compares a resource with it. Leaves the meaning to the
mapping and the bundle's own rules to `fhir_bundle`.

Decision: our own table of HL7's definitions and this walk, no library. `fhir.resources` is well kept, but has no
plain R4 since 7.0, takes 10 to 20 times as long, and its decimals and paths come through pydantic in its own
shape; `fhirkit-rs` is quick and true R4, but half a year old with one release. What we need is small: the path of
every fault, all at once. We give up invariants (FHIRPath) and terminology beyond required codes.

The one invariant: a path names elements of FHIR only, never a name or a value that the sender made up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from ehb.domain.coding import instant_of
from ehb.formats.fhir_json import ODD

Report = Callable[[str, str], None]
"""Takes a rule and the path of the fault."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?")
_FRACTION = re.compile(r"(\.\d{6})\d+")
_UNSAFE = frozenset({"modifierExtension", "implicitRules"})
"""Elements that may turn the meaning around: who does not know them must not go on (R4, section 2.1.0.8)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One element under its JSON name. `kind` is a type of the table or a primitive."""

    kind: str
    many: bool
    group: str
    """The element's name; for a choice such as valueQuantity the part before the type."""
    codes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Shape:
    """One type: its elements by JSON name, the JSON names of each element, and what must be there."""

    fields: dict[str, Field]
    names: dict[str, tuple[str, ...]]
    required: tuple[str, ...]
    resource: bool


@cache
def shapes() -> dict[str, Shape]:
    """The shapes of all types that we read."""
    table = _table()
    types: dict[str, dict[str, str]] = table["types"]
    resource_types = frozenset(table["resources"])
    return {name: _shape(elements, table["codes"], name in resource_types) for name, elements in types.items()}


@cache
def resource_types() -> frozenset[str]:
    """The names of all resource types of R4."""
    return frozenset(_table()["resources"])


@cache
def element_names() -> frozenset[str]:
    """Every JSON name of the table: what may stand in a path."""
    names = {name for shape in shapes().values() for name in shape.fields}
    return frozenset({*names, *(f"_{name}" for name in names), "resourceType"})


@cache
def _table() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(resources.files("ehb.formats").joinpath("fhir_r4", "elements.json").read_bytes())
    return read


def _shape(elements: dict[str, str], lists: dict[str, list[str]], resource: bool) -> Shape:
    fields: dict[str, Field] = {}
    names: dict[str, tuple[str, ...]] = {}
    required: list[str] = []
    for name, said in elements.items():
        kinds, many = said.rstrip("!*").split("|"), said.endswith("*")
        group = name.removesuffix("[x]")
        given = []
        for kind in kinds:
            kind, _, code_list = kind.partition("=")
            codes = frozenset(lists[code_list]) if code_list else None
            json_name = group + kind[0].upper() + kind[1:] if name.endswith("[x]") else name
            fields[json_name] = Field(kind, many, group, codes)
            given.append(json_name)
        names[group] = tuple(given)
        if "!" in said:
            required.append(group)
    return Shape(fields, names, tuple(required), resource)


def compare(value: Any, kind: str, path: str, report: Report) -> None:
    """Report everything in which a value differs from its type. The nesting of `value` must be bounded already."""
    shape = shapes().get(kind)
    if shape is None:
        _primitive(value, kind, path, report)
    elif not isinstance(value, dict):
        report("fhir.null" if value is None else "fhir.type", path)
    elif not value:
        report("fhir.empty", path)
    else:
        _object(value, shape, path, report)


def _object(value: dict[str, Any], shape: Shape, path: str, report: Report) -> None:
    chosen: set[str] = set()
    for name, item in value.items():
        field = shape.fields.get(name)
        if field is None:
            if name.startswith("_") and (field := shape.fields.get(name[1:])) and field.kind not in shapes():
                chosen.add(field.group)
                _companion(item, field, f"{path}.{name}", report)
            elif not (name == "resourceType" and shape.resource):
                report("fhir.field_unknown", path)
            continue
        if len(shape.names[field.group]) > 1 and field.group in chosen and f"_{name}" not in value:
            report("fhir.choice", f"{path}.{field.group}")
        chosen.add(field.group)
        if name in _UNSAFE:
            report("fhir.modifier", f"{path}.{name}")
        if field.many:
            _list(item, field, f"{path}.{name}", report, gaps=f"_{name}" in value)
        else:
            _item(item, field, f"{path}.{name}", report)
    for group in shape.required:
        if group not in chosen:
            report("fhir.required", f"{path}.{group}")


def _list(value: Any, field: Field, path: str, report: Report, *, gaps: bool) -> None:
    if not isinstance(value, list):
        report("fhir.type", path)
        return
    if not value:
        report("fhir.empty", path)
    for number, item in enumerate(value):
        if not (item is None and gaps):
            _item(item, field, f"{path}[{number}]", report)


def _item(value: Any, field: Field, path: str, report: Report) -> None:
    if field.kind == "Resource":
        contained(value, path, report)
    elif field.codes is not None and isinstance(value, str) and value not in field.codes:
        report("fhir.code", path)
    else:
        compare(value, field.kind, path, report)


def contained(value: Any, path: str, report: Report) -> None:
    """A resource inside a bundle or another resource. Types that we do not read are only asked for their name."""
    if not isinstance(value, dict):
        report("fhir.null" if value is None else "fhir.type", path)
        return
    kind = value.get("resourceType")
    if not isinstance(kind, str) or kind not in resource_types():
        report("fhir.required" if kind is None else "fhir.resource_type", f"{path}.resourceType")
    elif kind in shapes():
        compare(value, kind, path, report)


def _companion(value: Any, field: Field, path: str, report: Report) -> None:
    """The extensions of a primitive element (`_birthDate`)."""
    for number, item in enumerate(value if field.many and isinstance(value, list) else [value]):
        if not (item is None and field.many):
            compare(item, "Extension.of.primitive", f"{path}[{number}]" if field.many else path, report)


def _primitive(value: Any, kind: str, path: str, report: Report) -> None:
    if value is None:
        report("fhir.null", path)
        return
    if value is ODD:
        return  # reported as a fault of the JSON
    good = _CHECKS.get(kind, _is_text)
    if not good(value):
        if value == "":
            report("fhir.empty", path)
        elif kind in ("date", "dateTime", "instant", "time") and isinstance(value, str):
            report("fhir.date", path)
        else:
            report("fhir.type", path)


def read_time(text: str) -> str:
    """A FHIR date, dateTime or instant as records hold it: as it was, its seconds to the microsecond at most."""
    return _FRACTION.sub(r"\1", text)


def is_time(value: Any) -> bool:
    """Whether a value is a FHIR date, dateTime or instant."""
    if not isinstance(value, str):
        return False
    try:
        instant_of(read_time(value))
    except ValueError:
        return False
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "decimal": lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool),
    "integer": _is_whole,
    "unsignedInt": lambda value: _is_whole(value) and value >= 0,
    "positiveInt": lambda value: _is_whole(value) and value > 0,
    "date": lambda value: is_time(value) and "T" not in value,
    "dateTime": is_time,
    "instant": lambda value: is_time(value) and "T" in value,
    "time": lambda value: isinstance(value, str) and _TIME.fullmatch(value) is not None,
    "id": lambda value: isinstance(value, str) and _ID.fullmatch(value) is not None,
    "uri": lambda value: _is_text(value) and not any(sign.isspace() for sign in value),
    "code": lambda value: _is_text(value) and value == value.strip(),
}
