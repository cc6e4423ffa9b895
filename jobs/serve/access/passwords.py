"""Passwords of the dialer's users: in clear, or hashed as the dialer does."""

import hmac
from typing import NamedTuple

from jobs.serve.access.eksblowfish import MOST_KEY_BYTES, bcrypt_octets
from loader.errors import ConfigurationError

ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
"""Of bcrypt's base 64."""

SALT_BYTES = 16
LEAST_COST, MOST_COST = 4, 16
"""Of the library, as of others; the dialer's own default is 2. And what takes seconds."""


class Hashing(NamedTuple):
    """How a dialer hashes passwords: system_settings.pass_key and pass_cost."""

    key: str
    cost: int


def is_password(given: str, clear: str, hashed: str, hashing: Hashing | None) -> bool:
    """Say whether a password is a user's.

    Args:
        given: as it was sent.
        clear: vicidial_users.pass.
        hashed: vicidial_users.pass_hash.
        hashing: None: the dialer does not hash (pass_hash_enabled is 0).

    Raises:
        ConfigurationError: it cannot be hashed here.
    """
    if hashing is None:
        return bool(clear) and _is_equal(given, clear)
    return bool(hashed) and _is_equal(dialer_hash(given, hashing), hashed)


def dialer_hash(password: str, hashing: Hashing) -> str:
    """Hash a password as the dialer does: bcrypt, 31 characters without salt and cost.

    Raises:
        ConfigurationError: key or cost cannot be used.
    """
    import bcrypt  # noqa: PLC0415 - an extra

    salt, cost = hashing.key.encode(), hashing.cost
    if len(salt) != SALT_BYTES or not 0 <= cost <= MOST_COST:
        raise ConfigurationError(
            f"the dialer hashes passwords with a key of {len(salt)} bytes and cost {cost}; that "
            f"needs {SALT_BYTES} bytes and a cost of at most {MOST_COST}: see pass_key and "
            "pass_cost in system_settings"
        )
    # No more than these count; the library refuses others.
    key = password.encode()[:MOST_KEY_BYTES]
    if cost < LEAST_COST:
        return base64(bcrypt_octets(key, salt, cost))
    setting = f"$2b${cost:02d}${base64(salt)}".encode()
    return bcrypt.hashpw(key, setting)[len(setting) :].decode()


def _is_equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def base64(octets: bytes) -> str:
    """Write octets in bcrypt's base 64."""
    bits = "".join(f"{octet:08b}" for octet in octets)
    padded = bits + "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(padded[at : at + 6], 2)] for at in range(0, len(padded), 6))
