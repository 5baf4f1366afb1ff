"""Consents in GraphQL: who may see what of a book, in the person's own words and in the terms behind them."""

from __future__ import annotations

from typing import Annotated, cast

import strawberry

from ehb.domain import consent as domain
from ehb.domain.consent_terms import TermsProblem
from ehb.domain.provision import Purpose
from ehb.domain.records import Section
from ehb.domain.selection import Selection
from ehb.services import consent as service
from ehb.services.consent_receipt import UNNAMED, receipt
from graphql_schema.consent_inputs import ConsentAction, ConsentInput, terms_of
from graphql_schema.consent_vocabulary import ConsentVocabulary, vocabulary
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime, instant
from graphql_schema.whose import NOBODY, DonePayload, ForPatient, book_of


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
    grantee_label: str | None = strawberry.field(description="For a person: the giver's own words for them.")
    grantee_ending: str | None = strawberry.field(description="For a person: how their number ends.")
    purposes: list[Purpose] = strawberry.field(description="For which purposes.")
    actions: list[ConsentAction] = strawberry.field(description="What it is about.")
    select: ConsentSelection = strawberry.field(description="Which part of the book.")
    exceptions: list[ConsentSelection] = strawberry.field(description="Parts that it does not open.")
    labels: list[str] = strawberry.field(description="Sensitivity labels that it opens too.")
    without: list[str] = strawberry.field(description="Fields that stay closed.")
    valid_from: PartialDateTime = strawberry.field(description="From when.")
    valid_until: PartialDateTime | None = strawberry.field(description="Until when.")
    max_uses: int | None = strawberry.field(description="For how many openings; see `uses`.")
    uses: int = strawberry.field(
        description="How many of them were used. One use is one root field that this consent let in (each id of "
        "`nodes`), by anybody whom it names, however much of the book it asked for. What is open to them without this "
        "consent, such as by a presentation, is not counted."
    )
    given_at: PartialDateTime = strawberry.field(description="When it was agreed.")
    given_by: domain.Party = strawberry.field(description="Who agreed first.")
    assurance_level: int = strawberry.field(description="Level of the electronic identity of whoever agreed.")
    needs: list[domain.Party] = strawberry.field(description="Whose agreement it needs.")
    approvals: list[domain.Party] = strawberry.field(description="Whose agreement it has.")
    ended_at: PartialDateTime | None = strawberry.field(description="Since when it is withdrawn.")
    in_force: bool = strawberry.field(description="Whether it holds at this moment.")
    held: strawberry.Private[domain.HeldConsent]
    book: strawberry.Private[bytes]

    @strawberry.field(
        description="All of this, signed (JWS, type consent-receipt+jwt): keep it. Our public key at "
        "/.well-known/jwks.json verifies it, without us."
    )
    def receipt(self, info: Info) -> str:
        ids, book = info.context.ids, self.book
        return receipt(
            info.context.signer,
            self.held,
            subject=ids.patient(book),
            id=self.id,
            record_id=lambda key: ids.record(book, key),
            now=info.context.clock(),
        )


@strawberry.type(description="What came of giving a consent: it, or everything that is wrong with its terms.")
class ConsentPayload:
    consent: Consent | None = strawberry.field(description="The consent, when it was given.")
    problems: list[TermsProblemType] = strawberry.field(description="What is wrong; empty when it was given.")


@strawberry.type(description="What terms would say.")
class ConsentText:
    text: str = strawberry.field(description="The agreement in plain words, in your language: show it before agreeing.")
    problems: list[TermsProblemType] = strawberry.field(description="What is wrong with the terms.")


ConsentId = Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the consent.")]
RecordId = Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the record.")]
ConsentTerms = Annotated[ConsentInput, strawberry.argument(description="The terms.")]


def shown(info: Info, patient_id: bytes, held: domain.HeldConsent) -> Consent:
    """A consent as the schema has it."""
    consent, agreement, ids = held.consent, held.consent.agreement, info.context.ids
    return Consent(
        id=strawberry.ID(ids.grant(patient_id, consent.id)),
        permit=consent.permit,
        text=agreement.text,
        text_version=agreement.version,
        language=agreement.language,
        grantee_kind=consent.grantee.kind,
        grantee=None if consent.grantee.kind in UNNAMED else consent.grantee.value,
        grantee_label=consent.grantee.label or None,
        grantee_ending=consent.grantee.ending or None,
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
        held=held,
        book=patient_id,
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


def _register(info: Info) -> service.Register:
    return service.Register(info.context.facilities, info.context.practitioners)


def _problems(problems: tuple[TermsProblem, ...]) -> list[TermsProblemType]:
    return [TermsProblemType(code=one.code, field=one.field, message_vi=one.vi, message_en=one.en) for one in problems]


@strawberry.type
class ConsentQuery:
    """What holds, and the words to say it with."""

    @strawberry.field(description="The lists of which terms of a consent are made, with names. No login is needed.")
    async def consent_vocabulary(self, info: Info) -> ConsentVocabulary:
        return await vocabulary(info)

    @strawberry.field(description="Everything that was ever said about who may see a book, the newest first.")
    async def my_consents(self, info: Info, patient: ForPatient = None) -> list[Consent]:
        book = book_of(info, patient)
        held = await info.context.custodian.consents.list(info.context.principal, book, path="myConsents")
        return [shown(info, cast(bytes, book), one) for one in held]

    @strawberry.field(description="What terms would say in plain words, and what is wrong with them. Gives nothing.")
    async def consent_text(self, info: Info, consent: ConsentTerms, patient: ForPatient = None) -> ConsentText:
        book, principal = book_of(info, patient), info.context.principal
        if book != principal.patient_id:  # what somebody else's records are called is theirs
            await info.context.custodian.consents.may_give(principal, book, path="consentText")
        terms = terms_of(info, consent, book)
        own, language, now = book == principal.patient_id, info.context.language, info.context.clock()
        checked = await service.check(_register(info), terms, language=language, now=now, own=own)
        return ConsentText(text=checked.text, problems=_problems(checked.problems))


@strawberry.type
class ConsentMutation:
    """Saying what holds."""

    @strawberry.mutation(
        description="Say who may see what, or may not. Holds from the next request on. STEP_UP_REQUIRED for a permit "
        "when the login is too weak or too long ago."
    )
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
            terms_of(info, consent, book),
            language=info.context.language,
            child_agrees=child_agrees,
            now=info.context.clock(),
            path="giveConsent",
        )
        if isinstance(given, tuple):
            return ConsentPayload(consent=None, problems=_problems(given))
        return ConsentPayload(consent=shown(info, cast(bytes, book), given), problems=[])

    @strawberry.mutation(
        description="Agree to a consent of a minor that the other party gave. STEP_UP_REQUIRED as for giving one."
    )
    async def approve_consent(self, info: Info, id: ConsentId) -> DonePayload:
        book, consent = _grant(info, id)
        await info.context.custodian.consents.approve(info.context.principal, book, consent, path="approveConsent")
        return DonePayload(id=id)

    @strawberry.mutation(description="Withdraw a consent, from the next request on. NOT_FOUND when it does not stand.")
    async def withdraw_consent(self, info: Info, id: ConsentId) -> DonePayload:
        book, consent = _grant(info, id)
        await info.context.custodian.consents.withdraw(info.context.principal, book, consent, path="withdrawConsent")
        return DonePayload(id=id)

    @strawberry.mutation(
        description="Hide one record from everybody else, on every path, in an emergency too. The second time, what "
        "stands is the answer. NOT_FOUND when it is no record of yours."
    )
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

    @strawberry.mutation(
        description="Say that the visit of this record is not yours: it leaves your book at once, for everybody, and a "
        "steward looks into it. NOT_FOUND when it is no record of yours."
    )
    async def report_not_mine(self, info: Info, id: RecordId) -> DonePayload:
        book, key = _record(info, id)
        await info.context.custodian.disown(info.context.principal, book, key, path="reportNotMine")
        return DonePayload(id=id)

    @strawberry.mutation(
        description="Show a hidden record again. NOT_FOUND when it is not hidden, or no record of yours; "
        "STEP_UP_REQUIRED when the login is too weak or too long ago."
    )
    async def lift_restriction(self, info: Info, id: RecordId) -> DonePayload:
        book, key = _record(info, id)
        await service.lift(info.context.custodian, info.context.principal, book, key, path="liftRestriction")
        return DonePayload(id=id)


def _grant(info: Info, id: str) -> tuple[bytes, bytes]:
    return info.context.ids.grant_key(id) or (NOBODY, b"")


def _record(info: Info, id: str) -> tuple[bytes, bytes]:
    return info.context.ids.record_key(id) or (NOBODY, b"")
