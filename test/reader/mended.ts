/**
 * Where stored nodes and checkpoints are in a file, and changes to them that no checksum tells: all that cover them are made
 * anew.
 */
import { CheckpointEntryField, CheckpointField } from '../../src/format/checkpoint.js'
import { crc32c } from '../../native-free/crc32c.js'

const LOG_START = 12_288
const FRAME_HEADER = 48
export const INDEX_NODES_KIND = 6
export const CHECKPOINT_KIND = 7

export interface FramePlace {
  readonly at: number
  readonly kind: number
  readonly payload: number
  readonly end: number
}

/** The frames of a sound log. */
export function framesOf(bytes: Uint8Array): FramePlace[] {
  const view = viewOf(bytes)
  const frames: FramePlace[] = []
  for (let at = LOG_START; bytes.length - at >= FRAME_HEADER;) {
    const end = at + FRAME_HEADER + view.getUint32(at + 8, true)
    frames.push({ at, kind: bytes[at + 4] ?? 0, payload: at + FRAME_HEADER, end })
    at = Math.ceil(end / 8) * 8
  }
  return frames
}

/** The kinds of all node images of a frame. */
export function nodeKindsOf(bytes: Uint8Array, { kind, payload, end }: FramePlace): number[] {
  const kinds: number[] = []
  if (kind !== INDEX_NODES_KIND) return kinds
  for (let at = payload; at < end; at += viewOf(bytes).getUint32(at + 4, true)) kinds.push(bytes[at + 8] ?? 0)
  return kinds
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function mendFrame(bytes: Uint8Array, { at, payload, end }: FramePlace): void {
  const view = viewOf(bytes)
  view.setUint32(at + 12, crc32c(bytes, payload, end), true)
  view.setUint32(at + 44, crc32c(bytes, at, at + 44), true)
}

/** A copy whose newest checkpoint says something else; `change` is given its payload. */
export function withCheckpoint(bytes: Uint8Array, change: (payload: DataView) => void): Uint8Array {
  const copy = bytes.slice()
  const frame = framesOf(copy).findLast(({ kind }) => kind === CHECKPOINT_KIND)
  if (frame === undefined) throw new TypeError('There is no checkpoint.')
  change(new DataView(copy.buffer, frame.payload, frame.end - frame.payload))
  mendFrame(copy, frame)
  return copy
}

/** Where the entry of the last collection begins in a payload. */
export function lastEntry(payload: DataView): number {
  const entries = payload.getUint32(CheckpointField.collections, true)
  let at: number = CheckpointField.end
  for (let i = 1; i < entries; i++) {
    const structures = payload.getUint16(at + CheckpointEntryField.structures, true)
    at += CheckpointEntryField.end + payload.getUint32(at + CheckpointEntryField.definitionLength, true)
    for (let one = 0; one < structures; one++) at += 4 + payload.getUint32(at, true)
  }
  return at
}

/** A copy in which the root of the last collection, which the newest checkpoint stored, says something else. */
export function withRoot(bytes: Uint8Array, change: (image: DataView) => void): Uint8Array {
  return withCheckpoint(bytes, (payload) => {
    const entry = lastEntry(payload)
    const position = payload.getUint32(entry + CheckpointEntryField.rootPosition, true)
    const length = payload.getUint32(entry + CheckpointEntryField.rootLength, true)
    const copy = new Uint8Array(payload.buffer)
    change(new DataView(copy.buffer, position, length))
    const crc = crc32c(copy, position + 4, position + length)
    viewOf(copy).setUint32(position, crc, true)
    payload.setUint32(entry + CheckpointEntryField.rootCrc, crc, true)
    const frame = framesOf(copy).find(({ payload: from, end }) => from <= position && position < end)
    if (frame !== undefined) mendFrame(copy, frame)
  })
}
