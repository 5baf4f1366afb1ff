"""The terms of a consent as clients give them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import strawberry

from ehb.domain import consent as domain
from ehb.domain.consent_terms import Terms, block_purposes
from ehb.domain.provision import Action, Purpose
from ehb.domain.records import BOOK_OF, Book, Section
from ehb.domain.selection import Selection
from ehb.errors import BadInput, NotFound
from graphql_schema.context import Info
from graphql_schema.elements import described

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
    {
        "READ": "See records.",
        "DOWNLOAD": "Take records away as a file: nothing does so yet, so it cannot be permitted.",
        "RESHARE": "Pass records on: nothing does so yet, so it cannot be permitted.",
    },
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
    grantee_label: str = strawberry.field(
        description="For a PERSON: your own words for them, such as `my wife`; kept sealed, shown to you alone.",
        default="",
    )
    purposes: list[Purpose] | None = _maybe("For which purposes. A deny without any keeps out all but emergencies.")
    actions: list[ConsentAction] | None = _maybe(
        "READ, which is meant when it is left out; nothing else can be permitted yet. A deny closes everything."
    )
    select: SelectionInput | None = _maybe("Which part of the book; the whole when left out.")
    exceptions: list[SelectionInput] | None = _maybe("Parts that a permit does not open.")
    labels: list[str] | None = _maybe("Sensitivity labels that a permit opens too; none when left out.")
    without: list[str] | None = _maybe("Fields of records that stay closed, such as note.")
    valid_from: datetime | None = _maybe("From when; now when left out.")
    valid_until: datetime | None = _maybe("Until when. A permit needs an end, within five years.")
    max_uses: int | None = _maybe("For how many openings, all together: root fields that it lets in.")


def terms_of(info: Info, given: ConsentInput, patient_id: bytes | None) -> Terms:
    """The terms. Raises NotFound for an id that is no record of the book, BadInput for a time without offset."""
    default_actions = {Action.READ} if given.permit else domain.READING
    actions = default_actions if given.actions is None else {one.value for one in given.actions}
    purposes = frozenset(given.purposes) if given.purposes is not None else frozenset[Purpose]()
    return Terms(
        permit=given.permit,
        grantee_kind=given.grantee_kind,
        grantee=given.grantee.strip(),
        grantee_label=given.grantee_label,
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


_YEARS = range(1900, 2200)
"""Near the first and the last year that a date can have, a time zone or a sum leads out of all years."""


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise BadInput(vi="Thời điểm phải có múi giờ.", en="A time needs an offset, such as +07:00.")
    if moment is not None and moment.year not in _YEARS:
        raise BadInput(vi="Năm phải từ 1900 đến 2199.", en="A year is between 1900 and 2199.")
    return moment
