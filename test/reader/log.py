"""The log: frames, the chain of commits, and the records of each commit."""

import struct
from dataclasses import dataclass, field

from blocks import LOG_START, MAX_SAFE, Refused
from crc32c import crc32c
from digest import digest_lanes

FRAME_HEADER = 48
COMMIT_BLOCK = 72
TXN_BEGIN_PAYLOAD = 24
FRAME_MAGIC = b"VFRM"
MAX_PAYLOAD = 33_554_432
MAX_KEY = 4096
MAX_VALUE = 16_777_216

TRANSACTION, TXN_BEGIN, TXN_RECORDS, TXN_COMMIT, BASE, INDEX_NODES, CHECKPOINT, MARK = 1, 2, 3, 4, 5, 6, 7, 8
PASSED_OVER = (INDEX_NODES, CHECKPOINT)
PUT, DELETE = 1, 2


def align(offset):
    return (offset + 7) & ~7


@dataclass
class Frame:
    offset: int
    kind: int
    flags: int
    # How many descriptions of replaced records stand behind the records.
    replaced: int
    length: int
    crc: int
    own_offset: int
    generation: bytes
    epoch: int
    sequence: int
    header: bytes

    @property
    def payload_start(self):
        return self.offset + FRAME_HEADER

    @property
    def payload_end(self):
        return self.offset + FRAME_HEADER + self.length

    @property
    def records_end(self):
        return self.payload_end - 8 * self.replaced

    @property
    def end(self):
        return align(self.payload_end)


@dataclass
class Commit:
    sequence: int
    time: int
    operations: int
    frames: int
    frames_crc: int
    commit_crc: int
    watermark: int
    previous_sequence: int
    previous_offset: int
    previous_crc: int
    reserved: int
    begin: int
    offset: int
    end: int
    epoch: int
    records: list = field(default_factory=list)


@dataclass
class Record:
    offset: int
    operation: int
    collection: int
    key: bytes
    value: bytes
    expiry: int
    crc: int
    previous: int
    length: int


class Scanner:
    """Walks the log and yields ('frame', Frame), ('bad', offset, end, why) and ('zeros', offset)."""

    def __init__(self, data, end, generation, max_epoch, start=LOG_START, epoch=0, checkpoint_end=0):
        self.data = data
        # The search for a frame in bad bytes ends here too.
        self.checkpoint_end = checkpoint_end
        self.start = start
        self.end = end
        self.generation = generation[:8]
        self.max_epoch = max_epoch
        self.epoch = epoch

    def events(self):
        at = self.start
        while at < self.end:
            frame, why = self.frame_at(at)
            if why is None:
                self.epoch = frame.epoch
                yield ("frame", frame)
                at = frame.end
            elif why == "payload checksum" and frame.kind in PASSED_OVER:
                yield ("passed", frame, why)
                at = frame.end
            elif why == "no frame" and not any(self.data[at : self.end]):
                yield ("zeros", at)
                return
            else:
                found = self.next_frame(at + 8)
                yield ("bad", at, found, why)
                at = found

    def next_frame(self, at):
        stop = self.checkpoint_end
        if at <= stop <= self.end and stop % 8 == 0:
            found = self.frame_between(at, stop)
            return stop if found is None else found
        found = self.frame_between(at, self.end)
        return self.end if found is None else found

    def frame_between(self, at, stop):
        """The first offset before `stop` at which there is a frame."""
        while min(self.end - FRAME_HEADER, stop - 1) >= at:
            at = self.data.find(FRAME_MAGIC, at, self.end)
            if at < 0 or at >= stop:
                break
            if at % 8 == 0 and self.frame_at(at)[1] is None:
                return at
            at += 1
        return None

    def frame_at(self, at):
        """The frame at an offset and None, or what is known of it and the first condition that fails."""
        header = self.data[at : min(at + FRAME_HEADER, self.end)]
        if len(header) < FRAME_HEADER or header[:4] != FRAME_MAGIC:
            return None, "no frame"
        kind, flags, replaced, length, crc, own_offset, generation, epoch = struct.unpack_from("<BBHIIQ8sI", header, 4)
        sequence, header_crc = struct.unpack_from("<QI", header, 36)
        frame = Frame(at, kind, flags, replaced, length, crc, own_offset, generation, epoch, sequence, header)
        if crc32c(header[:44]) != header_crc:
            return None, "header checksum"
        if own_offset != at:
            return None, "own offset"
        if generation != self.generation:
            return None, "generation"
        if epoch < self.epoch or epoch > self.max_epoch:
            return None, "epoch"
        if length > MAX_PAYLOAD:
            return None, "payload length"
        if frame.payload_end > self.end:
            return None, "incomplete"
        if crc32c(self.data[frame.payload_start : frame.payload_end]) != crc:
            return frame, "payload checksum"
        return frame, None


class LogReader:
    """
    Follows the chain of commits from the generation's begin, or from where a checkpoint says that it goes on;
    `commits()` yields each one that is in it. `index_frames` is told of frames and bad bytes.
    """

    def __init__(self, data, blocks, findings, checkpoint=None, index_frames=None):
        self.index_frames = index_frames
        self.start = LOG_START
        self.epoch = 0
        self.data = data
        self.blocks = blocks
        self.findings = findings
        header = blocks.header
        self.last = (header.parent_sequence, header.parent_commit_offset, header.parent_commit_crc)
        self.last_time = 0
        self.last_end = LOG_START
        if checkpoint is not None:
            self.last = (checkpoint.sequence, checkpoint.commit_offset, checkpoint.commit_crc)
            self.last_time = checkpoint.time
            self.last_end = checkpoint.commit_end
            self.start = checkpoint.replay_from
            self.epoch = checkpoint.commit_epoch
        # Whether the first commit must be, and is not yet read, that of a compacted generation.
        self.awaits_base = checkpoint is None and any(bytes.fromhex(header.parent_generation_id))
        self.pending = []
        self.watermark = blocks.live.watermark if blocks.live is not None else 0
        self.checkpoint_end = blocks.live.checkpoint_end if blocks.live is not None else 0
        # Between these no commit lies.
        self.quiet = (self.watermark, self.checkpoint_end)
        # Whether something broke the chain that no later commit went on over.
        self.broken = False
        cut_at = blocks.live.cut_at if blocks.live is not None else 0
        self.end = min(cut_at, len(data)) if cut_at else len(data)

    def commits(self):
        generation, max_epoch = self.blocks.header.generation, self.blocks.max_epoch
        scanner = Scanner(self.data, self.end, generation, max_epoch, self.start, self.epoch, self.checkpoint_end)
        for event, *facts in scanner.events():
            if self.index_frames is not None and event in ("passed", "bad"):
                self.index_frames.take_bad()
            if event == "frame":
                commit = self.take(facts[0])
                if commit is not None:
                    yield commit
            elif event == "passed":
                self.drop_pending()
                self.finding(facts[0].offset, f"frame: {facts[1]}")
            elif event == "bad":
                self.drop_pending()
                self.note_bad(facts[0], facts[1])
                self.finding(facts[0], f"bytes: {facts[2]}, up to {facts[1]}")
        self.drop_pending()

    def note_bad(self, start, end):
        """Bytes that are no frame break the chain, unless no commit can be there, or one goes on with it later."""
        watermark, checkpoint_end = self.quiet
        goes_on = end == checkpoint_end or end < self.end
        if not (watermark <= start and end <= checkpoint_end and goes_on):
            self.broken = True

    @property
    def clean(self):
        """Whether the log ends cleanly: what every recovery mode opens. Known once all commits were read."""
        return not self.broken and self.last_end >= self.watermark and self.end >= max(self.watermark, LOG_START)

    def check_end(self):
        """What can only be said at the end of the log."""
        if self.watermark > self.last_end:
            self.finding(self.last_end, f"chain: the last commit ends before the watermark {self.watermark}")
        elif self.watermark > self.end:
            self.finding(self.end, f"file: it ends before the watermark {self.watermark}")
        if self.blocks.live is not None and self.blocks.live.cut_at:
            self.finding(self.blocks.live.cut_at, "superblock: a cut is in progress")

    def finding(self, offset, why):
        self.findings.append((offset, why))

    def take(self, frame):
        self.check_known(frame)
        if any(self.data[frame.payload_end : min(frame.end, self.end)]):
            self.finding(frame.payload_end, "padding: it is not zero")
        if self.index_frames is not None:
            self.index_frames.take(frame)
        if frame.kind == MARK:
            self.take_mark(frame)
        if frame.kind == TRANSACTION:
            self.drop_pending()
            return self.take_commit(frame, [])
        if frame.kind == TXN_COMMIT:
            if self.pending and self.pending[-1].end != frame.offset:
                self.drop_pending()
            before, self.pending = self.pending, []
            return self.take_commit(frame, before)
        if frame.kind == BASE:
            if self.pending and self.pending[-1].end != frame.offset:
                self.drop_pending()
            before, self.pending = self.pending, []
            return self.take_base(frame, before)
        if frame.kind == TXN_BEGIN:
            if frame.length != TXN_BEGIN_PAYLOAD:
                raise Refused(frame.offset, "txnBegin: it has not 24 bytes")
            self.drop_pending()
            self.pending = [frame]
        elif frame.kind == TXN_RECORDS and self.pending and self.pending[-1].end == frame.offset:
            self.pending.append(frame)
        else:
            self.drop_pending()
            if frame.kind == TXN_RECORDS:
                self.broken = True
                self.finding(frame.offset, "transaction: records without a begin")
        return None

    def drop_pending(self):
        if self.pending:
            self.broken = True
            self.finding(self.pending[0].offset, "transaction: it has no commit")
        self.pending = []

    def check_known(self, frame):
        if frame.kind not in (TRANSACTION, TXN_BEGIN, TXN_RECORDS, TXN_COMMIT, BASE, MARK, *PASSED_OVER):
            raise Refused(frame.offset, f"frame: kind {frame.kind} is not known")
        if frame.flags or (frame.replaced and frame.kind not in (TRANSACTION, TXN_RECORDS)):
            raise Refused(frame.offset, "frame: a flag is not known")
        if frame.sequence > MAX_SAFE:
            raise Refused(frame.offset, "frame: the sequence is above 2^53 - 1")

    def take_mark(self, frame):
        if frame.length != 16:
            raise Refused(frame.offset, "mark: it has not 16 bytes")
        watermark, sequence = struct.unpack_from("<QQ", self.data, frame.payload_start)
        if max(watermark, sequence) > MAX_SAFE:
            raise Refused(frame.offset, "mark: an integer is above 2^53 - 1")
        self.count_watermark(watermark, frame.offset)

    def count_watermark(self, watermark, offset):
        if watermark <= offset:
            self.watermark = max(self.watermark, watermark)

    def take_commit(self, frame, before):
        commit = self.read_commit_block(frame)
        self.count_watermark(commit.watermark, frame.offset)
        problem = self.frames_problem(commit, frame, before)
        names = (commit.previous_sequence, commit.previous_offset, commit.previous_crc)
        if self.awaits_base:
            problem = problem or "the generation does not begin with a base"
        if problem is None and (names != self.last or commit.sequence <= commit.previous_sequence):
            problem = "it does not name the commit before it"
        if problem is not None:
            return self.not_in_chain(frame, problem)
        self.read_records(commit, frame, before)
        self.check_content(commit, frame, before)
        return self.apply(commit, frame)

    def take_base(self, frame, before):
        """The first commit of a compacted generation, which stands in for the parent's that it names."""
        commit = self.read_commit_block(frame)
        stated = self.read_base(frame)
        self.count_watermark(commit.watermark, frame.offset)
        problem = self.frames_problem(commit, frame, before)
        names = (commit.previous_sequence, commit.previous_offset, commit.previous_crc)
        own = (commit.sequence, commit.previous_offset, commit.commit_crc)
        if problem is None and not (self.awaits_base and names == self.last == own):
            problem = "a base that does not begin the generation"
        if problem is not None:
            return self.not_in_chain(frame, problem)
        self.read_records(commit, frame, before)
        self.check_stated(commit, frame, before)
        self.check_begin(commit, before[0])
        self.check_base(commit, frame, stated)
        self.awaits_base = False
        return self.apply(commit, frame)

    def read_base(self, frame):
        """Rows and digest lanes by collection id."""
        body = self.data[frame.payload_start + COMMIT_BLOCK : frame.payload_end]
        if len(body) < 8:
            raise Refused(frame.offset, "base: it is too short")
        count, reserved = struct.unpack_from("<II", body, 0)
        if reserved or len(body) != 8 + 24 * count:
            raise Refused(frame.offset, "base: its collections have a wrong length")
        stated = {}
        for entry in range(count):
            number, a, b, reserved, rows = struct.unpack_from("<IIIIQ", body, 8 + 24 * entry)
            if reserved or (stated and number <= max(stated)):
                raise Refused(frame.offset, "base: its collections are not what they must be")
            stated[number] = (rows, a, b)
        return stated

    def check_base(self, commit, frame, stated):
        found = {number: [0, 0, 0] for number in stated}
        for record in commit.records:
            sums = found.setdefault(record.collection, [0, 0, 0])
            a, b = digest_lanes(record.key, record.crc)
            sums[0] += 1
            sums[1] = (sums[1] + a) & 0xFFFFFFFF
            sums[2] = (sums[2] + b) & 0xFFFFFFFF
        if {number: tuple(sums) for number, sums in found.items()} != stated:
            raise Refused(frame.offset, "base: its rows are not those that it states")

    def not_in_chain(self, frame, problem):
        self.broken = True
        self.finding(frame.offset, f"chain: {problem}")

    def apply(self, commit, frame):
        self.last = (commit.sequence, commit.offset, commit.commit_crc)
        self.last_time = commit.time
        self.last_end = frame.end
        self.broken = False
        return commit

    def read_commit_block(self, frame):
        if frame.length < COMMIT_BLOCK or (frame.kind == TXN_COMMIT and frame.length != COMMIT_BLOCK):
            raise Refused(frame.offset, "commit: the block has a wrong length")
        numbers = struct.unpack_from("<QQIIIIQQQIIQ", self.data, frame.payload_start)
        commit = Commit(*numbers, offset=frame.offset, end=frame.end, epoch=frame.epoch)
        if max(numbers) > MAX_SAFE:
            raise Refused(frame.offset, "commit: an integer is above 2^53 - 1")
        if commit.reserved:
            raise Refused(frame.offset, "commit: a reserved field is not zero")
        return commit

    @staticmethod
    def frames_problem(commit, frame, before):
        """Whether the frames of the transaction are those that its commit states."""
        begin = before[0].offset if before else frame.offset
        if frame.kind in (TXN_COMMIT, BASE) and not before:
            return "it stands without the frames of its transaction"
        crc = 0
        for one in before:
            crc = crc32c(one.header, crc)
        if commit.frames != len(before) or commit.frames_crc != crc or commit.begin != begin:
            return "the frames are not those that the commit states"
        return None

    def check_content(self, commit, frame, before):
        """What the commit states of itself; its bytes are as they were written, so a contradiction is no damage."""
        self.check_stated(commit, frame, before)
        self.check_crc(commit, frame)
        if before:
            self.check_begin(commit, before[0])

    def check_stated(self, commit, frame, before):
        where = frame.offset
        if any(one.sequence != commit.sequence for one in [*before, frame]):
            raise Refused(where, "commit: a frame states another sequence than the commit")
        if commit.time < self.last_time:
            raise Refused(where, "commit: the time falls")
        if commit.operations != len(commit.records):
            raise Refused(where, f"commit: {commit.operations} operations stated, {len(commit.records)} found")

    def check_crc(self, commit, frame):
        crc = crc32c(
            struct.pack(
                "<QQIQI",
                commit.sequence,
                commit.time,
                commit.operations,
                commit.previous_sequence,
                commit.previous_crc,
            )
            + b"".join(struct.pack("<I", record.crc) for record in commit.records)
        )
        if crc != commit.commit_crc:
            raise Refused(frame.offset, "commit: the commit CRC does not hold")

    def check_begin(self, commit, begin):
        stated = struct.unpack_from("<QQII", self.data, begin.payload_start)
        if stated != (commit.sequence, commit.previous_sequence, commit.previous_crc, 0):
            raise Refused(begin.offset, "txnBegin: it contradicts its commit")

    def read_records(self, commit, frame, before):
        parts = [(one, one.payload_start) for one in before[1:]]
        if frame.kind == TRANSACTION:
            parts.append((frame, frame.payload_start + COMMIT_BLOCK))
        for one, at in parts:
            told = one.records_end
            while at < one.records_end:
                record, at = read_record(self.data, at, one)
                commit.records.append(record)
                if one.replaced and record.previous:
                    self.check_replaced(record, one, told)
                    told += 8
            if told != one.payload_end:
                raise Refused(one.offset, "records: more is said of replaced ones than there are")

    def check_replaced(self, record, frame, told):
        """What a frame says of the version before must be so."""
        if told >= frame.payload_end:
            raise Refused(frame.offset, "records: less is said of replaced ones than there are")
        length, crc = struct.unpack_from("<II", self.data, told)
        before = read_record_at(self.data, record.previous, length)
        if before is None or (before.crc, before.key, before.collection) != (crc, record.key, record.collection):
            raise Refused(record.offset, "record: it replaced another record than its frame says")


def read_record(data, at, frame):
    """The record at an offset, and where the next one begins."""
    end = frame.records_end
    if end - at < 18:
        raise Refused(at, "record: it is incomplete")
    crc, distance = struct.unpack_from("<II", data, at)
    previous = int.from_bytes(data[at + 8 : at + 14], "little")
    operation = data[at + 14]
    collection, body = read_varint(data, at + 15, end)
    key_length, body = read_varint(data, body, end)
    value_length, body = read_varint(data, body, end)
    expiry = 0
    if operation & 0x80:
        expiry = int.from_bytes(data[body : body + 8], "little")
        body += 8
    stop = body + key_length + value_length
    if key_length > MAX_KEY or value_length > MAX_VALUE or stop > end:
        raise Refused(at, "record: a length is out of bounds")
    if distance != at - frame.offset:
        raise Refused(at, "record: the distance to its frame is wrong")
    if crc32c(data[at + 14 : stop]) != crc:
        raise Refused(at, "record: it fails its checksum")
    if operation & 0x7F not in (PUT, DELETE) or (operation & 0x7F == DELETE and value_length):
        raise Refused(at, "record: the operation is not known")
    key = bytes(data[body : body + key_length])
    value = bytes(data[body + key_length : stop])
    return Record(at, operation & 0x7F, collection, key, value, expiry, crc, previous, stop - at), stop


def read_record_at(data, position, length):
    """The record that an index entry leads to; None if it is none."""
    if length < 18 or position + length > len(data):
        return None
    distance = struct.unpack_from("<I", data, position + 4)[0]
    place = Frame(position - distance, 0, 0, 0, position + length - (position - distance) - FRAME_HEADER, 0, 0, b"", 0, 0, b"")
    try:
        record, stop = read_record(data, position, place)
    except Refused:
        return None
    return record if stop == position + length else None


def read_varint(data, at, end):
    value = 0
    for i in range(5):
        if at + i >= end:
            break
        byte = data[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if value > 0xFFFFFFFF:
                break
            return value, at + i + 1
    raise Refused(at, "record: a length is ill-formed")
