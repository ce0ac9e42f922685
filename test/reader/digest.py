"""The state digest of a collection: a sum over its rows of a mix of key and record CRC, in two lanes."""

MASK = 0xFFFFFFFF


def digest_lanes(key, crc):
    h = 0x811C9DC5
    for byte in key:
        h = ((h ^ byte) * 0x01000193) & MASK
    rotated = ((h << 16) | (h >> 16)) & MASK
    return fmix32(h ^ crc), fmix32(((rotated + crc) & MASK) ^ 0x9E3779B9)


def fmix32(x):
    x ^= x >> 16
    x = (x * 0x85EBCA6B) & MASK
    x ^= x >> 13
    x = (x * 0xC2B2AE35) & MASK
    return x ^ (x >> 16)
