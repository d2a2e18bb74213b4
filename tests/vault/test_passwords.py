import argon2
import pytest

from steelyard.vault.passwords import LANES, MEMORY_KIB, PASSES, Passwords

FAST = Passwords(memory_kib=64)


def test_a_hash_is_argon2id_with_the_parameters_we_say():
    hashed = Passwords().hash("correct horse")
    kept = argon2.extract_parameters(hashed)
    assert hashed.startswith("$argon2id$v=19$")
    assert (kept.memory_cost, kept.time_cost, kept.parallelism) == (MEMORY_KIB, PASSES, LANES)
    argon2.low_level.verify_secret(hashed.encode(), b"correct horse", argon2.Type.ID)


def test_a_hash_fits_its_password_only_and_is_salted():
    first, second = FAST.hash("пароль 1"), FAST.hash("пароль 1")
    assert first != second
    assert FAST.verify(first, "пароль 1")
    assert FAST.verify(second, "пароль 1")
    assert not FAST.verify(first, "пароль 2")


def test_hashes_of_other_parameters_still_fit():
    older = argon2.PasswordHasher(2, 128, 2).hash("correct horse")
    assert FAST.verify(older, "correct horse")


@pytest.mark.parametrize("hashed", ["", "no hash", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$"])
def test_what_is_no_hash_fits_nothing(hashed):
    assert not FAST.verify(hashed, "")
