"""Consents in GraphQL: who may see what of a book, in the person's own words and in the terms behind them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from ehb.domain import consent as domain
from ehb.domain.consent_terms import Terms, TermsProblem, block_purposes
from ehb.domain.provision import Action, Purpose
from ehb.domain.records import BOOK_OF, Book, Section
from ehb.domain.selection import Selection
from ehb.errors import BadInput, NotFound
from ehb.services import consent as service
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime, described, instant

described(
    domain.GranteeKind,
    "How a consent names whom it is about.",
    {
        "FACILITY": "Every practitioner who works for the facility with this code.",
        "PRACTITIONER": "The practitioner with this licence, wherever they work.",
        "ROLE": "Every practitioner with this scope of practice.",
        "PERSON": "The person with this personal number.",
        "ORGANIZATION": "A third party; needs the managing unit's consent too.",
        "ANYBODY": "Everybody but the person. Only for denies.",
    },
)
described(
    domain.Party,
    "Whose agreement a consent can need.",
    {
        "PERSON": "The person whose book it is.",
        "REPRESENTATIVE": "The person's legal representative.",
        "MANAGING_UNIT": "The unit that manages the data.",
    },
)


class ConsentAction(enum.Enum):
    """What a consent can be about."""

    READ = Action.READ
    DOWNLOAD = Action.DOWNLOAD
    RESHARE = Action.RESHARE


described(
    ConsentAction,
    "What a consent can be about.",
    {"READ": "See records.", "DOWNLOAD": "Take records away as a file.", "RESHARE": "Pass records on."},
)


def _maybe(text: str) -> Any:
    return strawberry.field(description=text, default=None)


@strawberry.input(description="A part of a health book. What is left out narrows nothing; all that is given must hold.")
class SelectionInput:
    books: list[Book] | None = _maybe("Only these books.")
    sections: list[Section] | None = _maybe("Only these sections.")
    kinds: list[str] | None = _maybe("Only these GraphQL type names of records.")
    records: list[strawberry.ID] | None = _maybe("Only these records, in every version.")
    facilities: list[str] | None = _maybe("Only records from these facilities, by code.")
    since: datetime | None = _maybe("Only records of this moment or later.")
    until: datetime | None = _maybe("Only records before this moment.")
    labels: list[str] | None = _maybe("Only records that carry one of these sensitivity labels.")


@strawberry.input(description="The terms of a consent: who may see what, for which purpose, until when.")
class ConsentInput:
    permit: bool = strawberry.field(description="true lets somebody in; false keeps somebody or something closed.")
    grantee_kind: domain.GranteeKind = strawberry.field(description="How `grantee` names somebody.")
    grantee: str = strawberry.field(
        description="Code, licence, scope or personal number; empty for ANYBODY.", default=""
    )
    purposes: list[Purpose] | None = _maybe("For which purposes. A deny without any keeps out all but emergencies.")
    actions: list[ConsentAction] | None = _maybe(
        "READ, DOWNLOAD, RESHARE. READ when left out; a deny without any: all three."
    )
    select: SelectionInput | None = _maybe("Which part of the book; the whole when left out.")
    exceptions: list[SelectionInput] | None = _maybe("Parts that a permit does not open.")
    labels: list[str] | None = _maybe("Sensitivity labels that a permit opens too; none when left out.")
    without: list[str] | None = _maybe("Fields of records that stay closed, such as note.")
    valid_from: datetime | None = _maybe("From when; now when left out.")
    valid_until: datetime | None = _maybe("Until when. A permit needs an end, within five years.")
    max_uses: int | None = _maybe("For how many openings.")


@strawberry.type(name="TermsProblem", description="One thing that is wrong with the terms of a consent.")
class TermsProblemType:
    code: str = strawberry.field(description="Stable code.")
    field: str = strawberry.field(description="The argument it stands in.")
    message_vi: str = strawberry.field(description="In Vietnamese.")
    message_en: str = strawberry.field(description="In English.")


@strawberry.type(description="A part of a health book.")
class ConsentSelection:
    sections: list[Section] | None = strawberry.field(description="Only these sections.")
    kinds: list[str] | None = strawberry.field(description="Only these kinds of records.")
    records: list[strawberry.ID] | None = strawberry.field(description="Only these records.")
    facilities: list[str] | None = strawberry.field(description="Only records from these facilities.")
    since: PartialDateTime | None = strawberry.field(description="Only records of this moment or later.")
    until: PartialDateTime | None = strawberry.field(description="Only records before this moment.")
    labels: list[str] | None = strawberry.field(description="Only records with one of these labels.")


@strawberry.type(description="What a person said about who may see their book.")
class Consent:
    id: strawberry.ID = strawberry.field(description="Opaque id of the consent.")
    permit: bool = strawberry.field(description="Whether it lets somebody in, or keeps something closed.")
    text: str = strawberry.field(description="What was agreed, as it was shown.")
    text_version: str = strawberry.field(description="Version of the sentences.")
    language: str = strawberry.field(description="Language in which it was shown.")
    grantee_kind: domain.GranteeKind = strawberry.field(description="How `grantee` names somebody.")
    grantee: str | None = strawberry.field(description="Code, licence or scope; null for a person and for anybody.")
    purposes: list[Purpose] = strawberry.field(description="For which purposes.")
    actions: list[ConsentAction] = strawberry.field(description="What it is about.")
    select: ConsentSelection = strawberry.field(description="Which part of the book.")
    exceptions: list[ConsentSelection] = strawberry.field(description="Parts that it does not open.")
    labels: list[str] = strawberry.field(description="Sensitivity labels that it opens too.")
    without: list[str] = strawberry.field(description="Fields that stay closed.")
    valid_from: PartialDateTime = strawberry.field(description="From when.")
    valid_until: PartialDateTime | None = strawberry.field(description="Until when.")
    max_uses: int | None = strawberry.field(description="For how many openings.")
    uses: int = strawberry.field(description="How many of them were used.")
    given_at: PartialDateTime = strawberry.field(description="When it was agreed.")
    given_by: domain.Party = strawberry.field(description="Who agreed first.")
    assurance_level: int = strawberry.field(description="Level of the electronic identity of whoever agreed.")
    needs: list[domain.Party] = strawberry.field(description="Whose agreement it needs.")
    approvals: list[domain.Party] = strawberry.field(description="Whose agreement it has.")
    ended_at: PartialDateTime | None = strawberry.field(description="Since when it is withdrawn.")
    in_force: bool = strawberry.field(description="Whether it holds at this moment.")


@strawberry.type(description="What came of giving a consent: it, or everything that is wrong with its terms.")
class ConsentPayload:
    consent: Consent | None = strawberry.field(description="The consent, when it was given.")
    problems: list[TermsProblemType] = strawberry.field(description="What is wrong; empty when it was given.")


@strawberry.type(description="What terms would say.")
class ConsentText:
    text: str = strawberry.field(description="The agreement in plain words, in your language: show it before agreeing.")
    problems: list[TermsProblemType] = strawberry.field(description="What is wrong with the terms.")


@strawberry.type(description="It is done.")
class DonePayload:
    id: strawberry.ID = strawberry.field(description="What it was done to.")


ForPatient = Annotated[strawberry.ID | None, strawberry.argument(description="Whose book; your own when left out.")]
ConsentId = Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the consent.")]
RecordId = Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the record.")]
ConsentTerms = Annotated[ConsentInput, strawberry.argument(description="The terms.")]


NOBODY = b""
"""A made-up id takes the same way as a stranger's: to the custodian, who refuses it and writes it down."""


def shown(info: Info, patient_id: bytes, held: domain.HeldConsent) -> Consent:
    """A consent as the schema has it."""
    consent, agreement, ids = held.consent, held.consent.agreement, info.context.ids
    named = consent.grantee.kind not in (domain.GranteeKind.PERSON, domain.GranteeKind.ANYBODY)
    return Consent(
        id=strawberry.ID(ids.grant(patient_id, consent.id)),
        permit=consent.permit,
        text=agreement.text,
        text_version=agreement.version,
        language=agreement.language,
        grantee_kind=consent.grantee.kind,
        grantee=consent.grantee.value if named else None,
        purposes=sorted(consent.purposes),
        actions=[one for one in ConsentAction if one.value in consent.actions],
        select=_selection(info, patient_id, consent.select),
        exceptions=[_selection(info, patient_id, one) for one in consent.exceptions],
        labels=sorted(consent.labels),
        without=sorted(consent.without),
        valid_from=instant(consent.valid_from),
        valid_until=instant(consent.valid_until) if consent.valid_until else None,
        max_uses=consent.max_uses,
        uses=held.uses,
        given_at=instant(agreement.at),
        given_by=agreement.party,
        assurance_level=agreement.assurance_level,
        needs=sorted(consent.needs),
        approvals=sorted(held.approvals),
        ended_at=instant(held.ended_at) if held.ended_at else None,
        in_force=held.in_force(info.context.clock()),
    )


def _selection(info: Info, patient_id: bytes, select: Selection) -> ConsentSelection:
    keys = select.records
    return ConsentSelection(
        sections=[one for one in Section if one in select.sections] if select.sections is not None else None,
        kinds=sorted(select.kinds) if select.kinds is not None else None,
        records=[strawberry.ID(info.context.ids.record(patient_id, key)) for key in sorted(keys)] if keys else None,
        facilities=sorted(select.facilities) if select.facilities is not None else None,
        since=instant(select.since) if select.since else None,
        until=instant(select.until) if select.until else None,
        labels=sorted(select.labels) if select.labels is not None else None,
    )


def _terms(info: Info, given: ConsentInput, patient_id: bytes | None) -> Terms:
    default_actions = {Action.READ} if given.permit else domain.READING
    actions = default_actions if given.actions is None else {one.value for one in given.actions}
    purposes = frozenset(given.purposes) if given.purposes is not None else frozenset[Purpose]()
    return Terms(
        permit=given.permit,
        grantee_kind=given.grantee_kind,
        grantee=given.grantee.strip(),
        purposes=block_purposes() if not given.permit and given.purposes is None else purposes,
        actions=frozenset(actions),
        select=_selected(info, given.select, patient_id) if given.select else Selection(),
        exceptions=tuple(_selected(info, one, patient_id) for one in given.exceptions or ()),
        labels=frozenset(given.labels or ()),
        without=frozenset(given.without or ()),
        valid_from=_aware(given.valid_from),
        valid_until=_aware(given.valid_until),
        max_uses=given.max_uses,
    )


def _selected(info: Info, given: SelectionInput, patient_id: bytes | None) -> Selection:
    sections = None if given.sections is None else frozenset(given.sections)
    if given.books is not None:
        of_books = frozenset(section for section in Section if BOOK_OF[section] in given.books)
        sections = of_books if sections is None else sections & of_books
    keys = None
    if given.records is not None:
        opened = [info.context.ids.record_key(one) for one in given.records]
        if any(one is None or one[0] != patient_id for one in opened):
            raise NotFound
        keys = frozenset(one[1] for one in opened if one is not None)
    return Selection(
        sections=sections,
        kinds=None if given.kinds is None else frozenset(given.kinds),
        records=keys,
        facilities=None if given.facilities is None else frozenset(code.strip().upper() for code in given.facilities),
        since=_aware(given.since),
        until=_aware(given.until),
        labels=None if given.labels is None else frozenset(given.labels),
    )


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise BadInput(vi="Thời điểm phải có múi giờ.", en="A time needs an offset, such as +07:00.")
    return moment


def book_of(info: Info, patient: strawberry.ID | None) -> bytes | None:
    """The key behind `patient`, the caller's own when none is given; for a made-up id a key that no book has."""
    if patient is None:
        return info.context.principal.patient_id
    return info.context.ids.patient_key(patient) or NOBODY


def _register(info: Info) -> service.Register:
    return service.Register(info.context.facilities, info.context.practitioners)


def _problems(problems: tuple[TermsProblem, ...]) -> list[TermsProblemType]:
    return [TermsProblemType(code=one.code, field=one.field, message_vi=one.vi, message_en=one.en) for one in problems]


@strawberry.type
class ConsentQuery:
    """What holds."""

    @strawberry.field(description="Everything that was ever said about who may see a book, the newest first.")
    async def my_consents(self, info: Info, patient: ForPatient = None) -> list[Consent]:
        book = book_of(info, patient)
        held = await info.context.custodian.consents.list(info.context.principal, book, path="myConsents")
        return [shown(info, cast(bytes, book), one) for one in held]

    @strawberry.field(description="What terms would say in plain words, and what is wrong with them. Gives nothing.")
    async def consent_text(self, info: Info, consent: ConsentTerms, patient: ForPatient = None) -> ConsentText:
        terms = _terms(info, consent, book_of(info, patient))
        checked = await service.check(_register(info), terms, language=info.context.language, now=info.context.clock())
        return ConsentText(text=checked.text, problems=_problems(checked.problems))


@strawberry.type
class ConsentMutation:
    """Saying what holds."""

    @strawberry.mutation(description="Say who may see what, or may not. Holds from the next request on.")
    async def give_consent(
        self,
        info: Info,
        consent: ConsentTerms,
        patient: ForPatient = None,
        child_agrees: Annotated[
            bool, strawberry.argument(description="A guardian's word that a child of 7 to 13 agrees as well.")
        ] = False,
    ) -> ConsentPayload:
        book = book_of(info, patient)
        given = await service.give(
            info.context.custodian,
            _register(info),
            info.context.principal,
            book,
            _terms(info, consent, book),
            language=info.context.language,
            child_agrees=child_agrees,
            now=info.context.clock(),
            path="giveConsent",
        )
        if isinstance(given, tuple):
            return ConsentPayload(consent=None, problems=_problems(given))
        return ConsentPayload(consent=shown(info, cast(bytes, book), given), problems=[])

    @strawberry.mutation(description="Agree to a consent of a minor that the other party gave.")
    async def approve_consent(self, info: Info, id: ConsentId) -> DonePayload:
        book, consent = _grant(info, id)
        await info.context.custodian.consents.approve(info.context.principal, book, consent, path="approveConsent")
        return DonePayload(id=id)

    @strawberry.mutation(description="Withdraw a consent, from the next request on. NOT_FOUND when it does not stand.")
    async def withdraw_consent(self, info: Info, id: ConsentId) -> DonePayload:
        book, consent = _grant(info, id)
        await info.context.custodian.consents.withdraw(info.context.principal, book, consent, path="withdrawConsent")
        return DonePayload(id=id)

    @strawberry.mutation(description="Hide one record from everybody else, on every path, in an emergency too.")
    async def restrict_record(self, info: Info, id: RecordId) -> Consent:
        book, key = _record(info, id)
        held = await service.restrict(
            info.context.custodian,
            info.context.principal,
            book,
            key,
            language=info.context.language,
            path="restrictRecord",
        )
        return shown(info, book, held)

    @strawberry.mutation(description="Show a hidden record again. NOT_FOUND when it is not hidden.")
    async def lift_restriction(self, info: Info, id: RecordId) -> DonePayload:
        book, key = _record(info, id)
        await service.lift(info.context.custodian, info.context.principal, book, key, path="liftRestriction")
        return DonePayload(id=id)


def _grant(info: Info, id: str) -> tuple[bytes, bytes]:
    return info.context.ids.grant_key(id) or (NOBODY, b"")


def _record(info: Info, id: str) -> tuple[bytes, bytes]:
    return info.context.ids.record_key(id) or (NOBODY, b"")
