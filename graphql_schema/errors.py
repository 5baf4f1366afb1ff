"""Errors as GraphQL shows them: a closed list of codes, bugs masked (standards rows E2–E5).

The one invariant: only `EhbError` messages and the messages of graphql-core about the document itself leave
the house. Everything else becomes INTERNAL with a correlation id, and the log gets the type and the place of
the exception, never its text.
"""

from __future__ import annotations

import traceback
from typing import Any

from graphql import GraphQLError

from ehb.errors import Code, EhbError
from ehb.request_log import bug, correlation, note

_ARGUMENTS = "values.py"
"""The module of graphql-core that reads arguments: what it refuses is the caller's fault, whatever field it is at."""


def answer(errors: list[GraphQLError], data: Any, language: str) -> dict[str, Any]:
    """The answer as it is sent: without `data` when nothing was executed."""
    sent: dict[str, Any] = {}
    if errors:
        sent["errors"] = [presented(error, language) for error in errors]
    if not faulty(errors, data):
        sent["data"] = data
    return sent


def faulty(errors: list[GraphQLError], data: Any) -> bool:
    """Whether nothing was executed: the errors are about the request."""
    return bool(errors) and data is None and all(error.path is None for error in errors)


def presented(error: GraphQLError, language: str) -> dict[str, Any]:
    """One error of a response, safe to send."""
    original = error.original_error
    shown: dict[str, Any] = {"message": error.message}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        shown["path"] = list(error.path)
    if isinstance(original, EhbError):
        code = original.shared_code()
        found = {"correlationId": correlation()} if code is Code.INTERNAL else {}
        shown["message"] = original.message(language)
        shown["extensions"] = {**original.details, **found, "code": code.value}
    elif _is_of_the_request(error, original):
        shown["message"] = error.message if language == "en" else f"Yêu cầu GraphQL không hợp lệ: {error.message}"
        shown["extensions"] = {"code": Code.BAD_USER_INPUT.value}
    else:
        shown["message"] = EhbError.en if language == "en" else EhbError.vi
        shown["extensions"] = {"code": Code.INTERNAL.value, "correlationId": bug(original or error)}
    note(code=shown["extensions"]["code"])
    return shown


def _is_of_the_request(error: GraphQLError, original: Exception | None) -> bool:
    """Whether graphql-core speaks of the document or of an argument, and not of a value that we would have answered.

    What it says of a value quotes it: a value of an enum that it does not know may be anything of a record.
    """
    if error.path is None:
        return original is None or isinstance(original, GraphQLError)
    frames = traceback.extract_tb(original.__traceback__) if isinstance(original, GraphQLError) else []
    return any(frame.filename.endswith(f"graphql/execution/{_ARGUMENTS}") for frame in frames)
