"""CRC-32C in plain Python, four bytes a step: two tables of 65,536 entries carry a 16-bit half each."""

import sys
from array import array

POLYNOMIAL = 0x82F63B78


def _byte_table():
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return table


_BYTE = _byte_table()


def _advance(crc, zeros):
    for _ in range(zeros):
        crc = _BYTE[crc & 0xFF] ^ (crc >> 8)
    return crc


def _halves(shift):
    """What a step does to a half of (crc xor word): linear, so an entry is the sum of those of its bits."""
    table = [0]
    for bit in range(16):
        effect = _advance(1 << (bit + shift), 4)
        table += [effect ^ entry for entry in table]
    return table


_LOW = _halves(0)
_HIGH = _halves(16)


def crc32c(data, seed=0):
    """The CRC of bytes; `seed` continues the CRC of the bytes before them."""
    crc = seed ^ 0xFFFFFFFF
    whole = len(data) & ~3
    words = array("I")
    assert words.itemsize == 4
    words.frombytes(data[:whole])
    if sys.byteorder == "big":
        words.byteswap()
    low, high, byte = _LOW, _HIGH, _BYTE
    for word in words:
        crc ^= word
        crc = low[crc & 0xFFFF] ^ high[crc >> 16]
    for value in data[whole:]:
        crc = byte[(crc ^ value) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283
