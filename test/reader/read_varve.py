#!/usr/bin/env python3
"""Reads Varve files and prints them as JSON lines: a second reader, written from docs/format.md alone.

    read_varve.py [--rows] [--verify] <file>...

Lines, each an object with a `type`: `file` begins each file; `header`; `superblock` (two); `commit` (sequence, time,
operations, commitCrc, offset) for each commit in the chain; `log` (where it ends, the watermark, and whether it ends
cleanly); `collection` (definition, number of rows, state digest) in the order of their ids; with `--rows` behind each
collection its `row` lines in key order; with `--verify` a `finding` (offset, why) for all that is not as the format says.

A `checkpoint` line for each that an open would try, up to the first that is sound: whether it is, and whether its commit is in
the chain from the log's begin. If it is, its trees were compared with what the log says. If it is not, the log is damaged
before it: then the collections and rows are those that an open from the first sound one sees, and a row whose record is
damaged is `unreadable`.

A file that cannot be read, or whose content contradicts itself, ends with an `error` line (offset, why).
Exit codes: 0; 1 if `--verify` found something; 2 if there was an error.
"""

import json
import sys

sys.dont_write_bytecode = True

from blocks import FixedBlocks, Refused  # noqa: E402
from checkpoints import CheckpointReader  # noqa: E402
from index import IndexFrames  # noqa: E402
from log import LogReader  # noqa: E402
from state import State, row_lines  # noqa: E402

# Rows may nest deeper than Python's default allows for the calls of a recursive decoder.
sys.setrecursionlimit(10_000)


def emit(line):
    sys.stdout.write(json.dumps(line, ensure_ascii=True) + "\n")


def read(path, with_rows, findings):
    with open(path, "rb") as file:
        data = file.read()
    blocks = FixedBlocks(data, findings)
    emit({"type": "header", "damaged": blocks.header_damaged, **blocks.header.as_json()})
    for slot, superblock in enumerate(blocks.superblocks):
        facts = {"type": "superblock", "slot": slot, "valid": superblock is not None}
        if superblock is not None:
            facts.update(live=superblock is blocks.live, **superblock.as_json())
        emit(facts)
    index_frames = IndexFrames(data, findings)
    log = LogReader(data, blocks, findings, index_frames=index_frames)
    checkpoints = CheckpointReader(data, log.end, blocks, findings)
    state = State()
    checkpoints.begin(state)
    for commit in log.commits():
        state.apply(commit)
        checkpoints.applied(commit, state)
        emit(
            {
                "type": "commit",
                "sequence": commit.sequence,
                "time": commit.time,
                "operations": commit.operations,
                "commitCrc": commit.commit_crc,
                "offset": commit.offset,
            }
        )
    log.check_end()
    facts = {"end": log.last_end, "fileBytes": len(data), "watermark": log.watermark, "clean": log.clean}
    emit({"type": "log", **facts})
    checkpoints.check_end(index_frames)
    for line in checkpoints.lines():
        emit(line)
    for number, collection in checkpoints.state_at_open(state).listed():
        emit_collection(number, collection, with_rows)


def emit_collection(number, collection, with_rows):
    structures = collection.structures
    emit(
        {
            "type": "collection",
            "id": number,
            **collection.definition,
            "rows": len(collection.rows),
            "structures": [structures[one] for one in sorted(structures)],
            "next": collection.next,
            "digest": collection.digest(),
        }
    )
    if with_rows:
        for line in row_lines(number, collection):
            emit(line)


def read_one(path, with_rows, verify):
    emit({"type": "file", "path": path})
    findings = []
    code = 0
    try:
        read(path, with_rows, findings)
    except Refused as refusal:
        emit({"type": "error", "offset": refusal.offset, "why": refusal.why})
        code = 2
    if not verify:
        return code
    for offset, why in findings:
        emit({"type": "finding", "offset": offset, "why": why})
    return code or (1 if findings else 0)


def main(arguments):
    options = {one for one in arguments if one.startswith("--")}
    paths = [one for one in arguments if not one.startswith("--")]
    if not paths or options - {"--rows", "--verify"}:
        sys.stderr.write(__doc__)
        return 2
    return max(read_one(path, "--rows" in options, "--verify" in options) for path in paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
