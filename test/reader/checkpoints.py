"""Checkpoints held against the log: what they say must be what the log says up to their commit."""

from blocks import Refused
from index import KEYS_LEAF, Candidates, TreeWalk
from keys import BadKey, split_entry
from log import PUT, LogReader, Record, read_record_at
from state import CATALOG, Collection, State
from values import BadValue, decode_row


class Examined:
    """A checkpoint with its trees, walked to the last node."""

    def __init__(self, data, checkpoint):
        self.checkpoint = checkpoint
        seen = set()
        self.walks = [TreeWalk(data, checkpoint, entry, seen).run() for entry in checkpoint.entries]
        # Of each collection, by its place, the walks of its indexes.
        self.indexes = [
            [TreeWalk(data, checkpoint, index, seen, KEYS_LEAF).run() for index in entry.indexes]
            for entry in checkpoint.entries
        ]
        self.nodes = seen
        walks = [*self.walks, *(walk for indexes in self.indexes for walk in indexes)]
        self.problems = [problem for walk in walks for problem in walk.problems]
        self.in_chain = False

    @property
    def sound(self):
        return not self.problems

    def describes(self, commit):
        stated = (self.checkpoint.sequence, self.checkpoint.commit_offset, self.checkpoint.commit_crc)
        return stated == (commit.sequence, commit.offset, commit.commit_crc)


class CheckpointReader:
    """Finds the checkpoints that an open would try, and compares each with the log as it is replayed."""

    def __init__(self, data, end, blocks, findings):
        self.data = data
        self.blocks = blocks
        self.findings = findings
        self.examined = []
        self.begins = []
        candidates = Candidates(data, end, blocks)
        for checkpoint in candidates:
            self.examined.append(Examined(data, checkpoint))
            if self.examined[-1].sound:
                break
        for offset in candidates.unreadable:
            self.finding(offset, "checkpoint: it is named, and cannot be read")
        for one in self.examined:
            for offset, why in one.problems:
                self.finding(offset, f"node: {why}")

    def finding(self, offset, why):
        self.findings.append((offset, why))

    def begin(self, state):
        """Compares checkpoints of the state before any commit."""
        header = self.blocks.header
        before = (header.parent_sequence, header.parent_commit_offset, header.parent_commit_crc)
        for one in self.examined:
            checkpoint = one.checkpoint
            if (checkpoint.sequence, checkpoint.commit_offset, checkpoint.commit_crc) == before:
                one.in_chain = True
                self.compare(one, state)

    def applied(self, commit, state):
        self.begins.append(commit.begin)
        for one in self.examined:
            if one.describes(commit):
                one.in_chain = True
                checkpoint = one.checkpoint
                stated = (checkpoint.time, checkpoint.commit_end, checkpoint.commit_epoch)
                if stated != (commit.time, commit.end, commit.epoch):
                    self.finding(checkpoint.offset, "checkpoint: its commit has another time, end or epoch")
                self.compare(one, state)

    def compare(self, one, state):
        checkpoint = one.checkpoint
        if checkpoint.record_bytes != state.record_bytes:
            self.finding(checkpoint.offset, f"checkpoint: it should state {state.record_bytes} bytes of records")
        if [entry.number for entry in checkpoint.entries] != sorted(state.collections):
            self.finding(checkpoint.offset, "checkpoint: it has not the collections that the log has")
            return
        for walk, indexes in zip(one.walks, one.indexes):
            collection = state.collections[walk.entry.number]
            self.compare_collection(checkpoint, walk, collection)
            self.compare_indexes(checkpoint, indexes, walk.entry, collection)

    def compare_collection(self, checkpoint, walk, collection):
        entry = walk.entry
        facts = {
            "rows": (entry.count, len(collection.rows)),
            "live bytes": (entry.live_bytes, collection.live_bytes),
            "digest": (entry.digest, collection.digest()),
            "counter": (entry.counter, collection.counter),
            "definition": (definition_of(entry), collection.definition),
            "structures": (structures_of(entry), [collection.structures[one] for one in sorted(collection.structures)]),
        }
        if not walk.problems:
            rows = {key: (row.offset, row.length, row.crc) for key, row in collection.rows.items()}
            facts["entries"] = ({key: tuple(ref) for key, *ref in walk.records}, rows)
        for what, (stated, found) in facts.items():
            if stated != found:
                self.finding(checkpoint.offset, f"checkpoint: collection {entry.number}: its {what} are not the log's")

    def compare_indexes(self, checkpoint, indexes, entry, collection):
        """Each index is one of the definition, and its entries lead to rows, as many as it says."""
        definition = definition_of(entry) or {}
        defined = definition.get("indexes", [])
        if [index["id"] for index in defined] != [walk.entry.number for walk in indexes]:
            self.finding(checkpoint.offset, f"checkpoint: collection {entry.number}: its indexes are not the log's")
            return
        for index, walk in zip(defined, indexes):
            if walk.problems:
                continue
            try:
                keys = [split_entry(record[0], len(index["on"]))[1] for record in walk.records]
            except BadKey:
                keys = [None]
            known = {bytes(key) for key in collection.rows}
            whole = not index.get("where") and "builtTo" not in index
            if not set(keys) <= known or len(set(keys)) != walk.entry.rows or (whole and len(set(keys)) != len(known)):
                self.finding(checkpoint.offset, f"checkpoint: index {index['name']}: its entries are not of the log's rows")

    def check_end(self, index_frames):
        """What can be said once the whole log was read."""
        for one in self.examined:
            checkpoint = one.checkpoint
            if not one.in_chain:
                continue
            if any(checkpoint.commit_end <= begin < checkpoint.replay_from for begin in self.begins):
                self.finding(checkpoint.offset, "checkpoint: a commit lies between its own and where it says to go on")
            if not index_frames.damaged and checkpoint.replay_from not in {checkpoint.commit_end, *index_frames.frames}:
                self.finding(checkpoint.offset, "checkpoint: the log goes on where no frame begins")
            node_bytes = index_frames.node_bytes_before.get(checkpoint.offset)
            if node_bytes is not None and checkpoint.node_bytes != node_bytes:
                self.finding(checkpoint.offset, f"checkpoint: it should state {node_bytes} bytes of nodes")
            if not index_frames.damaged and not one.nodes <= index_frames.images:
                self.finding(checkpoint.offset, "checkpoint: a node of it is in no indexNodes frame")

    def lines(self):
        for one in self.examined:
            checkpoint = one.checkpoint
            yield {
                "type": "checkpoint",
                "offset": checkpoint.offset,
                "sequence": checkpoint.sequence,
                "replayFrom": checkpoint.replay_from,
                "previous": checkpoint.previous,
                "nodes": len(one.nodes),
                "height": max(entry.root_height for entry in checkpoint.entries) if checkpoint.entries else 0,
                "sound": one.sound,
                "inChain": one.in_chain,
            }

    def state_at_open(self, state):
        """The given state, of the chain from the log's begin, unless damage ends that chain before a checkpoint."""
        first = self.examined[0] if self.examined else None
        if first is None or first.in_chain or not self.examined[-1].sound:
            return state
        found = self.examined[-1]
        opened = self.state_of(found)
        log = LogReader(self.data, self.blocks, [], checkpoint=found.checkpoint)
        for commit in log.commits():
            opened.apply(commit)
        return opened

    def state_of(self, one):
        state = State()
        for walk in one.walks:
            collection = state.collections[walk.entry.number] = Collection()
            collection.definition = definition_of(walk.entry)
            collection.structures = dict(enumerate(structures_of(walk.entry)))
            collection.next = walk.entry.counter if walk.entry.counter > 1 else None
            for key, position, length, crc in walk.records:
                collection.rows[key] = self.row_at(walk.entry.number, key, position, length, crc)
        return state

    def row_at(self, number, key, position, length, crc):
        record = read_record_at(self.data, position, length)
        if record is not None and (record.collection, record.key, record.crc, record.operation) == (number, key, crc, PUT):
            return record
        return Record(position, PUT, number, key, None, 0, crc, 0, length)


def definition_of(entry):
    if entry.number == CATALOG:
        return None
    return decode(entry.definition)


def structures_of(entry):
    return [decode(one)["fields"] for one in entry.structures]


def decode(row):
    try:
        return decode_row(row, {})
    except (BadValue, UnicodeDecodeError) as problem:
        raise Refused(0, f"checkpoint: {problem}") from problem
