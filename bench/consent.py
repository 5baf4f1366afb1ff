"""Reading somebody else's book by their consent, against reading one's own: what deciding by consent costs.

Both go through the custodian, with labels and the durable trail. Floor: the person's own read of a book of the same
size. The one invariant: every turn opens another person's book, and both sides see the same number of records.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from functools import partial

from bench.report import Row
from bench.rounds import in_turns, line, ratio
from bench.visit import FACILITY
from bench.world import NOW, World, permit_of, reader
from ehb.domain.access import AccessRequest, Action, Purpose
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.book import ReadQuery
from ehb.domain.consent import Agreement, Consent, Grantee, GranteeKind, Party
from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
from ehb.domain.registry import RegisteredPractitioner
from ehb.domain.selection import EVERYTHING, Selection
from ehb.store.practitioners import Practitioners
from ehb.store.vault import Vault

REACH = 1.3
_ROLE = PractitionerRole("000099/TEST-CCHN", FACILITY)
_DOCTOR = Principal(
    PrincipalKind.CITIZEN, b"d" * 16, roles=(_ROLE,), role=_ROLE, client_id="ehb-mobile", session="d", assurance_level=2
)
_WHOLE = ReadQuery()
_STANDING = (1, 10, 50)
_STRIDE = 611


async def measure(world: World, *, people: int, records: int, rounds: int) -> list[Row]:
    """Fill the store, let people agree, take turns, print."""
    await world.fill(people * (len(_STANDING) + 1), records)
    entry = RegisteredPractitioner(_ROLE.licence, "Bác sĩ Thử", (FACILITY,))
    await Practitioners(world.mongo, Vault(world.keys)).save([entry])
    groups = {number: world.books[nth * people : (nth + 1) * people] for nth, number in enumerate(_STANDING)}
    for number, books in groups.items():
        for book in books:
            for nth in range(number):
                await agree(world, book, nth)

    async def own(order: itertools.cycle[bytes], _: int) -> None:
        book = next(order)
        opened = await world.custodian.read(reader(book), book, Purpose.PATIENT_REQUEST, _WHOLE, path="bench")
        assert len(opened.records) == records

    async def consented(order: itertools.cycle[bytes], _: int) -> None:
        opened = await world.custodian.read(_DOCTOR, next(order), Purpose.TREATMENT, _WHOLE, path="bench")
        assert len(opened.records) == records

    turns = {"own": partial(own, _order(world.books[-people:]))}
    turns |= {str(number): partial(consented, _order(books)) for number, books in groups.items()}
    timed = await in_turns(turns, rounds=rounds, warm_up=max(3, rounds // 10))
    print(f"consent: {records} records of one person, read by a doctor whom a consent lets in")
    print(line("the person's own read (the floor)", timed["own"]))
    rows: list[Row] = []
    for number in _STANDING:
        against = ratio(timed[str(number)], timed["own"])
        print(line(f"a doctor's, {number} consents standing", timed[str(number)]))
        print(f"  ratio to the floor: {against}    reach: {REACH}")
        rows.append(
            Row(f"`consent`, {number} standing", timed["own"].shown, timed[str(number)].shown, against, f"{REACH}")
        )
    return rows


def _order(books: list[bytes]) -> itertools.cycle[bytes]:
    return itertools.cycle([books[number * _STRIDE % len(books)] for number in range(len(books))])


async def agree(world: World, book: bytes, nth: int) -> None:
    """The first lets the doctor in, labels and all; the others name other facilities and exceptions."""
    request = AccessRequest(reader(book), Action.GIVE_CONSENT, Purpose.PATIENT_REQUEST, patient_id=book, now=NOW)
    permit = permit_of(request)
    consent = Consent(
        id=nth.to_bytes(4, "big") + book[:12],
        permit=True,
        grantee=Grantee(GranteeKind.FACILITY, FACILITY if nth == 0 else f"{90000 + nth}"),
        purposes=frozenset({Purpose.TREATMENT}),
        select=EVERYTHING,
        exceptions=() if nth == 0 else (Selection(labels=frozenset({"PSY"})),),
        labels=frozenset({"HIV", "PSY", "ETH", "SEX", "VIO", "GDIS", "TB", "PREGNANCY_LOSS"}),
        valid_from=NOW - timedelta(days=1),
        valid_until=NOW + timedelta(days=300),
        agreement=Agreement("words of the length that they have " * 6, "1", "vi", NOW, book, 2),
    )
    event: AuditEvent = audit_event(request, permit, path="bench", now=NOW)
    await world.store.consents.give(permit, consent, event, frozenset({Party.PERSON}))
