"""The access log: lines in plain words, with the public names of who stands in them, and objections."""

from __future__ import annotations

from asyncio import gather
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ehb.custodian import Custodian
from ehb.domain.identity import Principal
from ehb.domain.reason import letters, visible
from ehb.domain.trail import Dispute, Line, TrailPage, TrailQuery
from ehb.domain.trail_words import Who, kind_of, sentence
from ehb.errors import BadInput
from ehb.services.registry import Facilities, Practitioners

MOST_LINES = 100
SHORTEST_REASON, LONGEST_REASON = 3, 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """A line, who stands in it, and both in plain words."""

    line: Line
    who: Who
    text: str


@dataclass(frozen=True, slots=True)
class Names:
    """The public registry, as far as lines name somebody in it."""

    facilities: Facilities
    practitioners: Practitioners


async def lines(
    custodian: Custodian,
    names: Names,
    principal: Principal,
    patient_id: bytes | None,
    query: TrailQuery,
    *,
    language: str,
    path: str,
) -> tuple[list[Told], TrailPage]:
    """A page of a book's access log in words, newest first, and the page itself. Raises Forbidden and BadInput."""
    if not 1 <= query.first <= MOST_LINES:
        raise BadInput(vi=f"first: từ 1 đến {MOST_LINES}.", en=f"first is 1 to {MOST_LINES}.")
    page = await custodian.trail.lines(principal, patient_id, query, path=path)
    return await told(names, page.lines, language), page


async def told(names: Names, lines: Sequence[Line], language: str) -> list[Told]:
    """Lines in plain words. Names are those of the registry: a licence's holder, a facility's name."""
    licences = sorted({one.event.agent_licence for one in lines if one.event.agent_licence})
    codes = sorted({one.event.agent_facility for one in lines if one.event.agent_facility})
    people, places = await gather(
        gather(*(names.practitioners.practitioner(licence) for licence in licences)),
        gather(*(names.facilities.facility_name(code) for code in codes)),
    )
    holders = {licence: one.name for licence, one in zip(licences, people, strict=True) if one is not None}
    called = {code: name for code, name in zip(codes, places, strict=True) if name is not None}
    said: list[Told] = []
    for line in lines:
        event, kind = line.event, kind_of(line.event, line.own)
        name = holders.get(event.agent_licence or "") if kind == "PRACTITIONER" else line.name
        facility = called.get(event.agent_facility or "") if kind in ("PRACTITIONER", "FACILITY") else None
        who = Who(kind, name, facility)
        said.append(Told(line, who, sentence(event, who, language)))
    return said


async def follow(
    custodian: Custodian, names: Names, principal: Principal, patient_id: bytes | None, *, language: str, path: str
) -> AsyncGenerator[Told]:
    """Lines as they come. Raises Forbidden; ends when the right to see them ends."""
    async with aclosing(custodian.trail.follow(principal, patient_id, path=path)) as lines:
        async for line in lines:
            [said] = await told(names, [line], language)
            yield said


async def dispute(
    custodian: Custodian, principal: Principal, patient_id: bytes | None, line: bytes, reason: str, *, path: str
) -> None:
    """Object to a line. Raises BadInput without a reason, Forbidden, NotFound and Conflict."""
    said = visible(reason)
    if letters(said) < SHORTEST_REASON or len(said) > LONGEST_REASON:
        await custodian.trail.may_dispute(principal, patient_id, path=path)
        raise BadInput(
            vi=f"Lý do phải có ít nhất {SHORTEST_REASON} chữ cái và nhiều nhất {LONGEST_REASON} ký tự.",
            en=f"The reason must have {SHORTEST_REASON} letters, and {LONGEST_REASON} characters at most.",
        )
    await custodian.trail.dispute(principal, patient_id, line, said, path=path)


async def disputes(custodian: Custodian, principal: Principal, first: int, *, path: str) -> list[Dispute]:
    """For a steward: what people object to, the newest first. Raises Forbidden."""
    return await custodian.trail.disputes(principal, first, path=path)
