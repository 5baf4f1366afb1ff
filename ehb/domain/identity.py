"""Who a person is, and who is calling.

Owns the words for identifiers, for the identity that an eID provider vouches for, and for the
principal of a request. Leaves storage to `ehb.store.people` and login to `auth`.

The one invariant: a person is known by a random key, never by a number. Numbers are attributes that
can change, be cancelled and be re-issued (domain facts §3.1), so every number has a validity.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from ehb.domain.coding import Coding

NATIONAL_ID = "http://fhir.ehealth.gov.vn/core/sid/national_id"
OLD_NATIONAL_ID = "http://fhir.ehealth.gov.vn/core/sid/citizen_id"
PASSPORT = "http://fhir.ehealth.gov.vn/core/sid/passport_number"
INSURANCE = "http://fhir.ehealth.gov.vn/core/sid/insurance_number"
NEWBORN = "urn:ehb:newborn"
"""A child who has no number yet: the mother's social-insurance number and the minute of birth, as both the visit
and the birth certificate give them."""

_TWELVE_DIGITS = re.compile(r"[0-9]{12}")
_NINE_DIGITS = re.compile(r"[0-9]{9}")
_ACCOUNT_CODE = re.compile(r"(?=[0-9]*[A-Z])[A-Z0-9]{5,15}")
_CARD = re.compile(r"(?:[A-Z]{2}[0-9]{3}|[0-9A-Z]{5})?[0-9]{10}")
_TEMPORARY_CARD = re.compile(r"[A-Z]{2}[0-9]{3}(?=[0-9]*[A-Z])[0-9A-Z]{10}")
_FOREIGN_DIGITS = re.compile(r"[0-9]{5,11}")


class PrincipalKind(enum.StrEnum):
    """The kinds of caller; a new kind starts with no right at all."""

    ANONYMOUS = "ANONYMOUS"
    CITIZEN = "CITIZEN"
    FACILITY = "FACILITY"
    STEWARD = "STEWARD"
    """Somebody of the data-managing unit who keeps identities right; opens no book."""


@dataclass(frozen=True, slots=True)
class PractitionerRole:
    """In which capacity a person works now (FHIR PractitionerRole): by the registry, chosen by the person."""

    licence: str
    """Key of the practising licence."""
    facility: str
    scope: str = ""
    """Scope of practice, folded."""
    owner: bytes = field(default=b"", repr=False)
    """Blind index of the holder's number in the register; compared with the register at each decision."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request. It carries no name and no number, so it may be logged by `session`."""

    kind: PrincipalKind
    patient_id: bytes | None = None
    """The caller's own book (16 bytes), for people."""
    facility: str | None = None
    """Code of the facility that the client speaks for."""
    roles: tuple[PractitionerRole, ...] = ()
    """For a person whom the registry knew as a practitioner when they signed in: all that they may work as."""
    role: PractitionerRole | None = None
    """The one of them that this request is made in: the only one, or the one that the request names."""
    organization: str | None = None
    """A state body or a third party; nobody can sign in as one yet."""
    client_id: str | None = None
    assurance_level: int = 0
    """Level of the electronic identity, 0 (none) to 4 (Decree 69/2024 Art 20)."""
    authenticated_at: datetime | None = None
    """When the person proved themselves to the eID (`auth_time`); None when it did not say."""
    actor: str | None = None
    """The facility's system that acts for the person (RFC 8693 `act`); None for the person themselves."""
    session: str = ""
    """A pseudonym of the login: the same for all requests of one session, meaningless elsewhere."""


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who came through the door: the key of their book, and what the registry lets them work as."""

    patient_id: bytes
    roles: tuple[PractitionerRole, ...] = ()


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number that somebody issued for a person. `value` is normalised for comparison."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class ElectronicIdentity:
    """What the national eID vouched for at one login. (issuer, subject) is the account; the rest may change."""

    issuer: str
    subject: str
    national_id: str | None
    full_name: str | None
    birth_date: str | None
    assurance_level: int
    authenticated_at: datetime | None
    """When they proved themselves there; None when the eID does not say, which is never recent."""
    old_national_id: str | None = None
    """The 9-digit number that the eID still knows: visits before the change carry it."""
    session_id: str | None = None
    """The eID's own name of its session (`sid`), by which it may tell us later that this session ended."""

    def identifiers(self) -> tuple[Identifier, ...]:
        """The numbers that the eID vouched for, the one in force first; text that is no number of that kind is none."""
        found: list[Identifier] = []
        for system, text in ((NATIONAL_ID, self.national_id), (OLD_NATIONAL_ID, self.old_national_id)):
            try:
                identifier = identifier_from(text or "")
            except UnusableIdentifier:
                continue
            if identifier is not None and identifier.system == system:
                found.append(identifier)
        return tuple(found)


class Source(enum.StrEnum):
    """The source of an assertion about a person, the strongest first."""

    EID = "EID"
    """The national eID, at a login of the person."""
    STEWARD = "STEWARD"
    """A steward of the managing unit, with a proof on paper."""
    FACILITY = "FACILITY"
    """A visit that a facility sent."""


class Assertion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement about a person: which attribute, which value, who said it and when.

    `attribute` is a field of `Patient`; `by` is the facility's code; `since` is a date (YYYY-MM-DD).
    """

    attribute: str
    value: str
    source: Source
    since: str
    by: str = ""


class HeldIdentifier(msgspec.Struct, frozen=True, omit_defaults=True):
    """An identifier in a person's history: since when we know it, until when it was theirs, and who said so.

    `source` is None for what was learned before sources were kept: it may have come by a login or by a file.
    """

    system: str
    value: str
    since: str
    until: str | None = None
    source: Source | None = None


class Patient(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The person of a book (QD 31 group a). Sealed as a whole.

    `vouched` says that the eID gave name and birth date; what a facility wrote never replaces that. `assertions` are
    the statements of stewards and facilities about attributes that decide who somebody is or how old they are.
    """

    full_name: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    nationality: str | None = None
    ethnicity: Coding | None = None
    occupation: str | None = None
    address: str | None = None
    province: Coding | None = None
    commune: Coding | None = None
    phone: str | None = None
    vouched: bool = False
    identifiers: tuple[HeldIdentifier, ...] = ()
    assertions: tuple[Assertion, ...] = ()

    @property
    def is_vouched(self) -> bool:
        """The eID has vouched for this person at a login: the book has an owner."""
        return self.vouched or any(one.source is Source.EID for one in self.identifiers)

    @property
    def is_proven(self) -> bool:
        """The birth date comes from the eID or from a steward with a proof."""
        return self.vouched or any(
            one.attribute == "birth_date" and one.source is Source.STEWARD for one in self.assertions
        )

    def identifier(self, system: str) -> str | None:
        """The newest identifier of one system that is still theirs."""
        held = (one for one in reversed(self.identifiers) if one.system == system and one.until is None)
        return next((one.value for one in held), None)


class UnusableIdentifier(ValueError):
    """The text can be no identifier that this country issues. The text itself is never in the message."""


class PlaceholderNumber(UnusableIdentifier):
    """The text has the form of a number, but software writes it where no number is known."""


PLACEHOLDER_NUMBERS = frozenset(
    {
        *(digit * length for digit in "0123456789" for length in (9, 10, 12)),
        "012345678901",
        "123456789",
        "1234567890",
        "123456789012",
        "012345678",
        "0123456789",
        "987654321",
        "9876543210",
        "987654321098",
        "987654321012",
        "999999999998",
        "121212121212",
        "123123123123",
        "123412341234",
        "123456123456",
        "001001001001",
        "000000000001",
        "000000001",
        "0000000001",
        "100000000000",
        "100000000",
        "1000000000",
    }
)
"""Numbers that software writes into a field that must not be empty. Nobody is known by one of them."""


def identifier_from(text: str, *, nationality: str = "000") -> Identifier | None:
    """The identifier that a SO_CCCD field holds: 12-digit number, old 9-digit number, passport or account code.

    `nationality` is MA_QUOCTICH (000 is Viet Nam): nine digits are an old citizen number for a Vietnamese and a
    passport for somebody else, and a passport number is only unique inside its country.
    Returns None for an empty field. Raises UnusableIdentifier for text that can be none of them (a number
    with 13 digits, say): that is a typing error the sender can mend. Raises PlaceholderNumber for twelve zeros and
    their like.
    """
    value = "".join(unicodedata.normalize("NFKC", text).upper().split()).replace(".", "").replace("-", "")
    if not value:
        return None
    if value in PLACEHOLDER_NUMBERS:
        raise PlaceholderNumber
    if _TWELVE_DIGITS.fullmatch(value):
        return Identifier(NATIONAL_ID, value)
    nationality = nationality.strip().upper()
    foreign = nationality not in ("", "000", "00", "VN", "VNM")
    if not foreign and _NINE_DIGITS.fullmatch(value):
        return Identifier(OLD_NATIONAL_ID, value)
    if _ACCOUNT_CODE.fullmatch(value) or (foreign and _FOREIGN_DIGITS.fullmatch(value)):
        return Identifier(PASSPORT, f"{nationality}:{value}" if foreign else value)
    raise UnusableIdentifier


def card_from(text: str) -> Identifier | None:
    """The social-insurance number on an insurance card, old (15 characters) or new (10 digits); None for other text.

    The last ten characters are the same on the old and the new card, so either finds its person. A temporary card,
    such as a newborn's, has letters among them and stands for itself.
    """
    number = "".join(text.upper().split()).replace("-", "")
    if _CARD.fullmatch(number):
        return None if number[-10:] in PLACEHOLDER_NUMBERS else Identifier(INSURANCE, number[-10:])
    return Identifier(INSURANCE, number) if _TEMPORARY_CARD.fullmatch(number) else None


def newborn_from(mother: Identifier, born: str) -> Identifier:
    """A child who has no number yet, by the mother's social-insurance number and the minute of birth (RFC 3339)."""
    return Identifier(NEWBORN, f"{mother.value} {born}")
