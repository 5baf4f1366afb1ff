"""FHIR elements as words: what a person reads where the book has no field of its own for an element.

Owns the rendering of each data type; backbone elements read as their parts. The one
invariant: what is put into words is read, so it does not count as dropped; what has no words stays unread.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from html import unescape

from ehb.formats.fhir_bundle import Bundle
from ehb.formats.fhir_elements import Element, Resource, period, quantity, words_of
from ehb.formats.fhir_labels import LABELS

_UNITS = {"s": "giây", "min": "phút", "h": "giờ", "d": "ngày", "wk": "tuần", "mo": "tháng", "a": "năm"}
_AMOUNTS = ("Quantity", "Age", "Count", "Distance", "Duration")
_TAG = re.compile(r"<(?P<closing>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)?[^<>]*>")
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_BLOCKS = frozenset({"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "br", "table", "ul", "ol", "dl", "dd"})
_SILENT = frozenset({"id", "extension", "modifierExtension"})


class Words:
    """Puts elements of one bundle into words, following its references."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def of(self, element: Element, name: str) -> list[str]:
        """Everything that stands under one name, each item in words."""
        found = [words for child in element.each(name) if (words := self._complex(child))]
        return found or ([self._primitive(element, name)] if element.primitives(name) else [])

    def joined(self, element: Element, *names: str) -> str | None:
        """What stands under some names, without labels; None for nothing."""
        return "; ".join(words for name in names for words in self.of(element, name)) or None

    def lines(self, element: Element, *names: str) -> list[str]:
        """One labelled line for each name that is there and not said elsewhere."""
        wanted = (name for name in names if not element.was_skipped(name))
        return [f"{LABELS[name]}: {words}" for name in wanted if (words := self.joined(element, name))]

    def _primitive(self, element: Element, name: str) -> str:
        return ", ".join(element.primitives(name))

    def _complex(self, element: Element) -> str:
        if element.kind in _AMOUNTS:
            return amount(element)
        special = _SPECIAL.get(element.kind)
        if special is not None:
            return special(element)
        if element.kind == "Reference":
            return self.referred(element)
        if element.kind == "SampledData":
            return ""
        return self._parts(element)

    def _parts(self, element: Element) -> str:
        names = (name for name in element.shape.names if name not in _SILENT and element.given(name))
        return ", ".join(words for name in names for words in self.of(element, name))

    def referred(self, element: Element) -> str:
        """A Reference by its display, else by what the resource is called."""
        display = element.text("display")
        found = self._bundle.resolve(element)
        if found is not None:
            element.skip("reference", "type", "identifier")
        return display or (self.called(found) if found is not None else "") or ""

    def called(self, resource: Resource) -> str:
        """What a person calls a resource. Asking makes it part of who asked, unless it is a record of its own."""
        resource.fold()
        for name in ("name", "code", "vaccineCode", "type", "description", "title", "deviceName"):
            if name not in resource.shape.names or resource.given(name) is None:
                continue
            words = "; ".join(self.of(resource, name))
            if words:
                return words
        return self._through(resource)

    def _through(self, resource: Resource) -> str:
        if resource.kind == "PractitionerRole":
            people = [one for name in ("practitioner", "organization") for one in resource.each(name)]
            return ", ".join(words for one in people if not self._is_role(one) and (words := self.referred(one)))
        return "người bệnh" if resource.kind == "Patient" else ""

    def _is_role(self, element: Element) -> bool:
        """A role that names a role might go round in a circle."""
        found = self._bundle.resolve(element)
        return found is not None and found.kind == "PractitionerRole"


def amount(element: Element) -> str:
    """A quantity with its digits and unit."""
    found = quantity(element)
    if found is None:
        return ""
    return f"{found.comparator or ''}{found.value:f}{f' {found.unit}' if found.unit else ''}"


def _span(element: Element) -> str:
    found = period(element)
    return f"{found.start or '…'} – {found.end or '…'}" if found else ""


def _range(element: Element) -> str:
    low, high = (amount(one) if (one := element.one(name)) else "…" for name in ("low", "high"))
    return f"{low} – {high}"


def _ratio(element: Element) -> str:
    parts = [amount(one) for name in ("numerator", "denominator") if (one := element.one(name))]
    return " / ".join(part for part in parts if part)


def person_name(element: Element) -> str:
    """A HumanName as written, else family name first, as Vietnamese names are."""
    parts = [part for name in ("family", "given", "suffix") for part in element.primitives(name)]
    element.skip("use")
    return element.text("text") or " ".join(parts)


def address(element: Element) -> str:
    """An Address as written, else its parts from the smallest to the largest."""
    parts = [
        part
        for name in ("line", "district", "city", "state", "postalCode", "country")
        for part in element.primitives(name)
    ]
    element.skip("use", "type")
    return element.text("text") or ", ".join(parts)


def _annotation(element: Element) -> str:
    by = ", ".join(part for part in (element.text("author"), element.time("time")) if part)
    text = element.text("text") or ""
    return f"{text} ({by})" if by else text


def _timing(element: Element) -> str:
    parts = [words_of(element.one("code")) or "", *element.primitives("event")]
    repeat = element.one("repeat")
    if repeat is not None:
        parts.append(_repeat(repeat))
    return ", ".join(part for part in parts if part)


def _repeat(element: Element) -> str:
    parts = []
    for name, rendered in (("bounds", _bounds(element)), ("count", "tổng {} lần"), ("frequency", "{} lần")):
        if name == "bounds":
            parts.append(rendered)
        elif found := element.text(name):
            parts.append(rendered.format(found))
    if every := element.text("period"):
        parts.append(f"mỗi {every} {_unit(element, 'periodUnit')}")
    elif element.text("periodUnit"):
        parts.append(f"theo {_unit(element, 'periodUnit')}")
    if lasting := element.text("duration"):
        parts.append(f"trong {lasting} {_unit(element, 'durationUnit')}")
    for name in ("dayOfWeek", "timeOfDay", "when"):
        parts.extend(element.primitives(name))
    return " ".join(part for part in parts if part)


def _bounds(element: Element) -> str:
    bounds = element.one("bounds")
    if bounds is None:
        return ""
    return {"Period": _span, "Range": _range}.get(bounds.kind, amount)(bounds)


def _unit(element: Element, name: str) -> str:
    code = element.text(name) or ""
    return _UNITS.get(code, code)


def _contact(element: Element) -> str:
    element.skip("system", "use", "rank")
    return element.text("value") or ""


def _attachment(element: Element) -> str:
    return element.text("title") or ""


def _identifier(element: Element) -> str:
    element.skip("use", "system")
    return element.text("value") or ""


def narrative(element: Element) -> str:
    """The text of a Narrative, without its markup."""
    element.skip("status")
    return plain(element.text("div") or "")


def plain(xhtml: str) -> str:
    """The words of an XHTML fragment: a line for each block, cells apart. Never raises, opens nothing.

    By tags alone and not by a tree: parsers cut what is nested deeper than they like, and no word may be lost.
    """
    parts: list[str] = []
    silent, end = False, 0
    for tag in _TAG.finditer(xhtml):
        if not silent:
            parts.append(xhtml[end : tag.start()])
        name, closing = (tag["name"] or "").lower(), bool(tag["closing"])
        silent = name in ("script", "style") and not closing
        if name in _BLOCKS:
            parts.append("\v")
        elif name in ("td", "th") and not closing:
            parts.append(" | ")
        end = tag.end()
    parts.append(xhtml[end:])
    lines = (_SPACES.sub(" ", line).strip(" |") for line in unescape("".join(parts)).split("\v"))
    return unicodedata.normalize("NFC", "\n".join(line for line in lines if line))


_SPECIAL: dict[str, Callable[[Element], str]] = {
    "Address": address,
    "Annotation": _annotation,
    "Attachment": _attachment,
    "CodeableConcept": lambda element: words_of(element) or "",
    "Coding": lambda element: words_of(element) or "",
    "ContactPoint": _contact,
    "HumanName": person_name,
    "Identifier": _identifier,
    "Narrative": narrative,
    "Period": _span,
    "Range": _range,
    "Ratio": _ratio,
    "Timing": _timing,
}


def paragraphs(parts: Iterable[str | None]) -> str | None:
    """The parts that say something, one below the other."""
    return "\n".join(part for part in parts if part) or None
