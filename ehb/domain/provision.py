"""The words of a decision: what is asked, on which grounds, and what one ground says about it.

Everything that can open or close a book (a consent, a presentation, a guardianship, an emergency, a statutory task,
a third party's approval) says so in provisions, and `ehb.domain.access.decide` folds them. The one invariant: a
provision is data; nothing here decides.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ehb.domain.assurance import USUAL, Assurance
from ehb.domain.identity import Principal
from ehb.domain.selection import EVERYTHING, Selection


class Purpose(enum.StrEnum):
    """Why somebody asks (HL7 v3-ActReason codes as values)."""

    PATIENT_REQUEST = "PATRQT"
    FAMILY_REQUEST = "FAMRQT"
    TREATMENT = "TREAT"
    EMERGENCY_TREATMENT = "ETREAT"
    PUBLIC_HEALTH = "PUBHLTH"
    RESEARCH = "HRESCH"
    PAYMENT = "HPAYMT"
    ADMINISTRATION = "PATADMIN"


class Action(enum.StrEnum):
    """What somebody asks to do."""

    READ = "READ"
    """Open records of one person's book."""
    DOWNLOAD = "DOWNLOAD"
    """Take records of one person's book away as a file."""
    RESHARE = "RESHARE"
    """Pass records on to somebody else."""
    PREVIEW = "PREVIEW"
    """See what somebody else would be shown of the own book."""
    SIGN_IN = "SIGN_IN"
    """Find or open the book of the person whom the eID just vouched for."""
    GIVE_CONSENT = "GIVE_CONSENT"
    """Say who may see what, or may not."""
    WITHDRAW_CONSENT = "WITHDRAW_CONSENT"
    """Take back what was said."""
    READ_CONSENTS = "READ_CONSENTS"
    """See what was said about a book."""
    PRESENT = "PRESENT"
    """Show part of the own book to the clinician in front of one, see the showings, end one."""
    OPEN_PRESENTATION = "OPEN_PRESENTATION"
    """Open what is being shown."""
    OPEN_EMERGENCY = "OPEN_EMERGENCY"
    """Open a book to save life or health."""
    END_EMERGENCY = "END_EMERGENCY"
    """End an emergency opening of the own book."""
    REVIEW_EMERGENCY = "REVIEW_EMERGENCY"
    """Judge emergency openings afterwards."""
    APPOINT_GUARDIAN = "APPOINT_GUARDIAN"
    """Enter or end a guardianship that was proven."""
    DISOWN_VISIT = "DISOWN_VISIT"
    """Say that a visit in the own book is somebody else's."""
    READ_TRAIL = "READ_TRAIL"
    """See who asked for a book."""
    DISPUTE = "DISPUTE"
    """Object to a line of the trail."""
    LIST_DISPUTES = "LIST_DISPUTES"
    """See which lines of the trail people object to."""
    FIND_PATIENT = "FIND_PATIENT"
    """Turn a number into the id of a book, whether or not there is one; opens nothing."""
    SUBMIT = "SUBMIT"
    """Append records that a facility made; opens nothing."""
    RETRACT = "RETRACT"
    """Take back an own submission that was entered in error."""
    READ_RECEIPT = "READ_RECEIPT"
    """See the outcome of own submissions."""
    LIST_WAITING = "LIST_WAITING"
    """See which submissions wait for an identity; opens nothing of them."""
    RESOLVE_IDENTITY = "RESOLVE_IDENTITY"
    """Say whose a waiting submission is."""
    MERGE_PEOPLE = "MERGE_PEOPLE"
    """Let two people who are one share a book, or undo it."""


class Ground(enum.StrEnum):
    """The legal ground that a permit rests on."""

    OWN_BOOK = "OWN_BOOK"
    """The person's own data (Decree 102/2025 Art 10, class of data subject)."""
    OWN_IDENTITY = "OWN_IDENTITY"
    """The eID vouched for this very person."""
    REPRESENTATION = "REPRESENTATION"
    """The legal representative of a minor or ward (Law 91/2025 Art 24, Law 15/2023 Art 8)."""
    CONSENT = "CONSENT"
    """The person agreed, for this purpose (Law 91/2025 Art 9 and 26)."""
    PRESENTATION = "PRESENTATION"
    """The person shows the book to the clinician in front of them (QD 2733 step 2)."""
    EMERGENCY = "EMERGENCY"
    """Urgent protection of life or health (Law 91/2025 Art 19.1a)."""
    STATUTORY_TASK = "STATUTORY_TASK"
    """A state body within its functions and tasks (Decree 102/2025 Art 10.2)."""
    THIRD_PARTY = "THIRD_PARTY"
    """Both the managing unit and the person agreed (Decree 102/2025 Art 10.2c)."""
    CARE_ROLE = "CARE_ROLE"
    """A practitioner whose licence and facility the registry knows as in force (Law 15/2023)."""
    DUTY_TO_SUBMIT = "DUTY_TO_SUBMIT"
    """A lawful facility must feed the health book (Decree 102/2025 Art 10.5b, Art 23)."""
    STEWARDSHIP = "STEWARDSHIP"
    """The managing unit corrects what was found wrong (Decree 102/2025 Art 24)."""


class DenyReason(enum.StrEnum):
    """Why not. For the trail and for the person whose book it is, never for the outside."""

    NOT_SIGNED_IN = "NOT_SIGNED_IN"
    NO_LEGAL_GROUND = "NO_LEGAL_GROUND"
    BLOCKED = "BLOCKED"
    """The person keeps this clinician, facility or person out."""
    ROLE_NOT_IN_FORCE = "ROLE_NOT_IN_FORCE"
    """The registry no longer knows the caller as a practitioner of that facility."""
    USED_UP = "USED_UP"
    """The consent was for a number of openings, and they are used."""
    EXCEPTED = "EXCEPTED"
    """The consent that would open it leaves it out."""
    SENSITIVE = "SENSITIVE"
    """It is labelled, and nothing that would open it names the label."""
    NOT_PRESENTED = "NOT_PRESENTED"
    """What was to be opened is not shown, is over, or belongs to somebody else."""
    WRONG_PASSCODE = "WRONG_PASSCODE"
    OWN_REVIEW = "OWN_REVIEW"
    """Nobody reviews what they did themselves."""
    STEP_UP = "STEP_UP"
    """The login is too weak or too long ago for this."""
    TOO_OFTEN = "TOO_OFTEN"
    """More in an hour than anybody needs."""
    DELEGATED = "DELEGATED"
    """A facility's system acts for a practitioner in treating somebody else, and in nothing more."""
    OTHER_FACILITY = "OTHER_FACILITY"
    FACILITY_SUSPENDED = "FACILITY_SUSPENDED"
    DENIED = "DENIED"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One question: may this principal do this, for this purpose, to this person or for this facility?"""

    principal: Principal
    action: Action
    purpose: Purpose
    patient_id: bytes | None = None
    facility: str | None = None
    suspended: bool = False
    """The registry does not know the principal's facility as in force today."""
    role_in_force: bool = False
    """The registry knows the principal's role today: licence valid, employed at the facility, facility in force."""
    now: datetime | None = None
    """The moment that validity is judged by; None is never within any validity."""
    opens_more: bool = False
    """It opens a book to somebody, or takes records away: it needs a fresh and strong login."""
    assurance: Assurance = USUAL
    """What a login must be here."""

    @property
    def about_oneself(self) -> bool:
        """A person asks about their own book."""
        return self.principal.patient_id is not None and self.principal.patient_id == self.patient_id


class Provision(msgspec.Struct, frozen=True):
    """What one ground says about one request: this part is open, or this part stays closed.

    A permit opens what `select` holds, without what one of `exceptions` holds, and of the labelled records only
    those all of whose labels it names (`labels`; None names all). A deny closes what `select` holds, or with
    `without` just those fields of it.
    """

    permit: bool
    ground: Ground
    select: Selection = EVERYTHING
    exceptions: tuple[Selection, ...] = ()
    labels: frozenset[str] | None = frozenset()
    without: frozenset[str] = frozenset()
    """Fields that are left out of the records."""
    source: bytes | None = None
    """Which consent, presentation, guardianship or emergency says so (its id); None for the law itself."""
    limited: bool = False
    """The source is for a number of openings, and this would be one of them."""
    reason: DenyReason | None = None
    """For a deny: why."""

    @property
    def closes_all(self) -> bool:
        return not self.permit and self.select.is_everything and not self.without

    def covers(self, other: Provision) -> bool:
        """Of two permits: whether this one opens all that the other can open, each record with as much of it."""
        named, others = self.labels, other.labels
        return (
            self.without <= other.without
            and (named is None or (others is not None and others <= named))
            and self.select.covers(other.select)
            and all(exception in other.exceptions for exception in self.exceptions)
        )
