/**
 * Records that come from elsewhere and lie one directly behind the other: checked together, then given the heads of their new place.
 *
 * A checksum of its own for each record of a hundred bytes costs several times what the same bytes cost in one piece. So the run is
 * made one piece, whose checksum tells of every record. Between the bodies of two records lies the head of the second, which is
 * to be written anew anyway. There goes, for the moment:
 *
 *     the CRC of the body before, 4 bytes | zeros, 6 bytes | RESTART, 4 bytes
 *
 * Behind any bytes and their own CRC, the state of a CRC-32C is the same, whatever the bytes were; and from that state the other ten
 * bytes lead to the state that a CRC begins with. So if every body has its CRC, the checksum of the whole run is
 * that of its last body. If one has not, the state is another one behind it, and stays another one to the end: what
 * follows maps different states to different ones. Only two damaged bodies could make up for each other, once in 2^32,
 * which is also how often a damaged body has its CRC by chance.
 */
import type { Checksum } from './checksum.js'
import { u32 } from './typed-read.js'
import { writeUint48 } from './integers.js'
import { RECORD_BODY, RecordField } from './record.js'

/** See above. A constant of CRC-32C. */
const RESTART = 0x783d6bc0

/** Bytes that hold records. */
export interface RecordBytes {
  readonly bytes: Uint8Array
  readonly view: DataView
}

/** The records `[from, to)` of a list: where each begins, and which CRC it must have. The last one ends at `end`. */
export interface RecordRun {
  readonly places: Uint32Array
  readonly crcs: Uint32Array
  readonly from: number
  readonly to: number
  readonly end: number
}

/** Whether every record of a run has its CRC. The heads of the records are of no use afterwards. */
export function runHolds({ bytes, view }: RecordBytes, run: RecordRun, checksum: Checksum): boolean {
  const { places, crcs, from, to, end } = run
  let before = 0
  for (let i = from; i < to; i++) {
    const at = u32(places, i)
    const crc = u32(crcs, i)
    if (view.getUint32(at + RecordField.crc, true) !== crc) return false
    view.setUint32(at, before, true)
    view.setUint32(at + 4, 0, true)
    view.setUint16(at + 8, 0, true)
    view.setUint32(at + 10, RESTART, true)
    before = crc
  }
  return from === to || checksum(bytes, u32(places, from) + RECORD_BODY, end) === before
}

/** Writes the heads of the records of a run, none of which has a version before it, into a frame that begins at `frame`. */
export function writeRunHeads(
  { view }: RecordBytes,
  { places, crcs, from, to }: RecordRun,
  frame: number,
): void {
  for (let i = from; i < to; i++) {
    const at = u32(places, i)
    view.setUint32(at + RecordField.crc, u32(crcs, i), true)
    view.setUint32(at + RecordField.distance, at - frame, true)
    writeUint48(view, at + RecordField.previous, 0)
  }
}
