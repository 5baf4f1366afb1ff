"""All broken files, by how they are broken."""

from __future__ import annotations

from tests.intake import broken_bundles, broken_bytes, broken_envelopes, broken_fields, broken_visits
from tests.intake.cases import Case

SECTIONS: dict[str, list[Case]] = {
    "bytes": broken_bytes.CASES,
    "envelopes": broken_envelopes.CASES,
    "fields": broken_fields.CASES,
    "visits": broken_visits.CASES,
    "bundles": broken_bundles.CASES,
}
