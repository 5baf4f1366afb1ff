"""The `ehb` command as a user meets it: help, exit status, words instead of tracebacks."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.running import ehb

COMMANDS = ["demo", "serve", "synth", "submit", "login", "ask", "facility", "people", "keys", "migrate", "schema"]
NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = ehb(command, "--help")

    assert done.returncode == 0
    assert "usage: ehb" in done.stdout


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--token-file", "nowhere", "--token-file: cannot read "),
        ("--token-file", "empty", "holds no token; sign in again"),
        ("--token-file", "words", "holds no token; sign in again"),
        ("--variables", '{"a": }', "--variables: this is not JSON (line 1, column 7)."),
        ("--variables", "[1]", "--variables: a JSON object is needed."),
    ],
)
def test_an_argument_of_ask_that_cannot_be_read_is_named(tmp_path: Path, option: str, value: str, said: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "words").write_text("ehb: Đăng nhập không thành công.\n")

    done = ehb("ask", "{ me { kind } }", option, tmp_path / value if option == "--token-file" else value)

    assert done.returncode == 1
    assert said in done.stderr
    assert "[MISCONFIGURED]" in done.stderr


@pytest.mark.parametrize("wrong", [(), ("nonsense",), ("demo", "--port", "70000"), ("demo", "--people", "0")])
def test_wrong_usage_is_status_2(wrong: tuple[str, ...]) -> None:
    assert ehb(*wrong).returncode == 2


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        assert ehb("synth", "--people", "3", "--seed", "5", "--out", tmp_path / name).returncode == 0
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        content = [(path.relative_to(tmp_path / name).as_posix(), path.read_bytes()) for path in files]
        digests.append(hashlib.sha256(repr(content).encode()).hexdigest())

    assert digests[0] == digests[1]


def test_a_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    first = ehb("keys", "new", "--out", path)
    content = path.read_text()
    second = ehb("keys", "new", "--out", path)

    assert first.returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert second.returncode == 1
    assert path.read_text() == content


def test_serving_without_settings_names_all_that_are_missing() -> None:
    done = ehb("serve")

    assert done.returncode == 1
    for name in ("EHB_MONGO_URI", "EHB_KEYS_FILE", "EHB_BASE_URL", "EHB_EID__ISSUER", "EHB_MOBILE_REDIRECT_URIS"):
        assert name in done.stderr


def test_serving_with_demo_keys_is_refused(tmp_path: Path) -> None:
    from ehb.store.vault import Keys

    Keys.generate(demo=True).save(tmp_path / "keys.json")

    done = ehb(
        "serve",
        EHB_MONGO_URI="mongodb://127.0.0.1:9/",
        EHB_KEYS_FILE=str(tmp_path / "keys.json"),
        EHB_EID__ISSUER="https://eid.test",
        EHB_EID__CLIENT_SECRET="secret",
        EHB_BASE_URL="https://book.test",
        EHB_MOBILE_REDIRECT_URIS="https://app.test/in",
    )

    assert done.returncode == 1
    assert "demo keys" in done.stderr


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ehb("keys", "new", "--out", path)
    path.chmod(0o644)

    done = ehb(
        "serve",
        EHB_MONGO_URI="mongodb://127.0.0.1:9/",
        EHB_KEYS_FILE=str(path),
        EHB_EID__ISSUER="https://eid.test",
        EHB_EID__CLIENT_SECRET="secret",
        EHB_BASE_URL="https://book.test",
        EHB_MOBILE_REDIRECT_URIS="https://app.test/in",
    )

    assert done.returncode == 1
    assert "0600" in done.stderr


def test_a_server_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(_private_pem())
    file = tmp_path / "visit.xml"
    file.write_text("<GIAMDINHHS/>")

    asked = ehb("ask", "{ me { kind } }", "--url", NOWHERE)
    sent = ehb("submit", file, "--url", NOWHERE, "--facility", "99001", "--key", key)
    signed = ehb("login", "citizen-0001", "--url", NOWHERE)

    for done in (asked, sent, signed):
        assert done.returncode == 1
        assert "does not answer" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_private_key_is_not_registered_as_a_public_one(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(_private_pem())

    done = ehb("facility", "register", "--code", "99001", "--name", "Thử", "--key", key, EHB_MONGO_URI="mongodb://x/")

    assert done.returncode == 1
    assert "private key" in done.stderr


def test_a_facility_is_registered_with_its_public_key(tmp_path: Path, mongo_uri: str) -> None:
    key = tmp_path / "public.pem"
    pem = generate_private_key(SECP384R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key.write_bytes(pem)
    environment = {"EHB_MONGO_URI": mongo_uri, "EHB_DATABASE": "test_cli_register"}

    migrated = ehb("migrate", **environment)
    done = ehb("facility", "register", "--code", "99001", "--name", "Bệnh viện Thử", "--key", key, **environment)

    assert migrated.stdout == "layout 2\n"
    assert done.returncode == 0, done.stderr
    assert "99001" in done.stdout


def _private_pem() -> bytes:
    return generate_private_key(SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_facility_is_registered_with_the_address_of_its_keys(mongo_uri: str) -> None:
    """Row A5."""
    environment = {"EHB_MONGO_URI": mongo_uri, "EHB_DATABASE": "test_cli_address"}
    named = ("facility", "register", "--code", "99001", "--name", "Thử", "--jwks-uri")

    done = ehb(*named, "https://keys.example.vn/jwks.json", **environment)
    refused = ehb(*named, "http://127.0.0.1/jwks.json", **environment)

    assert done.returncode == 0, done.stderr
    assert refused.returncode == 1
    assert "--jwks-uri" in refused.stderr
