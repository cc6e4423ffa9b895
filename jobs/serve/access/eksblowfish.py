"""bcrypt of less rounds than libraries make: a dialer hashes passwords with 4 unless it was told.

Slow as it is written, and as slow as it may be: four rounds take some hundredths of a second.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle
from struct import unpack

WORD, MASK = 32, 0xFFFFFFFF
P_WORDS, S_WORDS = 18, 1024
TEXT = unpack(">6I", b"OrpheanBeholderScryDoubt")
MOST_KEY_BYTES = 72


def bcrypt_octets(password: bytes, salt: bytes, cost: int) -> bytes:
    """Give the 23 octets of bcrypt's hash; the password ends in a NUL of its own.

    Args:
        password: no more than 72 octets of it count.
        salt: 16 octets.
        cost: the logarithm of the number of rounds.
    """
    key = _words((password + b"\0")[:MOST_KEY_BYTES])
    state = _State(_words(salt), key, cost)
    left = list(TEXT)
    for at in range(0, len(left), 2):
        for _ in range(64):
            left[at], left[at + 1] = state.encrypt(left[at], left[at + 1])
    return b"".join(word.to_bytes(4, "big") for word in left)[:23]


class _State:
    """Blowfish's boxes, made from a salt and a key at a cost."""

    def __init__(self, salt: Sequence[int], key: Sequence[int], cost: int) -> None:
        self.words = list(pi_words(P_WORDS + S_WORDS))
        self._expand(key, salt)
        for _ in range(2**cost):
            self._expand(key, [0])
            self._expand(salt, [0])

    def _expand(self, key: Sequence[int], salt: Sequence[int]) -> None:
        words, keys, salts = self.words, cycle(key), cycle(salt)
        for at in range(P_WORDS):
            words[at] ^= next(keys)
        left = right = 0
        for at in range(0, P_WORDS + S_WORDS, 2):
            left, right = self.encrypt(left ^ next(salts), right ^ next(salts))
            words[at], words[at + 1] = left, right

    def encrypt(self, left: int, right: int) -> tuple[int, int]:
        """Encrypt a block of two words."""
        words = self.words
        for at in range(16):
            left ^= words[at]
            mixed = words[18 + (left >> 24)] + words[274 + (left >> 16 & 255)]
            mixed = (mixed ^ words[530 + (left >> 8 & 255)]) + words[786 + (left & 255)]
            left, right = right ^ mixed & MASK, left
        return right ^ words[17], left ^ words[16]


def _words(octets: bytes) -> list[int]:
    """Read octets again and again, until whole words of them repeat."""
    whole = octets * 4 if len(octets) % 4 else octets
    return [int.from_bytes(whole[at : at + 4], "big") for at in range(0, len(whole), 4)]


@cache
def pi_words(count: int) -> tuple[int, ...]:
    """Give the digits of pi behind the point, 32 bits a word: what Blowfish begins with."""
    bits = WORD * (count + 2)
    pi = 4 * (4 * _arctan_inverse(5, bits) - _arctan_inverse(239, bits))
    fraction = pi - (3 << bits)
    return tuple(fraction >> (bits - WORD * (at + 1)) & MASK for at in range(count))


def _arctan_inverse(number: int, bits: int) -> int:
    """Give the arctangent of 1 by a number, in so many bits behind the point."""
    return sum(_terms(number, bits))


def _terms(number: int, bits: int) -> Iterator[int]:
    power, divisor, sign = (1 << bits) // number, 1, 1
    while power:
        yield sign * (power // divisor)
        power //= number * number
        divisor, sign = divisor + 2, -sign
