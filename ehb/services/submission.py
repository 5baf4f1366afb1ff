"""Submitting a visit, taking it back, and seeing what became of it."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from ehb.custodian import Custodian
from ehb.domain.identity import Principal
from ehb.domain.sensitivity_problems import label_problems
from ehb.domain.submission import Receipt, ReceiptQuery, Receipts, VisitSummary, capped, clinical_problems
from ehb.domain.withholding import without_what_no_record_may_say
from ehb.errors import BadInput

LONGEST_REASON = 1_000


async def submit(
    custodian: Custodian,
    principal: Principal,
    visit: VisitSummary,
    body: bytes,
    *,
    now: datetime,
    path: str,
    dry_run: bool = False,
) -> Receipt:
    """The receipt of one visit summary. Raises Forbidden when the visit is another facility's.

    `body` is what the facility sent, kept sealed as it came. `dry_run` goes the same way and stores nothing.
    """
    visit = without_what_no_record_may_say(visit)
    problems = capped((*visit.problems, *clinical_problems(visit, now=now), *label_problems(visit)))
    judged = dataclasses.replace(visit, problems=problems)
    return await custodian.submit(principal, judged, body, path=path, dry_run=dry_run)


async def retract(custodian: Custodian, principal: Principal, receipt_id: str, reason: str, *, path: str) -> Receipt:
    """Take a visit back that was entered in error: it leaves the book, and stays in its history with the reason.

    Raises BadInput without a reason, NotFound for a foreign receipt, Conflict for one that is not the newest version.
    """
    said = " ".join(reason.split())
    if not 3 <= len(said) <= LONGEST_REASON:
        raise BadInput(
            vi=f"reason phải có từ 3 đến {LONGEST_REASON} ký tự.",
            en=f"reason must have 3 to {LONGEST_REASON} characters.",
        )
    return await custodian.retract(principal, receipt_id, said, path=path)


async def receipts(custodian: Custodian, principal: Principal, query: ReceiptQuery, *, path: str) -> Receipts:
    """What the caller's facility sent, newest first."""
    return await custodian.receipts(principal, query, path=path)


async def receipt(custodian: Custodian, principal: Principal, receipt_id: str, *, path: str) -> Receipt:
    """A receipt again. Raises NotFound for one that is not the caller's facility's."""
    return await custodian.receipt(principal, receipt_id, path=path)
