"""The index as it is stored: node images, checkpoints, and the trees that checkpoints describe."""

import struct
from dataclasses import dataclass

from blocks import LOG_START, MAX_SAFE
from crc32c import crc32c
from log import CHECKPOINT, INDEX_NODES, Scanner

NODE_HEAD = 16
MAX_IMAGE = 65_536
MAX_HEIGHT = 64
RECORDS_LEAF, KEYS_LEAF, INNER, RECORDS_DELTA, KEYS_DELTA = 1, 2, 3, 4, 5
ENTRY_BYTES = {RECORDS_LEAF: 16, KEYS_LEAF: 2, INNER: 28, RECORDS_DELTA: 16, KEYS_DELTA: 2}
# Of which kind of leaf a delta says what changed, and the bytes that say of which one.
LEAF_OF = {RECORDS_DELTA: RECORDS_LEAF, KEYS_DELTA: KEYS_LEAF}
DELTA_BASE = 16

CHECKPOINT_HEAD = 80
CHECKPOINT_ENTRY = 72
CHECKPOINT_INDEX = 56
MAX_INDEXES = 64
MAX_STRUCTURES = 32


class BadNode(Exception):
    pass


@dataclass
class Node:
    position: int
    length: int
    crc: int
    kind: int
    height: int
    keys: list
    # What each entry refers to: (position, length, crc), and of an inner node also (count, stored).
    refs: list
    # Of a delta: position, length and CRC of the image that has all other entries; and that, once it was read.
    base: tuple = None
    below: "Node" = None

    @property
    def count(self):
        return sum(ref[3] for ref in self.refs) if self.kind == INNER else len(self.keys)

    @property
    def stored(self):
        if self.base is not None:
            return self.length + self.below.stored
        return self.length + (sum(ref[4] for ref in self.refs) if self.kind == INNER else 0)

    def over(self, leaf):
        """The leaf that this delta says the changes of."""
        entries = dict(zip(leaf.keys, leaf.refs))
        entries.update(zip(self.keys, self.refs))
        keys = sorted(entries)
        refs = [entries[key] for key in keys]
        return Node(self.position, self.length, self.crc, leaf.kind, 0, keys, refs, self.base, leaf)


def read_node(data, position, end):
    """The node whose image begins at a file position and ends, by its own length, at or before `end`."""
    if end - position < NODE_HEAD:
        raise BadNode("it is incomplete")
    crc, length, kind, height, prefix_length, count, reserved = struct.unpack_from("<IIBBHHH", data, position)
    if not NODE_HEAD <= length <= MAX_IMAGE or length > end - position:
        raise BadNode("the length is out of bounds")
    if crc32c(data[position + 4 : position + length]) != crc:
        raise BadNode("it fails its checksum")
    if kind not in ENTRY_BYTES or reserved:
        raise BadNode("the kind is not known")
    if height > MAX_HEIGHT or (kind == INNER) != (height > 0):
        raise BadNode("the height does not fit the kind")
    if kind == INNER and count == 0:
        raise BadNode("an inner node has no child")
    start = position + NODE_HEAD + (DELTA_BASE if kind in LEAF_OF else 0)
    keys_start = start + count * ENTRY_BYTES[kind]
    if keys_start + prefix_length > position + length:
        raise BadNode("the entries reach past the image")
    columns = Columns(data, start, count)
    refs = columns.refs(LEAF_OF.get(kind, kind))
    base = struct.unpack_from("<QII", data, position + NODE_HEAD) if kind in LEAF_OF else None
    suffixes = columns.take("H")
    if keys_start + prefix_length + sum(suffixes) != position + length:
        raise BadNode("the keys do not end with the image")
    if kind == INNER and suffixes[0]:
        raise BadNode("the first child has a separator")
    prefix = bytes(data[keys_start : keys_start + prefix_length])
    keys = []
    at = keys_start + prefix_length
    for suffix in suffixes:
        keys.append(prefix + bytes(data[at : at + suffix]))
        at += suffix
    return Node(position, length, crc, kind, height, keys, refs, base)


class Columns:
    def __init__(self, data, at, count):
        self.data = data
        self.at = at
        self.count = count

    def take(self, form):
        values = struct.unpack_from(f"<{self.count}{form}", self.data, self.at)
        self.at += self.count * struct.calcsize("<" + form)
        return values

    def refs(self, kind):
        if kind == KEYS_LEAF:
            return [()] * self.count
        length, crc, low = self.take("I"), self.take("I"), self.take("I")
        if kind == RECORDS_LEAF:
            return list(zip(self.wide(low, self.take("H")), length, crc))
        count_low, stored_low = self.take("I"), self.take("I")
        position = self.wide(low, self.take("H"))
        count = self.wide(count_low, self.take("H"))
        return list(zip(position, length, crc, count, self.wide(stored_low, self.take("H"))))

    @staticmethod
    def wide(low, high):
        return [(b << 32) | a for a, b in zip(low, high)]


class IndexFrames:
    """What the log holds of the index, frame by frame: told of each sound frame, and of bytes that are none."""

    def __init__(self, data, findings):
        self.data = data
        self.findings = findings
        # File positions of all images.
        self.images = set()
        self.frames = set()
        self.node_bytes = 0
        self.node_bytes_before = {}
        self.damaged = False

    def take(self, frame):
        self.frames.add(frame.offset)
        if frame.kind == INDEX_NODES:
            self.node_bytes += frame.length
            self.take_images(frame)
        elif frame.kind == CHECKPOINT:
            self.node_bytes_before[frame.offset] = None if self.damaged else self.node_bytes
            if read_checkpoint(self.data, frame) is None:
                self.findings.append((frame.offset, "checkpoint: its payload is none"))

    def take_bad(self):
        self.damaged = True

    def take_images(self, frame):
        at = frame.payload_start
        if frame.length == 0:
            self.findings.append((at, "node: the frame has none"))
        while at < frame.payload_end:
            try:
                node = read_node(self.data, at, frame.payload_end)
            except BadNode as problem:
                self.findings.append((at, f"node: {problem}"))
                return
            self.images.add(at)
            at += node.length


@dataclass
class Entry:
    number: int
    root_length: int
    root_crc: int
    root_height: int
    root_position: int
    count: int
    live_bytes: int
    node_bytes: int
    digest: str
    counter: int
    definition: bytes
    structures: list
    indexes: list


@dataclass
class IndexEntry:
    """A secondary index of a collection; the fields of its tree are named as those of a collection's."""

    number: int
    root_length: int
    root_crc: int
    root_height: int
    root_position: int
    count: int
    rows: int
    node_bytes: int


@dataclass
class Checkpoint:
    offset: int
    sequence: int
    time: int
    commit_offset: int
    commit_end: int
    commit_crc: int
    commit_epoch: int
    replay_from: int
    previous: int
    record_bytes: int
    node_bytes: int
    entries: list


def read_checkpoint(data, frame):
    """The checkpoint of a sound frame; None if its payload is none, or says what cannot be."""
    payload = data[frame.payload_start : frame.payload_end]
    if len(payload) < CHECKPOINT_HEAD:
        return None
    numbers = struct.unpack_from("<QQQQIIQQQQII", payload)
    *facts, count, reserved = numbers
    if max(numbers) > MAX_SAFE or reserved:
        return None
    entries, at = [], CHECKPOINT_HEAD
    for _ in range(count):
        entry, at = read_entry(payload, at)
        if entry is None or (entries and entry.number <= entries[-1].number):
            return None
        entries.append(entry)
    if at != len(payload):
        return None
    found = Checkpoint(frame.offset, *facts, entries)
    return found if is_plausible(found) else None


def read_entry(payload, at):
    if len(payload) - at < CHECKPOINT_ENTRY:
        return None, at
    numbers = struct.unpack_from("<IIIBBHQQQQIIQII", payload, at)
    (number, root_length, root_crc, root_height, reserved, structure_count, root_position, count) = numbers[:8]
    live_bytes, node_bytes, digest_a, digest_b, counter, definition_length, index_count = numbers[8:]
    if max(numbers) > MAX_SAFE or reserved or structure_count > MAX_STRUCTURES or index_count > MAX_INDEXES:
        return None, at
    at += CHECKPOINT_ENTRY
    if definition_length > len(payload) - at:
        return None, at
    definition = bytes(payload[at : at + definition_length])
    at += definition_length
    structures = []
    for _ in range(structure_count):
        if len(payload) - at < 4:
            return None, at
        length = struct.unpack_from("<I", payload, at)[0]
        at += 4
        if length > len(payload) - at:
            return None, at
        structures.append(bytes(payload[at : at + length]))
        at += length
    indexes = []
    for _ in range(index_count):
        index = read_index(payload, at)
        if index is None:
            return None, at
        indexes.append(index)
        at += CHECKPOINT_INDEX
    entry = Entry(
        number,
        root_length,
        root_crc,
        root_height,
        root_position,
        count,
        live_bytes,
        node_bytes,
        f"{digest_a:08x}{digest_b:08x}",
        counter,
        definition,
        structures,
        indexes,
    )
    return entry, at


def read_index(payload, at):
    if len(payload) - at < CHECKPOINT_INDEX:
        return None
    numbers = struct.unpack_from("<QIIB7sQQQQ", payload, at)
    number, root_length, root_crc, root_height, reserved, root_position, count, rows, node_bytes = numbers
    if any(reserved) or max(number, root_position, count, rows, node_bytes) > MAX_SAFE:
        return None
    return IndexEntry(number, root_length, root_crc, root_height, root_position, count, rows, node_bytes)


def is_plausible(one):
    if not LOG_START <= one.commit_end <= one.replay_from <= one.offset or one.replay_from % 8:
        return False
    return (one.commit_offset < one.commit_end or one.commit_end == LOG_START) and one.previous < one.offset


class Candidates:
    """The checkpoints that an open may start from, in the order in which it tries them."""

    def __init__(self, data, end, blocks):
        self.data = data
        self.end = end
        self.blocks = blocks
        # Named offsets at which there is no checkpoint that can be read.
        self.unreadable = []

    def __iter__(self):
        valid = [one for one in self.blocks.superblocks if one is not None]
        tried = set()
        untried = {one.checkpoint for one in valid if one.checkpoint}
        scan_needed = len(valid) < 2
        while True:
            while untried:
                offset = max(untried)
                untried.remove(offset)
                tried.add(offset)
                found = self.at(offset)
                if found is None:
                    self.unreadable.append(offset)
                    scan_needed = True
                    continue
                if found.previous and found.previous not in tried:
                    untried.add(found.previous)
                yield found
            if not scan_needed:
                return
            scan_needed = False
            untried = set(self.scan()) - tried
            if not untried:
                return

    def at(self, offset):
        if offset < LOG_START or offset % 8:
            return None
        scanner = self.scanner()
        frame, why = scanner.frame_at(offset)
        if why is not None or frame.kind != CHECKPOINT or frame.flags or frame.replaced:
            return None
        return read_checkpoint(self.data, frame)

    def scan(self):
        live = self.blocks.live
        watermark = live.watermark if live is not None else 0
        for event, *facts in self.scanner().events():
            if event == "bad" and facts[1] > watermark or event == "passed" and facts[0].end > watermark:
                return
            if event == "frame" and facts[0].kind == CHECKPOINT:
                yield facts[0].offset

    def scanner(self):
        checkpoint_end = self.blocks.live.checkpoint_end if self.blocks.live is not None else 0
        header, max_epoch = self.blocks.header, self.blocks.max_epoch
        return Scanner(self.data, self.end, header.generation, max_epoch, checkpoint_end=checkpoint_end)


class TreeWalk:
    """Walks one tree of a checkpoint: its entries in order, and everything that is not as it should be."""

    def __init__(self, data, checkpoint, entry, seen, leaf_kind=RECORDS_LEAF):
        self.data = data
        self.leaf_kind = leaf_kind
        self.checkpoint = checkpoint
        self.entry = entry
        # Positions of all nodes met so far, in all trees of the checkpoint.
        self.seen = seen
        # (key, position, length, crc) of each record; (key,) of an index's entries.
        self.records = []
        self.problems = []

    def run(self):
        entry = self.entry
        if entry.root_length == 0:
            if any((entry.root_crc, entry.root_height, entry.root_position, entry.count, entry.node_bytes)):
                self.problems.append((self.checkpoint.offset, "a tree without a root is not empty"))
            return self
        pointer = (entry.root_position, entry.root_length, entry.root_crc, entry.count, entry.node_bytes)
        self.visit(pointer, entry.root_height, None, None)
        return self

    def visit(self, pointer, height, low, high):
        position, length, crc, count, stored = pointer
        try:
            node = self.node_at(position, length, crc, height)
        except BadNode as problem:
            self.problems.append((position, str(problem)))
            return
        if node.count != count:
            self.problems.append((position, f"it should have {count} keys at and below it; there are {node.count}"))
        if node.stored != stored:
            self.problems.append((position, f"it should take {stored} bytes with all below it; it takes {node.stored}"))
        first = 1 if node.kind == INNER else 0
        keys = node.keys[first:]
        if any(before >= after for before, after in zip(keys, keys[1:])):
            self.problems.append((position, "its keys do not ascend"))
        if keys and ((low is not None and keys[0] < low) or (high is not None and keys[-1] >= high)):
            self.problems.append((position, "its keys are not between its separators"))
        if node.kind != INNER:
            self.records.extend((key, *ref) for key, ref in zip(node.keys, node.refs))
            return
        for i, ref in enumerate(node.refs):
            below = low if i == 0 else node.keys[i]
            above = high if i == len(node.refs) - 1 else node.keys[i + 1]
            self.visit(ref, height - 1, below, above)

    def node_at(self, position, length, crc, height):
        node = self.whole_at(position, length, crc)
        if node.height != height:
            raise BadNode(f"it should be of height {height}; it is of {node.height}")
        if node.height == 0 and node.kind != self.leaf_kind:
            raise BadNode("a leaf of this kind does not belong here")
        return node

    def whole_at(self, position, length, crc):
        node = self.image_at(position, length, crc)
        if node.kind not in LEAF_OF:
            return node
        if node.base[0] >= position:
            raise BadNode("what it says the changes of stands behind it")
        leaf = self.whole_at(*node.base)
        if leaf.kind != LEAF_OF[node.kind]:
            raise BadNode("what it says the changes of is no leaf of its kind")
        return node.over(leaf)

    def image_at(self, position, length, crc):
        if position in self.seen:
            raise BadNode("two entries lead to it")
        self.seen.add(position)
        if position + length > self.checkpoint.offset:
            raise BadNode("it does not lie before the checkpoint")
        node = read_node(self.data, position, self.checkpoint.offset)
        if node.length != length or node.crc != crc:
            raise BadNode("it is not the node that the entry above it means")
        return node
