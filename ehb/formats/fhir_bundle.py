"""The bundle: which resources it holds, and who refers to whom.

Owns the bundle's own rules (types, entries, references) and nothing of what resources mean. References are
resolved as R4 says (section 3.1.3.1 and 3.2.5): contained, by full URL, relative, by identifier inside a
transaction; with or without a version.

The one invariant: a reference leads to a resource of this bundle or nowhere; nothing is ever fetched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ehb.formats.fhir_elements import Element, Ledger, Resource
from ehb.formats.fhir_shapes import Report, compare, contained, shapes

TAKEN = frozenset({"transaction", "batch", "collection", "document"})
BILLING = frozenset(
    {
        "Account", "ChargeItem", "Claim", "ClaimResponse", "Coverage", "CoverageEligibilityRequest",
        "CoverageEligibilityResponse", "EnrollmentRequest", "EnrollmentResponse", "ExplanationOfBenefit",
        "InsurancePlan", "Invoice", "PaymentNotice", "PaymentReconciliation",
    }
)  # fmt: skip


class Bundle:
    """The resources of a bundle that we read, in their order, and the types of those that we do not."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.resources: list[Resource] = []
        self.others: list[str] = []
        """Types of entries that the book has no words for."""
        self.ledger = Ledger()
        self._by_kind: defaultdict[str, list[Resource]] = defaultdict(list)
        self._foreign: set[str] = set()
        """Where a reference may lead although we read nothing there."""
        self._places: dict[str, Resource] = {}
        self._by_identifier: dict[tuple[str, str, str], Resource] = {}

    @property
    def document(self) -> bool:
        return self.value.get("type") == "document"

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of some types."""
        return [one for kind in kinds for one in self._by_kind[kind]]

    def read(self, report: Report) -> None:
        """Take in all entries that have the shape of one; report what is wrong with the others."""
        compare({name: item for name, item in self.value.items() if name != "entry"}, "Bundle", "Bundle", report)
        kind = self.value.get("type")
        if isinstance(kind, str) and kind not in TAKEN and kind in (shapes()["Bundle"].fields["type"].codes or ()):
            report("fhir.bundle_type", "Bundle.type")
        entries = self.value.get("entry", [])
        if not isinstance(entries, list):
            report("fhir.type", "Bundle.entry")
            return
        for number, entry in enumerate(entries):
            if isinstance(entry, dict):
                self._enter(entry, f"Bundle.entry[{number}]", report)
            else:
                report("fhir.null" if entry is None else "fhir.type", f"Bundle.entry[{number}]")
        first = entries[0].get("resource") if entries and isinstance(entries[0], dict) else None
        if self.document and not (isinstance(first, dict) and first.get("resourceType") == "Composition"):
            report("fhir.document", "Bundle.entry[0].resource")

    def _enter(self, entry: dict[str, Any], path: str, report: Report) -> None:
        if rest := {name: item for name, item in entry.items() if name != "resource"}:
            compare(rest, "Bundle.entry", path, report)
        if "resource" not in entry:
            report("fhir.required", f"{path}.resource")
            return
        value = entry["resource"]
        kind = value.get("resourceType") if isinstance(value, dict) else None
        faults: list[str] = []

        def fault(rule: str, place: str) -> None:
            faults.append(rule)
            report(rule, place)

        contained(value, f"{path}.resource", fault)
        full_url = entry.get("fullUrl")
        if not isinstance(kind, str) or kind not in shapes():
            if isinstance(kind, str) and not faults:
                self.others.append(kind)
                self._foreign.update({str(full_url), f"{kind}/{value.get('id')}"})
            return
        resource = Resource(value, kind, f"{path}.resource", full_url if isinstance(full_url, str) else None)
        resource.faulty = bool(faults)
        resource.ledger = self.ledger
        self.resources.append(resource)
        self._by_kind[kind].append(resource)
        self._place(resource, path, report)
        inner = value.get("contained")
        for number, one in enumerate(inner if isinstance(inner, list) else ()):
            if isinstance(one, dict) and one.get("resourceType") in shapes() and isinstance(one.get("id"), str):
                held = Resource(one, one["resourceType"], f"{path}.resource.contained[{number}]")
                held.faulty = resource.faulty
                held.contained = resource.contained
                held.ledger = self.ledger
                resource.contained[one["id"]] = held

    def _place(self, resource: Resource, path: str, report: Report) -> None:
        if resource.full_url:
            if resource.full_url in self._places:
                report("fhir.full_url_repeated", f"{path}.fullUrl")
            self._places[resource.full_url] = resource
        if resource.id:
            self._places.setdefault(f"{resource.kind}/{resource.id}", resource)
        for identifier in _identifiers(resource.value):
            self._by_identifier.setdefault((resource.kind, *identifier), resource)

    def find(self, reference: dict[str, Any], root: Resource) -> Resource | None:
        """The resource that a Reference in `root` leads to."""
        literal = reference.get("reference")
        if isinstance(literal, str):
            if literal.startswith("#"):
                return root.contained.get(literal[1:])
            literal = literal.partition("/_history/")[0]
            kind, asked, query = literal.partition("?identifier=")
            if asked:
                system, _, value = query.partition("|")
                return self._by_identifier.get((kind, system, value))
            return self._places.get(literal)
        identifier, named = reference.get("identifier"), reference.get("type")
        if isinstance(identifier, dict) and isinstance(named, str):
            return self._by_identifier.get((named, str(identifier.get("system")), str(identifier.get("value"))))
        return None

    def _leads_somewhere(self, literal: str, root: Resource) -> bool:
        if literal.startswith("#"):
            inner = root.value.get("contained")
            held = inner if isinstance(inner, list) else []
            return literal == "#" or any(isinstance(one, dict) and one.get("id") == literal[1:] for one in held)
        return literal in self._foreign or self.find({"reference": literal}, root) is not None

    def resolve(self, element: Element | None) -> Resource | None:
        """The well-shaped resource that a Reference leads to."""
        if element is None or element.kind != "Reference":
            return None
        found = self.find(element.value, element.root)
        return found if found is not None and not found.faulty else None

    def dangling(self) -> Iterator[tuple[Resource, str, str, bool]]:
        """References that lead nowhere: resource, path, path without positions, and whether that is an error.

        A urn:uuid or #id can mean nothing outside this bundle, and what a document's Composition names must be in
        it (R4, section 3.3.1). Anything else may be known to the sender's server.
        """
        for resource in self.resources:
            for path, plain, literal in _references(resource.value, resource.path, ""):
                if not self._leads_somewhere(literal, resource):
                    inside = literal.startswith(("urn:", "#")) or (self.document and resource.kind == "Composition")
                    yield resource, path, plain, inside


def _references(value: Any, path: str, plain: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, dict):
        literal = value.get("reference")
        if isinstance(literal, str):
            yield f"{path}.reference", plain, literal
        for name, item in value.items():
            if isinstance(item, dict | list) and name != "contained":
                yield from _references(item, f"{path}.{name}", f"{plain}.{name}" if plain else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _references(item, f"{path}[{number}]", plain)


def _identifiers(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    given = value.get("identifier")
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict):
            yield str(one.get("system")), str(one.get("value"))
