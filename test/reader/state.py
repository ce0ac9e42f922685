"""What a chain of commits amounts to: the catalog, and the live rows of each collection."""

from blocks import Refused
from digest import digest_lanes
from keys import BadKey, decode_key
from log import PUT
from typed import key_to_json, to_json
from values import BadValue, decode_row

CATALOG = 0
MASK = 0xFFFFFFFF


class Collection:
    def __init__(self):
        self.rows = {}
        self.definition = None
        self.structures = {}
        self.next = None

    @property
    def counter(self):
        return 1 if self.next is None else self.next

    @property
    def live_bytes(self):
        return sum(record.length for record in self.rows.values())

    def digest(self):
        a = b = 0
        for key, record in self.rows.items():
            lanes = digest_lanes(key, record.crc)
            a = (a + lanes[0]) & MASK
            b = (b + lanes[1]) & MASK
        return f"{a:08x}{b:08x}"


class State:
    def __init__(self):
        self.collections = {CATALOG: Collection()}
        self.record_bytes = 0

    def apply(self, commit):
        for record in commit.records:
            self.record_bytes += record.length
            self.rows_of(record).rows.pop(record.key, None)
            if record.operation == PUT:
                self.rows_of(record).rows[record.key] = record
            if record.collection == CATALOG:
                self.apply_catalog(record)

    def rows_of(self, record):
        found = self.collections.get(record.collection)
        if found is None:
            raise Refused(record.offset, f"record: there is no collection {record.collection}")
        return found

    def apply_catalog(self, record):
        kind, *ids = self.catalog_key(record)
        row = decode(record, {}) if record.operation == PUT else None
        if kind == "collection":
            if row is None:
                self.collections.pop(ids[0], None)
            else:
                self.collections.setdefault(ids[0], Collection()).definition = row
        elif kind == "structure":
            collection = self.collections.get(ids[0])
            if collection is not None and row is not None:
                collection.structures[ids[1]] = row["fields"]
        elif ids[0] in self.collections:
            self.collections[ids[0]].next = None if row is None else row["next"]

    @staticmethod
    def catalog_key(record):
        parts = decode_key(record.key)
        lengths = {"collection": 2, "structure": 3, "counter": 2}
        if lengths.get(parts[0]) != len(parts) or not all(isinstance(one, int) for one in parts[1:]):
            raise Refused(record.offset, "catalog: the key is not known")
        return parts

    def listed(self):
        """The collections by id, without the catalog."""
        return [(number, self.collections[number]) for number in sorted(self.collections) if number != CATALOG]


def decode(record, structures):
    try:
        return decode_row(record.value, structures)
    except (BadValue, UnicodeDecodeError) as problem:
        raise Refused(record.offset, f"row: {problem}") from problem


def row_lines(number, collection):
    """Every live row in key order, with its decoded key and value."""
    for key in sorted(collection.rows):
        record = collection.rows[key]
        if record.value is None:
            yield {"type": "row", "collection": number, "keyHex": key.hex(), "unreadable": True, "offset": record.offset}
            continue
        try:
            parts = decode_key(key)
        except (BadKey, UnicodeDecodeError) as problem:
            raise Refused(record.offset, f"key: {problem}") from problem
        yield {
            "type": "row",
            "collection": number,
            "key": key_to_json(parts),
            "keyHex": key.hex(),
            "value": to_json(decode(record, collection.structures)),
            "crc": record.crc,
            "offset": record.offset,
        }
