"""Submitting a visit, taking it back, and seeing what became of it."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from ehb.custodian import Custodian
from ehb.domain.clinical_rules import clinical_problems
from ehb.domain.identity import Principal
from ehb.domain.reason import letters, visible
from ehb.domain.sensitivity_problems import label_problems
from ehb.domain.submission import Receipt, ReceiptQuery, Receipts, VisitSummary, capped
from ehb.domain.withholding import without_what_no_record_may_say
from ehb.errors import BadInput

SHORTEST_REASON, LONGEST_REASON = 3, 1_000


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


async def may_submit(custodian: Custodian, principal: Principal, *, path: str) -> None:
    """Refuse whoever may not submit anything, before a body is read. Raises Forbidden and FacilitySuspended."""
    await custodian.may_submit(principal, path=path)


async def retract(custodian: Custodian, principal: Principal, receipt_id: str, reason: str, *, path: str) -> Receipt:
    """Take a visit back that was entered in error: it leaves the book, and stays in its history with the reason.

    Raises Forbidden, BadInput without a reason, NotFound for a foreign receipt, Conflict for one that is not the
    newest version.
    """
    said = visible(reason)
    if letters(said) < SHORTEST_REASON or len(said) > LONGEST_REASON:
        await custodian.may_retract(principal, path=path)
        raise BadInput(
            vi=f"reason phải có ít nhất {SHORTEST_REASON} chữ cái và nhiều nhất {LONGEST_REASON} ký tự.",
            en=f"reason must have {SHORTEST_REASON} letters, and {LONGEST_REASON} characters at most.",
        )
    return await custodian.retract(principal, receipt_id, said, path=path)


async def receipts(custodian: Custodian, principal: Principal, query: ReceiptQuery, *, path: str) -> Receipts:
    """What the caller's facility sent, newest first."""
    return await custodian.receipts(principal, query, path=path)


async def receipt(custodian: Custodian, principal: Principal, receipt_id: str, *, path: str) -> Receipt:
    """A receipt again. Raises NotFound for one that is not the caller's facility's."""
    return await custodian.receipt(principal, receipt_id, path=path)
