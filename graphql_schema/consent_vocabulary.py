"""The lists behind a consent screen: everything that terms can name, with names in the language of the caller."""

from __future__ import annotations

import strawberry

from ehb.domain import consent_vocabulary as words
from ehb.domain.provision import Purpose
from ehb.domain.records import BOOK_OF, Book, Section
from ehb.domain.selection import WITHHOLDABLE
from ehb.domain.sensitivity import SENSITIVITY_LABELS
from graphql_schema.context import Info


@strawberry.type(description="A code, and its name in the language of `Accept-Language`.")
class NamedCode:
    code: str = strawberry.field(description="The code, as terms of a consent hold it.")
    title: str = strawberry.field(description="The name.")


@strawberry.type(description="A section of the book with its name.")
class NamedSection:
    section: Section = strawberry.field(description="The section.")
    book: Book = strawberry.field(description="The book that it stands in.")
    title: str = strawberry.field(description="The name.")


@strawberry.type(description="A purpose with its name.")
class NamedPurpose:
    purpose: Purpose = strawberry.field(description="The purpose.")
    title: str = strawberry.field(description="The name.")


@strawberry.type(description="A kind of record, and its fields that can stay closed.")
class NamedKind:
    kind: str = strawberry.field(description="The GraphQL type name.")
    title: str = strawberry.field(description="The name.")
    fields: list[NamedCode] = strawberry.field(description="What `without` may name for this kind.")


@strawberry.type(description="Everything that terms of a consent can name.")
class ConsentVocabulary:
    sections: list[NamedSection] = strawberry.field(description="In the order of the book.")
    kinds: list[NamedKind] = strawberry.field(description="The kinds of records.")
    purposes: list[NamedPurpose] = strawberry.field(description="The purposes that somebody may ask for.")
    sensitivity_labels: list[NamedCode] = strawberry.field(description="What makes a record sensitive.")
    scopes_of_practice: list[NamedCode] = strawberry.field(description="The scopes in the register of practitioners.")


async def vocabulary(info: Info) -> ConsentVocabulary:
    """The lists in the caller's language."""
    en = info.context.language == "en"
    scopes = await info.context.practitioners.scopes()
    return ConsentVocabulary(
        sections=[NamedSection(section=one, book=BOOK_OF[one], title=words.SECTIONS[one][en]) for one in Section],
        kinds=[
            NamedKind(
                kind=kind,
                title=words.KINDS[kind][en],
                fields=[NamedCode(code=one, title=words.FIELDS[one][en]) for one in sorted(fields)],
            )
            for kind, fields in WITHHOLDABLE.items()
        ],
        purposes=[NamedPurpose(purpose=one, title=words.PURPOSES[one][en]) for one in Purpose],
        sensitivity_labels=[NamedCode(code=one, title=words.label_word(one, en=en)) for one in SENSITIVITY_LABELS],
        scopes_of_practice=[NamedCode(code=code, title=title) for code, title in scopes.items()],
    )
