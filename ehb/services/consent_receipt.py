"""Consent receipts: what was agreed, signed by us, for the person to keep (after ISO/IEC TS 27560).

A receipt holds for whoever has our public key and neither asks us nor trusts the phone that shows it. It says how
the consent stands at `iat`. The one invariant: no name and no number is in it, but for what the agreed words say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ehb.domain.consent import GranteeKind, HeldConsent
from ehb.domain.selection import Selection
from ehb.signing import CONSENT_RECEIPT, Signer

UNNAMED = frozenset({GranteeKind.PERSON, GranteeKind.ANYBODY})
"""Whom a receipt, and an answer, gives no code for: a person's would be their number."""


def receipt(
    signer: Signer,
    held: HeldConsent,
    *,
    subject: str,
    id: str,
    record_id: Callable[[bytes], str],
    now: datetime,
) -> str:
    """The receipt as a compact JWS of type `consent-receipt+jwt`; moments in ISO 8601, `iat` in seconds (RFC 7519).

    `subject` and `id` are the opaque ids of the book and of the consent; `record_id` makes those of single records.
    """
    consent, agreement = held.consent, held.consent.agreement
    claims: dict[str, Any] = {
        "iat": int(now.timestamp()),
        "jti": id,
        "sub": subject,
        "agreed": {
            "text": agreement.text,
            "text_version": agreement.version,
            "language": agreement.language,
            "at": agreement.at,
            "by": agreement.party,
            "assurance_level": agreement.assurance_level,
            "needs": sorted(consent.needs),
            "approvals": sorted(held.approvals),
        },
        "terms": {
            "permit": consent.permit,
            "grantee_kind": consent.grantee.kind,
            "grantee": None if consent.grantee.kind in UNNAMED else consent.grantee.value,
            "purposes": sorted(consent.purposes),
            "actions": sorted(consent.actions),
            "select": _part(consent.select, record_id),
            "exceptions": [_part(one, record_id) for one in consent.exceptions],
            "labels": sorted(consent.labels),
            "without": sorted(consent.without),
            "valid_from": consent.valid_from,
            "valid_until": consent.valid_until,
            "max_uses": consent.max_uses,
        },
        "ended_at": held.ended_at,
    }
    return signer.sign(CONSENT_RECEIPT, claims)


def _part(select: Selection, record_id: Callable[[bytes], str]) -> dict[str, Any]:
    """A part of the book; what it does not narrow is left out."""
    listed: dict[str, Any] = {
        "sections": sorted(select.sections) if select.sections is not None else None,
        "kinds": sorted(select.kinds) if select.kinds is not None else None,
        "records": [record_id(key) for key in sorted(select.records)] if select.records is not None else None,
        "facilities": sorted(select.facilities) if select.facilities is not None else None,
        "since": select.since,
        "until": select.until,
        "labels": sorted(select.labels) if select.labels is not None else None,
    }
    return {name: value for name, value in listed.items() if value is not None}
