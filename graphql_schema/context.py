"""What every resolver has at hand: who asks, in which language, the door, and the public registry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import strawberry

from ehb.custodian import Custodian
from ehb.domain.identity import Principal
from ehb.services.registry import Facilities, Practitioners
from ehb.signing import Signer
from graphql_schema.ids import OpaqueIds


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    principal: Principal
    custodian: Custodian
    facilities: Facilities
    practitioners: Practitioners
    ids: OpaqueIds
    signer: Signer
    language: str
    clock: Callable[[], datetime]
    spend: Callable[[Principal, int], Awaitable[None]]
    """Charges points to whoever asks; raises RateLimited when there are none left."""


Info = strawberry.Info[Context, None]
