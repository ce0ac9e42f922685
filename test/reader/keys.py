"""Keys: order-preserving bytes to values."""

import struct
import uuid

from typed import Uuid, number


class BadKey(Exception):
    pass


def decode_key(key):
    """The parts of a key. Numbers are int where the value is whole, else float."""
    parts = []
    at = 0
    while at < len(key):
        part, at = _part(key, at)
        parts.append(part)
    if not parts:
        raise BadKey("it has no part")
    return parts


def split_entry(entry, parts):
    """An index entry as the parts of its values, and the bytes of the primary key behind them."""
    at = 0
    values = []
    for _ in range(parts):
        value, at = _part(entry, at)
        values.append(value)
    return values, entry[at:]


def _part(key, at):
    tag = key[at]
    at += 1
    if tag == 0x05:
        return None, at
    if tag == 0x10:
        return _number(key, at)
    if tag == 0x20:
        content, at = _escaped(key, at)
        return content.decode("utf-8"), at
    if tag == 0x30:
        return _escaped(key, at)
    if tag == 0x40:
        return Uuid(str(uuid.UUID(bytes=_take(key, at, 16)))), at + 16
    if tag in (0x50, 0x51):
        return tag == 0x51, at
    if tag == 0x70:
        return ("other",), at
    if tag == 0x60:
        return ("date", _double(_take(key, at, 8))), at + 8
    raise BadKey(f"tag {tag:#x} is not known")


def _take(key, at, length):
    if at + length > len(key):
        raise BadKey("it is incomplete")
    return key[at : at + length]


def _double(encoded):
    bits = int.from_bytes(encoded, "big")
    if bits == 0:
        return float("nan")
    bits = bits ^ (1 << 63) if bits >> 63 else bits ^ ((1 << 64) - 1)
    return struct.unpack(">d", bits.to_bytes(8, "big"))[0]


def _number(key, at):
    double = _double(_take(key, at, 8))
    length = _take(key, at + 8, 1)[0]
    at += 9
    if length == 0:
        return number(double), at
    if length > 0xFE:
        raise BadKey("a remainder is too long")
    remainder = _take(key, at, length)
    if remainder[0] == 0:
        raise BadKey("a remainder is not minimal")
    return int(double) + int.from_bytes(remainder, "big"), at + length


def _escaped(key, at):
    content = bytearray()
    while True:
        byte = _take(key, at, 1)[0]
        at += 1
        if byte == 0:
            if key[at : at + 1] != b"\xff":
                return bytes(content), at
            at += 1
        content.append(byte)
