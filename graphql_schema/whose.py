"""What the roots about somebody's book share: whose it is, and that it is done."""

from __future__ import annotations

from typing import Annotated

import strawberry

from graphql_schema.context import Info


@strawberry.type(description="It is done.")
class DonePayload:
    id: strawberry.ID = strawberry.field(description="What it was done to.")


ForPatient = Annotated[strawberry.ID | None, strawberry.argument(description="Whose book; your own when left out.")]
NOBODY = b"\x00" * 16
"""Key of a book that nobody has, since keys are random. A text that is no id takes the same way as a stranger's id: to
the custodian, who looks for it, refuses it and writes it down (standards row E3)."""


def book_of(info: Info, patient: strawberry.ID | None) -> bytes | None:
    """The key behind `patient`, the caller's own when none is given; for a made-up id a key that no book has."""
    if patient is None:
        return info.context.principal.patient_id
    return info.context.ids.patient_key(patient) or NOBODY
