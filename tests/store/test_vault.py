"""The vault: what is sealed opens in its own place, with its own person's key, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ehb.errors import Misconfigured
from ehb.store.vault import Keys, SealBroken, Vault

PERSON, OTHER = b"p" * 16, b"q" * 16


def test_a_payload_opens_in_the_place_it_was_sealed_for() -> None:
    key, _ = Vault(Keys.generate()).new_data_key(PERSON)

    sealed = key.seal(b"hello", b"place")

    assert key.open(sealed, b"place") == b"hello"
    assert b"hello" not in sealed


def test_a_payload_that_was_moved_does_not_open() -> None:
    key, _ = Vault(Keys.generate()).new_data_key(PERSON)
    sealed = key.seal(b"hello", b"place")

    with pytest.raises(SealBroken):
        key.open(sealed, b"another place")


def test_a_payload_of_which_one_bit_changed_does_not_open() -> None:
    key, _ = Vault(Keys.generate()).new_data_key(PERSON)
    sealed = bytearray(key.seal(b"hello", b"place"))
    sealed[-1] ^= 1

    with pytest.raises(SealBroken):
        key.open(bytes(sealed), b"place")


def test_another_persons_key_does_not_open_it() -> None:
    vault = Vault(Keys.generate())
    mine, theirs = vault.new_data_key(PERSON)[0], vault.new_data_key(OTHER)[0]

    with pytest.raises(SealBroken):
        theirs.open(mine.seal(b"hello", b"place"), b"place")


def test_a_wrapped_key_is_good_for_its_own_person_only() -> None:
    vault = Vault(Keys.generate())
    key, wrapped = vault.new_data_key(PERSON)

    assert vault.data_key(PERSON, wrapped).open(key.seal(b"x", b""), b"") == b"x"
    with pytest.raises(SealBroken):
        vault.data_key(OTHER, wrapped)


def test_a_wrapped_key_opens_with_the_kek_that_wrapped_it_only() -> None:
    _, wrapped = Vault(Keys.generate()).new_data_key(PERSON)

    with pytest.raises(SealBroken):
        Vault(Keys.generate()).data_key(PERSON, wrapped)
    with pytest.raises(SealBroken):
        Vault(Keys.generate()).data_key(PERSON, {**wrapped, "kek": "gone"})


def test_the_same_payload_is_sealed_differently_every_time() -> None:
    key, _ = Vault(Keys.generate()).new_data_key(PERSON)

    assert key.seal(b"hello", b"place") != key.seal(b"hello", b"place")


def test_a_blind_index_is_keyed_and_tells_parts_apart() -> None:
    keys = Keys.generate()
    vault = Vault(keys)

    assert vault.blind_index("a", "b") == Vault(keys).blind_index("a", "b")
    assert vault.blind_index("a", "b") != Vault(Keys.generate()).blind_index("a", "b")
    assert vault.blind_index("a", "bc") != vault.blind_index("ab", "c")


@pytest.mark.parametrize(
    "damage", ['{"current": "k1"}', "not json", '{"current": "k2", "kek": {}, "blind": "", "opaque": ""}']
)
def test_a_damaged_key_file_is_said_in_words(tmp_path: object, damage: str) -> None:

    path = Path(str(tmp_path)) / "keys.json"
    path.write_text(damage)
    path.chmod(0o600)

    with pytest.raises(Misconfigured):
        Keys.load(path)
