"""Row values: MessagePack with record structures and the extensions of the format page."""

import struct

from typed import BigInt, Date, Map, Set, number

NEGATIVE_ZERO, DATE, BIGINT, TEXT, MAP, SET, OBJECT = 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26


class BadValue(Exception):
    pass


def decode_row(data, structures):
    decoder = Decoder(data, structures)
    row = decoder.value()
    if decoder.at != len(data):
        raise BadValue("bytes follow the row")
    if not isinstance(row, dict):
        raise BadValue("a row is one map or record")
    return row


class Decoder:
    def __init__(self, data, structures):
        self.data = data
        self.structures = structures
        self.at = 0

    def take(self, length):
        if self.at + length > len(self.data):
            raise BadValue("it is incomplete")
        taken = self.data[self.at : self.at + length]
        self.at += length
        return taken

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self):
        byte = self.take(1)[0]
        if byte < 0x40:
            return byte
        if byte < 0x60:
            return self.record(byte - 0x40)
        if byte < 0x80:
            raise BadValue(f"byte {byte:#x} begins no value")
        if byte < 0x90:
            return self.object(byte & 0x0F)
        if byte < 0xA0:
            return self.array(byte & 0x0F)
        if byte < 0xC0:
            return self.text(byte & 0x1F)
        if byte >= 0xE0:
            return byte - 0x100
        return self.long_form(byte)

    def long_form(self, byte):
        if byte == 0xC0:
            return None
        if byte in (0xC2, 0xC3):
            return byte == 0xC3
        if byte in (0xC4, 0xC5, 0xC6):
            return bytes(self.take(self.unpack({0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}[byte])))
        if byte in (0xC7, 0xC8, 0xC9):
            length = self.unpack({0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}[byte])
            return self.extension(self.unpack(">b"), self.take(length), False)
        if byte in (0xCA, 0xCB):
            return number(self.unpack(">f" if byte == 0xCA else ">d"))
        if byte in (0xCC, 0xCD, 0xCE):
            return self.unpack({0xCC: ">B", 0xCD: ">H", 0xCE: ">I"}[byte])
        if byte in (0xD0, 0xD1, 0xD2):
            return self.unpack({0xD0: ">b", 0xD1: ">h", 0xD2: ">i"}[byte])
        if byte in (0xCF, 0xD3):
            return BigInt(self.unpack(">Q" if byte == 0xCF else ">q"))
        if byte in (0xD4, 0xD5, 0xD6, 0xD7, 0xD8):
            kind = self.unpack(">b")
            return self.extension(kind, self.take(1 << (byte - 0xD4)), byte == 0xD4)
        if byte in (0xD9, 0xDA, 0xDB):
            return self.text(self.unpack({0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}[byte]))
        if byte in (0xDC, 0xDD):
            return self.array(self.unpack(">H" if byte == 0xDC else ">I"))
        if byte in (0xDE, 0xDF):
            return self.object(self.unpack(">H" if byte == 0xDE else ">I"))
        raise BadValue(f"byte {byte:#x} begins no value")

    def text(self, length):
        return bytes(self.take(length)).decode("utf-8")

    def array(self, length):
        return [self.value() for _ in range(length)]

    def object(self, length):
        return self.named((self.value(), self.value()) for _ in range(length))

    @staticmethod
    def named(entries):
        result = {}
        for name, value in entries:
            if not isinstance(name, str) or name in result:
                raise BadValue("a field name is no string, or stands twice")
            result[name] = value
        return result

    def record(self, structure):
        if structure not in self.structures:
            raise BadValue(f"structure {structure} is not in the catalog")
        return self.named((name, self.value()) for name in self.structures[structure])

    def extension(self, kind, payload, prefix):
        if kind == DATE and len(payload) == 8:
            return Date(struct.unpack(">q", payload)[0])
        if kind == BIGINT:
            return self.bigint(payload)
        if kind == TEXT:
            return payload.decode("utf-8")
        if not prefix or payload != b"\0":
            raise BadValue(f"extension {kind:#x} is not known")
        if kind == NEGATIVE_ZERO:
            return -0.0
        if kind not in (MAP, SET, OBJECT):
            raise BadValue(f"extension {kind:#x} is not known")
        content = self.value()
        if not isinstance(content, list) or (kind != SET and len(content) % 2):
            raise BadValue(f"extension {kind:#x} needs an array")
        if kind == SET:
            return Set(content)
        entries = list(zip(content[::2], content[1::2]))
        return Map(entries) if kind == MAP else self.named(entries)

    @staticmethod
    def bigint(payload):
        value = int.from_bytes(payload, "big", signed=True)
        if len(payload) != (value if value >= 0 else ~value).bit_length() // 8 + 1:
            raise BadValue("a bigint is not minimal")
        if -(1 << 63) <= value < 1 << 64:
            raise BadValue("a bigint has a shorter form")
        return BigInt(value)
