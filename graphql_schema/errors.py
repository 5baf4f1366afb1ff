"""Errors as GraphQL shows them: a closed list of codes, bugs masked (standards rows E2–E5).

The one invariant: only `EhbError` messages and the messages of graphql-core about the document itself leave
the house. Everything else becomes INTERNAL with a correlation id, and the log gets the type and the place of
the exception, never its text.
"""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError

from ehb.errors import EhbError
from ehb.request_log import bug, note

CODES = frozenset(
    {
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "CONSENT_REQUIRED",
        "STEP_UP_REQUIRED",
        "NOT_FOUND",
        "BAD_USER_INPUT",
        "CONFLICT",
        "RATE_LIMITED",
        "COST_EXCEEDED",
        "PERSISTED_DOCUMENT_NOT_FOUND",
        "INTERNAL",
    }
)


def presented(error: GraphQLError, language: str) -> dict[str, Any]:
    """One error of a response, safe to send."""
    original = error.original_error
    shown: dict[str, Any] = {"message": error.message}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        shown["path"] = list(error.path)
    if isinstance(original, EhbError):
        shown["message"] = original.message(language)
        shown["extensions"] = {**original.details, "code": _code_of(original)}
    elif original is None or isinstance(original, GraphQLError):
        shown["message"] = error.message if language == "en" else f"Yêu cầu GraphQL không hợp lệ: {error.message}"
        shown["extensions"] = {"code": "BAD_USER_INPUT"}
    else:
        correlation = bug(original)
        shown["message"] = EhbError.en if language == "en" else EhbError.vi
        shown["extensions"] = {"code": "INTERNAL", "correlationId": correlation}
    note(code=shown["extensions"]["code"])
    return shown


def _code_of(error: EhbError) -> str:
    """The nearest code of the closed list: subclasses may be finer than clients need."""
    for kind in type(error).__mro__:
        if (code := getattr(kind, "code", "INTERNAL")) in CODES:
            return str(code)
    return "INTERNAL"
