"""The whole book over HTTP: settings of a production server, a person who is signed in, the question they ask.

The one invariant: tokens come from `auth.sessions`, as after any login.
"""

from __future__ import annotations

from datetime import timedelta

from auth.sessions import Lifetimes, Sessions
from auth.tokens import random_text, s256
from bench.world import World
from ehb.app import utc_now
from ehb.domain.identity import ElectronicIdentity, SignedIn
from ehb.domain.session import Login
from ehb.store.sessions import SignIns
from ehb.store.vault import Vault

CLIENT = "ehb-mobile"
REDIRECT = "https://app.example.vn/in"
_RECORD = "__typename id time section code { text coding { system code display version } } provenance { "
_RECORD += "facility { code name } practitioner { licence } submittedAt source sourceRow legalStatus version }"
WHOLE_BOOK = f"""{{ myHealthBook {{
  asOf withheld patient {{ fullName birthDate nationalId }}
  summary {{
    problems {{ code {{ text }} }} medications {{ dosage }} results {{ code {{ text }} value {{ value unit }} }}
  }}
  timeline(first: 100) {{ nodes {{ {_RECORD} }} pageInfo {{ hasNextPage }} }}
  treatment {{
    encounters {{ nodes {{ id reason period {{ start end }} dischargeDiagnosis }} }}
    conditions {{ nodes {{ id role code {{ coding {{ code }} }} }} }}
    prescriptions {{ nodes {{ id dosage quantity {{ value unit }} }} }}
    laboratoryResults {{ nodes {{ id results {{ code {{ text }} value {{ value unit }} }} }} }}
    clinicalNotes {{ nodes {{ id description vitalSigns {{ code {{ text }} value {{ value }} }} }} }}
  }}
  completeness {{ section records newestRecord newestReceived facilities }}
}} }}"""
_TWENTY = """__typename id section time labels code { text coding { system code display version } }
  provenance {
    facility { code name } practitioner { licence } author { licence }
    submittedAt source sourceRow signed version legalStatus
  }"""


def timeline(first: int) -> str:
    """The newest records, twenty leaf fields of each."""
    return f"{{ myHealthBook {{ timeline(first: {first}) {{ nodes {{ {_TWENTY} }} }} }} }}"


_WHO = ElectronicIdentity("https://eid.example.vn", "somebody", None, None, None, 3, None)


async def access_token(world: World, patient_id: bytes, lasting: timedelta = timedelta(hours=1)) -> str:
    """An access token of this person, good for an hour or what is said."""
    lifetimes = Lifetimes(access=lasting)
    sessions = Sessions(SignIns(world.mongo.database, Vault(world.keys)), utc_now, lifetimes)
    verifier = random_text()
    login = Login(b"", b"", CLIENT, REDIRECT, s256(verifier), "", utc_now() + lifetimes.login)
    code = await sessions.issue_code(login, SignedIn(patient_id), _WHO)
    return (await sessions.redeem(code, client_id=CLIENT, redirect_uri=REDIRECT, verifier=verifier)).access


def settings(uri: str, database: str) -> dict[str, str]:
    """The environment of the server, but for its keys and its address."""
    return {
        "EHB_MONGO_URI": uri,
        "EHB_DATABASE": database,
        "EHB_EID__ISSUER": "https://eid.example.vn",
        "EHB_EID__CLIENT_SECRET": "never asked for",
        "EHB_MOBILE_REDIRECT_URIS": REDIRECT,
        "EHB_TRUSTED_DOCUMENTS": "false",
        "EHB_PERSON_POINTS": "1000000000",  # one person asks as often as a thousand would
        "EHB_FACILITY_POINTS": "1000000000",
    }
