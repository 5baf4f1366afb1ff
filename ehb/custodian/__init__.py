"""The custodian: the one door to personal data. Authorise, audit, act.

Every read and every write of anything about a person comes through here. The custodian asks
`domain.access.decide`, writes the trail, and only then lets anything out, with the permit in its hand.

    door        the decision: what is known about the caller and the book, `decide`, and the event of a refusal
    custodian   reading, signing in, submissions, stewardship
    consents    what people say about who may see their book
    preview     what somebody else would see

The one invariant: nothing is released before its AuditEvent is durable, and a refusal of anybody who is
signed in leaves an event too.
"""

from ehb.custodian.custodian import Custodian, Opened, Store

__all__ = ["Custodian", "Opened", "Store"]
