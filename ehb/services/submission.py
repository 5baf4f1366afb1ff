"""Submitting a visit: judge it whole, then hand it to the custodian."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from ehb.custodian import Custodian
from ehb.domain.identity import Principal
from ehb.domain.submission import Receipt, VisitSummary, capped, clinical_problems


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
    problems = capped((*visit.problems, *clinical_problems(visit, now=now)))
    judged = dataclasses.replace(visit, problems=problems)
    return await custodian.submit(principal, judged, body, path=path, dry_run=dry_run)


async def receipt(custodian: Custodian, principal: Principal, receipt_id: str, *, path: str) -> Receipt:
    """A receipt again. Raises NotFound for one that is not the caller's facility's."""
    return await custodian.receipt(principal, receipt_id, path=path)
