/**
 * What readers noted of the entries of a leaf of keys alone: references to records that they found elsewhere, so that the next reader need
 * not look for them. The tree knows nothing of what they mean; whether they still hold is told by the epoch of whoever made them.
 *
 * Notes are in memory only. A leaf that is copied, or read anew, has none.
 */
import type { RecordRef } from './record-ref.js'

/** Until when notes are of use. */
export type NoteEpoch = symbol

/** Numbers for an entry: the position; the checksum, and behind it the length. */
const NUMBERS = 2
/** Lengths below this are noted: a checksum of 32 bits and a length are one exact number. */
const LENGTHS = 2 ** 21

/** Most memory of notes, for an entry that there is room for. */
export const NOTE_BYTES: number = NUMBERS * 8

export class LeafNotes {
  readonly epoch: NoteEpoch
  readonly #numbers: number[] = []

  constructor(epoch: NoteEpoch) {
    this.epoch = epoch
  }

  /** Fills `out` with what was noted of entry `i`, if anything was. */
  read(i: number, out: RecordRef): boolean {
    const position = this.#numbers[i * NUMBERS]
    const rest = this.#numbers[i * NUMBERS + 1]
    if (position === undefined || rest === undefined) return false
    out.position = position
    out.crc = Math.floor(rest / LENGTHS)
    out.lengthBytes = rest - out.crc * LENGTHS
    return true
  }

  write(i: number, { position, lengthBytes, crc }: RecordRef): void {
    if (lengthBytes >= LENGTHS) return
    this.#numbers[i * NUMBERS] = position
    this.#numbers[i * NUMBERS + 1] = crc * LENGTHS + lengthBytes
  }
}
