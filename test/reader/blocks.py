"""The three fixed blocks of a file: the header and the two superblocks."""

import struct

from crc32c import crc32c

BLOCK = 4096
LOG_START = 3 * BLOCK
HEADER_MAGIC = bytes.fromhex("8956415256450d0a1a0a00ff56310d0a")
SUPERBLOCK_MAGIC = b"VARVESUP"
MAX_SAFE = (1 << 53) - 1


class Refused(Exception):
    """The file is not one that this reader can read; says where and why."""

    def __init__(self, offset, why):
        super().__init__(why)
        self.offset = offset
        self.why = why


class Header:
    """The identity part, bytes 16 to 103 of the header block, which superblocks repeat."""

    def __init__(self, identity):
        (
            self.format_major,
            self.format_minor,
            self.reserved,
            database_id,
            generation_id,
            self.created_at,
            parent_generation_id,
            self.parent_sequence,
            self.parent_commit_offset,
            self.parent_commit_crc,
            self.reserved2,
        ) = struct.unpack("<HHI16s16sQ16sQQII", identity)
        self.generation = generation_id
        self.database_id = database_id.hex()
        self.generation_id = generation_id.hex()
        self.parent_generation_id = parent_generation_id.hex()

    def problem(self):
        if max(self.created_at, self.parent_sequence, self.parent_commit_offset) > MAX_SAFE:
            return "an integer of the header is above 2^53 - 1"
        return None

    def as_json(self):
        return {
            "formatMajor": self.format_major,
            "formatMinor": self.format_minor,
            "databaseId": self.database_id,
            "generationId": self.generation_id,
            "createdAt": self.created_at,
            "parentGenerationId": self.parent_generation_id,
            "parentSequence": self.parent_sequence,
            "parentCommitOffset": self.parent_commit_offset,
            "parentCommitCrc": self.parent_commit_crc,
        }


class Superblock:
    def __init__(self, block):
        self.sequence = struct.unpack_from("<Q", block, 8)[0]
        self.identity = bytes(block[16:104])
        self.header = Header(self.identity)
        (
            self.epoch,
            self.features_compatible,
            self.features_read_only,
            self.features_incompatible,
            session_id,
            self.checkpoint,
            self.watermark,
            self.watermark_sequence,
            self.cut_at,
            self.highest_sequence,
            self.checkpoint_end,
        ) = struct.unpack_from("<IIII16sQQQQQQ", block, 104)
        self.session_id = session_id.hex()

    def problem(self):
        numbers = (self.sequence, self.checkpoint, self.watermark, self.watermark_sequence, self.cut_at)
        if max(*numbers, self.highest_sequence, self.checkpoint_end) > MAX_SAFE:
            return "an integer of the superblock is above 2^53 - 1"
        return self.header.problem()

    def as_json(self):
        return {
            "sequence": self.sequence,
            "epoch": self.epoch,
            "featuresCompatible": self.features_compatible,
            "featuresReadOnlyCompatible": self.features_read_only,
            "featuresIncompatible": self.features_incompatible,
            "sessionId": self.session_id,
            "checkpoint": self.checkpoint,
            "watermark": self.watermark,
            "watermarkSequence": self.watermark_sequence,
            "cutAt": self.cut_at,
            "highestSequence": self.highest_sequence,
            "checkpointEnd": self.checkpoint_end,
        }


def _block_problem(block, magic):
    if len(block) < BLOCK:
        return "the block is incomplete"
    if block[: len(magic)] != magic:
        return "the magic is missing"
    if crc32c(block[: BLOCK - 4]) != struct.unpack_from("<I", block, BLOCK - 4)[0]:
        return "the block fails its checksum"
    return None


def _note_unused(block, header, used, offset, findings):
    """A higher minor version may use what this one leaves zero, so it makes no block unusable."""
    if header.reserved or header.reserved2 or any(block[used : BLOCK - 4]):
        findings.append((offset, "block: a part that is not used is not zero"))


class FixedBlocks:
    """What stands before the log: a sound header or its copy, and the live superblock if there is one."""

    def __init__(self, data, findings):
        self.header_damaged = False
        self.superblocks = [None, None]
        header = self._read_header(data, findings)
        found = [self._read_superblock(data, slot, findings) for slot in (0, 1)]
        if header is None:
            known = [superblock for superblock in found if superblock is not None]
            if not known:
                raise Refused(0, "neither the header nor a superblock can be read")
            if len({superblock.header.generation for superblock in known}) > 1:
                raise Refused(0, "the header cannot be read, and the superblocks are of different generations")
            header = max(known, key=lambda superblock: superblock.sequence).header
            self.header_damaged = True
        self.header = header
        if header.format_major != 1:
            raise Refused(16, f"format {header.format_major} is not known")
        for slot, superblock in enumerate(found):
            if superblock is None:
                continue
            if superblock.header.generation != header.generation:
                findings.append((BLOCK * (slot + 1), "superblock: it is of another generation"))
            else:
                self.superblocks[slot] = superblock
        a, b = self.superblocks
        if a is not None and b is not None and abs(a.sequence - b.sequence) != 1:
            findings.append((BLOCK, "superblock: the two were not written one after the other"))
        self.live = None
        for superblock in self.superblocks:
            if superblock is not None and (self.live is None or superblock.sequence > self.live.sequence):
                self.live = superblock
        if self.live is not None and self.live.features_incompatible:
            raise Refused(BLOCK, "the file uses a feature that this reader does not know")

    @staticmethod
    def _read_header(data, findings):
        block = data[:BLOCK]
        problem = _block_problem(block, HEADER_MAGIC)
        header = Header(block[16:104]) if problem is None else None
        problem = problem or header.problem()
        if problem is not None:
            findings.append((0, f"header: {problem}"))
            return None
        _note_unused(block, header, 104, 0, findings)
        return header

    @staticmethod
    def _read_superblock(data, slot, findings):
        offset = BLOCK * (slot + 1)
        block = data[offset : offset + BLOCK]
        problem = _block_problem(block, SUPERBLOCK_MAGIC)
        superblock = Superblock(block) if problem is None else None
        problem = problem or superblock.problem()
        if problem is not None:
            findings.append((offset, f"superblock: {problem}"))
            return None
        _note_unused(block, superblock.header, 184, offset, findings)
        return superblock

    @property
    def max_epoch(self):
        """With a superblock missing, the epoch of the session that wrote it is unknown."""
        return self.live.epoch if None not in self.superblocks else (1 << 32) - 1
