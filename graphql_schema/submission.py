"""Submitting a visit by typed input, and taking one back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, cast

import orjson
import strawberry

from ehb.domain.coding import instant_of
from ehb.domain.identity import PlaceholderNumber, UnusableIdentifier, identifier_from
from ehb.domain.records import AnyRecord, Facility, Practitioner, Provenance, Section
from ehb.domain.submission import Draft, PatientDetails, Problem, Severity, VisitSummary
from ehb.services import submission as service
from graphql_schema.context import Info
from graphql_schema.receipt import ReceiptType
from graphql_schema.submission_inputs import RECORD_OF, EntryInput, PatientInput, VisitSummaryInput, attributes

SOURCE = "GraphQL"
LONGEST_EPISODE = 100
"""Characters, as of MA_LK in the national file."""
MOST_RECORDS = 1_000
_NUL = rb"\u0000"


@strawberry.type
class SubmissionMutation:
    """What facilities send."""

    @strawberry.mutation(
        description="Submit a visit, or what a facility knows besides its visit files.", graphql_type=ReceiptType
    )
    async def submit_visit_summary(
        self,
        info: Info,
        input: Annotated[VisitSummaryInput, strawberry.argument(description="The visit.")],
        dry_run: Annotated[bool, strawberry.argument(description="Judge it and store nothing.")] = False,
    ) -> Any:
        body = orjson.dumps(dataclasses.asdict(cast(Any, input)), default=str, option=orjson.OPT_SORT_KEYS)
        visit = visit_from(input, facility=info.context.principal.facility or "", content=body)
        return await service.submit(
            info.context.custodian,
            info.context.principal,
            visit,
            body,
            now=info.context.clock(),
            path="submitVisitSummary",
            dry_run=dry_run,
        )

    @strawberry.mutation(
        description="Take back a visit that was entered in error. It leaves the book at once and stays in its history, "
        "with the reason. CONFLICT when the receipt is not of the newest version.",
        graphql_type=ReceiptType,
    )
    async def retract_submission(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Id of the receipt.")],
        reason: Annotated[str, strawberry.argument(description="Why, for the person whose book it is.")],
    ) -> Any:
        return await service.retract(
            info.context.custodian, info.context.principal, id, reason, path="retractSubmission"
        )


def visit_from(given: VisitSummaryInput, *, facility: str, content: bytes) -> VisitSummary:
    """The visit summary of a typed input; what is wrong with its shape comes as problems."""
    problems: list[Problem] = []
    episode = given.episode.strip()
    if not episode:
        problems.append(_problem("field.required", None, None, "episode"))
    if len(episode) > LONGEST_EPISODE:
        problems.append(_problem("field.length", None, None, "episode"))
    if _NUL in content:
        problems.append(_problem("field.character", None, None, "input"))
    patient = _patient(given.patient, problems)
    drafts = tuple(islice(_drafts(given, facility, problems), MOST_RECORDS + 1))
    if len(drafts) > MOST_RECORDS:
        problems.append(_problem("visit.too_many", None, None, "input"))
    return VisitSummary(
        facility=facility,
        episode=episode[:LONGEST_EPISODE],
        source=SOURCE,
        patient=patient,
        drafts=drafts,
        problems=tuple(problems),
        content=content,
    )


def _patient(given: PatientInput, problems: list[Problem]) -> PatientDetails:
    identifier = None
    try:
        identifier = identifier_from(given.identifier or "", nationality=given.nationality or "000")
    except PlaceholderNumber:
        problems.append(_problem("identifier.placeholder", "patient", None, "identifier", Severity.WARNING))
    except UnusableIdentifier:
        problems.append(_problem("identifier.format", "patient", None, "identifier"))
    if given.birth_date is not None and not _is_time(given.birth_date):
        problems.append(_problem("field.date", "patient", None, "birthDate"))
    return PatientDetails(
        identifiers=(identifier,) if identifier else (),
        full_name=given.full_name,
        birth_date=given.birth_date if given.birth_date and _is_time(given.birth_date) else None,
        sex=given.sex.value if given.sex else None,
        nationality=given.nationality,
        address=given.address,
        phone=given.phone,
    )


def _drafts(given: VisitSummaryInput, facility: str, problems: list[Problem]) -> Iterator[Draft]:
    if given.encounter is not None:
        yield from _draft(given.encounter, Section.ENCOUNTERS, "encounter", 1, facility, problems)
    for section in Section:
        name = section.value.lower()
        for row, entry in enumerate(getattr(given, name, ()), start=1):
            yield from _draft(entry, section, name, row, facility, problems)


def _draft(
    entry: EntryInput, section: Section, name: str, row: int, facility: str, problems: list[Problem]
) -> Iterator[Draft]:
    wrong = [field for field, time in _times(entry) if not _is_time(time)]
    problems.extend(_problem("field.date", name, row, field) for field in wrong)
    if wrong:
        return
    content = attributes(entry)
    licence = content.pop("practitioner", None)
    content.pop("time")
    provenance = Provenance(
        facility=Facility(facility),
        practitioner=Practitioner(licence) if licence else None,
        submitted_at="",
        source=SOURCE,
    )
    record = RECORD_OF[type(entry)](section=section, time=entry.time, provenance=provenance, **content)
    code = record.code
    named = (code.coding[0].code if code.coding else code.text) if code else None
    yield Draft(cast(AnyRecord, record), f"{name}/{named}/{entry.time}", name, row)


def _times(entry: EntryInput) -> Iterator[tuple[str, str]]:
    yield "time", entry.time
    period = getattr(entry, "period", None)
    for field, time in (
        ("period.start", getattr(period, "start", None)),
        ("period.end", getattr(period, "end", None)),
        ("issued", getattr(entry, "issued", None)),
        ("documentDate", getattr(entry, "document_date", None)),
    ):
        if time is not None:
            yield field, time


def _is_time(text: str) -> bool:
    try:
        instant_of(text)
    except (ValueError, OverflowError):
        return False
    return True


_MESSAGES = {
    "field.length": ("Giá trị dài quá quy định.", "The value is longer than allowed."),
    "field.character": ("Văn bản chứa ký tự NUL.", "The text holds a NUL character."),
    "visit.too_many": (
        f"Một lượt gửi có tối đa {MOST_RECORDS} bản ghi.",
        f"One submission has at most {MOST_RECORDS} records.",
    ),
    "field.required": ("Thiếu trường bắt buộc.", "A required field is empty."),
    "identifier.format": (
        "Số định danh phải là 12 số, 9 số, số hộ chiếu hoặc mã tài khoản.",
        "The identifier must be a 12-digit number, a 9-digit number, a passport number or an account code.",
    ),
    "identifier.placeholder": (
        "Đây là số điền tạm, không phải số của người bệnh; hãy gửi số thật hoặc bỏ trống.",
        "This is a placeholder and nobody's number; send the real number or none.",
    ),
    "field.date": (
        "Ngày giờ không tồn tại hoặc sai định dạng YYYY[-MM[-DD[Thh:mm:ss+07:00]]].",
        "The date does not exist or is not YYYY[-MM[-DD[Thh:mm:ss+07:00]]].",
    ),
}


def _problem(rule: str, table: str | None, row: int | None, field: str, severity: Severity = Severity.ERROR) -> Problem:
    vi, en = _MESSAGES[rule]
    return Problem(severity, rule, vi, en, table=table, row=row, field=field)
