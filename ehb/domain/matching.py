"""Patient matching: which person a visit or a login is about, and whose word counts.

Pure functions over assertions (docs/who-is-who.md has the same rules as a table of cases). A login owns only the book
that its account or its national number was vouched for. A number in a file claims a visit for a person; it never
joins two people, and it never teaches a vouched person a number. Doubt is an answer of its own: the visit waits.

Not responsible for: looking people up, writing, and the words of the problems (`identity_problems`).
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ehb.domain.identity import (
    NATIONAL_ID,
    NEWBORN,
    OLD_NATIONAL_ID,
    PASSPORT,
    ElectronicIdentity,
    Identifier,
    Patient,
    Source,
)
from ehb.domain.submission import PatientDetails

_ORDER_OF_TRUST = (NATIONAL_ID, PASSPORT, NEWBORN, OLD_NATIONAL_ID)
_UNNAMED = frozenset({"con", "be", "so", "tre", "baby", "newborn", "infant"})
"""First words of the names that a newborn bears before it has one, without tone marks: "Con bà …", "Bé gái"."""


class Agreement(enum.Enum):
    """How two statements about one attribute relate."""

    SAME = enum.auto()
    UNKNOWN = enum.auto()
    """One of them is missing, or says nothing that could be compared."""
    DIFFERENT = enum.auto()


class Doubt(enum.StrEnum):
    """Why a visit waits although it names a number or a card; stable codes of problems."""

    TWO_NUMBERS = "identity.two_numbers"
    """It names two national numbers that are not known as one person's."""
    DIGITS = "identity.number_contradicts"
    """The digits of its number say another sex or year of birth than the visit."""
    OTHER_PERSON = "identity.other_person"
    """The person of this number has another name and birth date."""
    OLD_NUMBER = "identity.old_number_alone"
    """An old nine-digit number, with too little beside it that agrees."""
    CARD_OF_ANOTHER = "identity.card_of_another"
    """Its number and its insurance card belong to two people."""


class Warned(enum.StrEnum):
    """What a visit says about its person and is not believed; stable codes of problems."""

    BIRTH_DATE = "identity.differs"
    NAME = "identity.name_differs"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a description agrees with a person, attribute by attribute."""

    birth: Agreement
    name: Agreement
    sex: Agreement
    same_day: bool
    """Both birth dates are known to the day and are the same day."""

    @property
    def allows_number(self) -> bool:
        """A visit with this person's number may be theirs: the birth date may be mistyped, the name may not.

        Twins and parents with children are mixed up at a desk; they have other given names.
        """
        if self.name is Agreement.SAME:
            return not (self.birth is Agreement.DIFFERENT and self.sex is Agreement.DIFFERENT)
        return self.name is Agreement.UNKNOWN and self.birth is not Agreement.DIFFERENT

    @property
    def supports_weak_key(self) -> bool:
        """An old number may stand for this person: something agrees and nothing contradicts."""
        contradicts = Agreement.DIFFERENT in (self.birth, self.name, self.sex)
        return not contradicts and (self.name is Agreement.SAME or self.same_day)

    @property
    def is_complete(self) -> bool:
        """Name and day of birth both agree: enough for a card, and for an old number of a vouched person."""
        return self.name is Agreement.SAME and self.same_day and self.sex is not Agreement.DIFFERENT

    @property
    def allows_login(self) -> bool:
        """The eID's person may own what files claimed under their number: one contradiction needs one agreement."""
        return not self.contradicts or Agreement.SAME in (self.birth, self.name)

    @property
    def contradicts(self) -> bool:
        """Name or birth date are known and different."""
        return Agreement.DIFFERENT in (self.birth, self.name)

    @property
    def is_other_person(self) -> bool:
        """Name and birth date are both known and both different."""
        return self.birth is Agreement.DIFFERENT and self.name is Agreement.DIFFERENT


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has found: the person behind each known key, and the patient of each of these people."""

    owners: Mapping[Identifier, bytes]
    patients: Mapping[bytes, Patient]
    books: Mapping[bytes, frozenset[bytes]] = field(default_factory=dict)
    """By person: all people who share their book, by a steward's merge."""

    def owner(self, identifier: Identifier) -> bytes | None:
        """The person behind a key, when they are known and their book was not erased."""
        found = self.owners.get(identifier)
        return found if found in self.patients else None

    def share_book(self, one: bytes, other: bytes) -> bool:
        return one == other or other in self.books.get(one, frozenset())


@dataclass(frozen=True, slots=True)
class Match:
    """The person whom a visit is about. `person` is None for somebody new; `learn` are their new identifiers."""

    person: bytes | None
    learn: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Why a visit is nobody's yet. `person` is who has its number."""

    doubts: frozenset[Doubt]
    person: bytes | None = None


def match_visit(details: PatientDetails, known: Known) -> Match | Uncertain | None:
    """The person of a visit, or why it is doubtful; None when nothing in it identifies anybody."""
    if not details.identifiers:
        return _match_cards(details, known)
    primary = min(details.identifiers, key=lambda one: _ORDER_OF_TRUST.index(one.system))
    doubts = _doubt_numbers(details, known)
    person = known.owner(primary)
    if person is None:
        newborn = _newborn_of(details, primary, known)
        if newborn is not None:
            return Uncertain(frozenset(doubts), newborn) if doubts else Match(newborn, (primary,))
        doubts |= _doubt_digits(primary, details)
    else:
        doubts |= _doubt_person(primary, details, known.patients[person])
    cards = _cards_of_others(details, person, primary, known)
    doubts |= {Doubt.CARD_OF_ANOTHER for card in cards if compare(known.patients[card], details).contradicts}
    if doubts:
        return Uncertain(frozenset(doubts), person)
    if person is not None and known.patients[person].is_vouched:
        return Match(person)
    fresh_cards = [card for card in details.cards if card not in known.owners]
    fresh_newborn = [one for one in details.identifiers if one.system == NEWBORN and one not in known.owners]
    first = [primary] if person is None and primary.system != NEWBORN else []
    return Match(person, (*first, *fresh_newborn, *fresh_cards))


def _match_cards(details: PatientDetails, known: Known) -> Match | None:
    """The person of an insurance card, when name and day of birth agree: a card lies in other hands, too."""
    owners = {owner for card in details.cards if (owner := known.owner(card)) is not None}
    fitting = [owner for owner in owners if compare(known.patients[owner], details).is_complete]
    if not fitting or any(not known.share_book(fitting[0], owner) for owner in owners):
        return None
    return Match(min(fitting))


def _doubt_numbers(details: PatientDetails, known: Known) -> set[Doubt]:
    """Two national numbers are one person's only when the book knows them as such already.

    A passport of another person stands beside a national number only when name and day of birth agree.
    """
    numbers = list(dict.fromkeys(one for one in details.identifiers if one.system == NATIONAL_ID))
    owners = [known.owner(one) for one in numbers]
    first = owners[0] if owners else None
    alike = all(owner is not None and first is not None and known.share_book(first, owner) for owner in owners)
    if len(numbers) > 1 and not alike:
        return {Doubt.TWO_NUMBERS}
    for one in details.identifiers if numbers else ():
        holder = known.owner(one) if one.system == PASSPORT else None
        if holder is None or (first is not None and known.share_book(first, holder)):
            continue
        if not compare(known.patients[holder], details).is_complete:
            return {Doubt.TWO_NUMBERS}
    return set()


def _doubt_digits(number: Identifier, details: PatientDetails) -> set[Doubt]:
    """The digits of a national number beside the sex and the year of birth that the visit states."""
    said = facts_in(number)
    if said is None:
        return set()
    sex, year = said
    other_sex = details.sex in ("male", "female") and details.sex != sex
    other_year = details.birth_date is not None and details.birth_date[:4] != year
    return {Doubt.DIGITS} if other_sex or other_year else set()


def _doubt_person(key: Identifier, details: PatientDetails, patient: Patient) -> set[Doubt]:
    """Whether the person behind the key of a visit can be the person whom it describes."""
    found = compare(patient, details)
    if key.system == OLD_NATIONAL_ID:
        enough = found.is_complete if patient.is_vouched else found.supports_weak_key
        return set() if enough else {Doubt.OLD_NUMBER}
    if key.system == NEWBORN:
        return set() if found.same_day and not patient.is_vouched else {Doubt.OTHER_PERSON}
    doubts = set() if found.allows_number else {Doubt.OTHER_PERSON}
    return doubts if patient.is_proven or _is_confirmed(key, patient) else doubts | _doubt_digits(key, details)


def _is_confirmed(number: Identifier, patient: Patient) -> bool:
    """Whether a steward or the eID has said that this number is the patient's."""
    held = (one for one in patient.identifiers if (one.system, one.value) == (number.system, number.value))
    return any(one.source in (Source.EID, Source.STEWARD) for one in held)


def _newborn_of(details: PatientDetails, primary: Identifier, known: Known) -> bytes | None:
    """The child without a number to whom a first number is given, by mother and minute of birth."""
    if primary.system != NATIONAL_ID or _doubt_digits(primary, details):
        return None
    for one in details.identifiers:
        person = known.owner(one) if one.system == NEWBORN else None
        if person is not None:
            patient = known.patients[person]
            unnumbered = not patient.is_vouched and patient.identifier(NATIONAL_ID) is None
            return person if unnumbered and compare(patient, details).same_day else None
    return None


def _cards_of_others(details: PatientDetails, person: bytes | None, primary: Identifier, known: Known) -> list[bytes]:
    """The owners of the visit's cards who are not its person. A newborn comes with the mother's card."""
    if primary.system == NEWBORN:
        return []
    owners = [owner for card in details.cards if (owner := known.owner(card)) is not None]
    return [owner for owner in owners if person is None or not known.share_book(person, owner)]


@dataclass(frozen=True, slots=True)
class LoginMatch:
    """Whose book a login owns.

    `person` is None for a new book. `learn` are identifiers that lead to it from now on. `join` are people known from
    files alone whose books it shares. `doubts` are people whom the eID's numbers name and who do not fit.
    """

    person: bytes | None
    learn: tuple[Identifier, ...]
    join: tuple[bytes, ...] = ()
    doubts: tuple[bytes, ...] = ()


def match_login(identity: ElectronicIdentity, account: Identifier, known: Known) -> LoginMatch:
    """The book of a login: of its account, else of its national number, else a new one.

    People known from files alone join when they do not contradict the eID. Those who contradict it keep what came
    under the number, and the number leads to its owner from then on.
    """
    number, *others = identity.identifiers() or (None,)
    person = known.owner(account)
    owner = known.owner(number) if number is not None else None
    join: list[bytes] = []
    doubts: list[bytes] = []
    learn = [] if person is not None else [account]
    if number is not None and owner is None:
        learn.append(number)
    elif number is not None and owner is not None and owner != person:
        patient = known.patients[owner]
        if patient.is_vouched:
            if person is None and _vouched_for(number, patient):
                person = owner
            else:
                doubts.append(owner)
                if not _vouched_for(number, patient):
                    learn.append(number)
        elif not compare_login(patient, identity).allows_login:
            doubts.append(owner)
            learn.append(number)
        elif person is None:
            person = owner
        else:
            join.append(owner)
    for one in others:
        holder = known.owner(one)
        if holder is None:
            learn.append(one)
        elif holder != person and holder not in (*join, *doubts):
            patient = known.patients[holder]
            fits = not patient.is_vouched and compare_login(patient, identity).supports_weak_key
            if fits and person is None and owner is None:
                person = holder
            elif fits:
                join.append(holder)
            else:
                doubts.append(holder)
    join = [one for one in join if person is None or not known.share_book(person, one)]
    doubts = [one for one in doubts if person is None or not known.share_book(person, one)]
    return LoginMatch(person, tuple(learn), tuple(join), tuple(doubts))


def _vouched_for(number: Identifier, patient: Patient) -> bool:
    """Whether the eID vouched for this number of the patient.

    Numbers of before sources were kept count when no other national number stands beside them: a second one may have
    come by a file.
    """
    held = [one for one in patient.identifiers if one.system == number.system]
    if any(one.value == number.value and one.source is Source.EID for one in held):
        return True
    return [(one.value, one.source) for one in held] == [(number.value, None)]


def compare(patient: Patient, details: PatientDetails) -> Comparison:
    """A visit's description beside what is known of a person."""
    return _compared(
        (patient.full_name, patient.birth_date, patient.sex), (details.full_name, details.birth_date, details.sex)
    )


def compare_login(patient: Patient, identity: ElectronicIdentity) -> Comparison:
    """What the eID says beside what files said of a person.

    Where the eID gives no birth date, the year in the national number counts.
    """
    numbers = (one for one in identity.identifiers() if one.system == NATIONAL_ID)
    facts = next((facts_in(one) for one in numbers), None)
    born = identity.birth_date or (facts[1] if facts else None)
    return _compared((patient.full_name, patient.birth_date, None), (identity.full_name, born, None))


def _compared(
    known: tuple[str | None, str | None, str | None], given: tuple[str | None, str | None, str | None]
) -> Comparison:
    birth, same_day = compare_births(known[1], given[1])
    sexes = {known[2], given[2]}
    sex = Agreement.UNKNOWN
    if sexes <= {"male", "female"}:
        sex = Agreement.SAME if len(sexes) == 1 else Agreement.DIFFERENT
    return Comparison(birth, compare_names(known[0], given[0]), sex, same_day)


def compare_births(known: str | None, given: str | None) -> tuple[Agreement, bool]:
    """Two birth dates, each as precise as it is; and whether both name the same day."""
    one, other = (known or "")[:10], (given or "")[:10]
    if not one or not other:
        return Agreement.UNKNOWN, False
    if one.startswith(other) or other.startswith(one):
        return Agreement.SAME, one == other and len(one) == 10
    return Agreement.DIFFERENT, False


def compare_names(known: str | None, given: str | None) -> Agreement:
    """Two names without case, tone marks and order of words; one letter may be mistyped, a middle name left out.

    Where the given name alone agrees (its last word), nothing is certain: names are abbreviated and change.
    """
    one, other = _words(known), _words(given)
    if not one or not other or one[0] in _UNNAMED or other[0] in _UNNAMED:
        return Agreement.UNKNOWN
    if sorted(one) == sorted(other) or _is_within_one_letter(" ".join(one), " ".join(other)):
        return Agreement.SAME
    short, long = sorted((one, other), key=len)
    if len(short) > 1 and (short[0], short[-1]) == (long[0], long[-1]) and set(short) <= set(long):
        return Agreement.SAME
    return Agreement.UNKNOWN if one[-1] == other[-1] else Agreement.DIFFERENT


def is_other_spelling(known: str | None, given: str | None) -> bool:
    """Two real names that do not agree as a whole."""
    unnamed = compare_names(known, known) is Agreement.UNKNOWN or compare_names(given, given) is Agreement.UNKNOWN
    return not unnamed and compare_names(known, given) is not Agreement.SAME


def _words(name: str | None) -> list[str]:
    letters = unicodedata.normalize("NFD", (name or "").casefold().replace("đ", "d"))
    bare = "".join(one if one.isalnum() else " " for one in letters if not unicodedata.combining(one))
    return bare.split()


def _is_within_one_letter(one: str, other: str) -> bool:
    """At most one letter is other, too many or missing."""
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    at = next((index for index, letter in enumerate(short) if letter != long[index]), len(short))
    return short[at + (len(short) == len(long)) :] == long[at + 1 :]


def facts_in(number: Identifier) -> tuple[str, str] | None:
    """Sex and year of birth in the digits of a national number (Decree 137/2015; TT 07/2016/TT-BCA); None for others.

    The fourth digit is century and sex, from 0 and 1 for men and women of the 1900s; two digits of the year follow.
    """
    return facts_in_digits(number.value) if number.system == NATIONAL_ID else None


def facts_in_digits(value: str) -> tuple[str, str]:
    """Sex and year of birth in the twelve digits of a national number."""
    century, sex = divmod(int(value[3]), 2)
    return ("female" if sex else "male"), f"{19 + century}{value[4:6]}"


def closing_birth_date(patients: Sequence[Patient], proofs: Sequence[str | None] = ()) -> str | None:
    """The birth date by which rights are decided (guardianship, ages of consent, sensitive records).

    The eID's counts first, then what a steward has seen on paper (`proofs` of guardianships among it). Where only
    facilities speak and they disagree, the earliest date counts: the older person is closed to others.
    """
    vouched = next((one.birth_date for one in patients if one.vouched and one.birth_date), None)
    if vouched is not None:
        return vouched
    said = [one for patient in patients for one in patient.assertions if one.attribute == "birth_date"]
    proven = [*(one.value for one in said if one.source is Source.STEWARD), *(one for one in proofs if one)]
    dates = proven or [*(one.value for one in said), *(one.birth_date for one in patients if one.birth_date)]
    return min(dates, key=lambda date: f"{date[:10]}-01-01"[:10], default=None)
