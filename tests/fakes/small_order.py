"""The points of Ed25519 whose order divides 8, found by the arithmetic of the curve, and signatures made with them.

Nothing here is taken from the code under test: the points are multiples of points on the curve (RFC 8032, section 5.1).
"""

import base64
import functools
import hashlib
import itertools

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
BASE_Y = 4 * pow(5, P - 2, P) % P

type Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P)
    return x % P, y % P


def times(number: int, point: Point) -> Point:
    result = (0, 1)
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def point_with(y: int) -> Point | None:
    """A point with this y and an even x, None if there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    for x in (root := pow(square, (P + 3) // 8, P), root * pow(2, (P - 1) // 4, P) % P):
        if x * x % P == square:
            return (x, y) if x % 2 == 0 else (P - x, y)
    return None


def encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


@functools.cache
def small_points() -> tuple[Point, ...]:
    """All eight: the multiples of ORDER of any points."""
    found: set[Point] = set()
    for y in itertools.count(2):
        point = point_with(y)
        if point is not None:
            found |= {times(ORDER * factor, point) for factor in range(8)}
        if len(found) == 8:
            return tuple(sorted(found))
    raise AssertionError


@functools.cache
def small_keys() -> tuple[bytes, ...]:
    """All encodings: y may be larger than P by the size of the field, and the sign of an x that is 0 may be set."""
    found = set()
    for x, y in small_points():
        for number in (y, y + P):
            if number < 2**255:
                found |= {(number | sign << 255).to_bytes(32, "little") for sign in ((0, 1) if x == 0 else (x & 1,))}
    return tuple(sorted(found))


def as_text(key: bytes) -> str:
    """A key as OpenSSH writes it."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + key
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def forge(key: bytes, message: bytes) -> bytes:
    """A signature for `message` that verifies with one of the `small_keys`, made without a private key."""
    sign, y = key[31] >> 7, int.from_bytes(key, "little") % 2**255 % P
    public = next((x, small_y) for x, small_y in small_points() if small_y == y and (not x or x & 1 == sign))
    base = point_with(BASE_Y)
    assert base is not None
    for scalar in itertools.count(1):
        for small in small_points():
            commitment = add(times(scalar, base), small)
            digest = hashlib.sha512(encode(commitment) + key + message).digest()
            if add(times(int.from_bytes(digest, "little") % ORDER % 8, public), small) == (0, 1):
                return encode(commitment) + scalar.to_bytes(32, "little")
    raise AssertionError
