/**
 * Damage to the bytes of a database file, one kind at a time.
 */
import { flipped } from '../support/log-images.js'
import type { Random } from '../support/random.js'

export interface DamagedImage {
  readonly bytes: Uint8Array
  /** What was done, enough to do it again. */
  readonly name: string
}

const LOG_START = 12_288

type Damage = (bytes: Uint8Array, random: Random, other: Uint8Array) => { bytes: Uint8Array; what: string }

const DAMAGES: Readonly<Record<string, Damage>> = {
  cut: (bytes, random) => {
    const length = LOG_START + random.below(bytes.length - LOG_START + 1)
    return { bytes: bytes.slice(0, length), what: `to ${length}` }
  },
  flip: (bytes, random) => {
    const bit = random.below(bytes.length * 8)
    return { bytes: flipped(bytes, bit >> 3, bit & 7), what: `bit ${bit}` }
  },
  flipInLog: (bytes, random) => {
    const bit = LOG_START * 8 + random.below((bytes.length - LOG_START) * 8)
    return { bytes: flipped(bytes, bit >> 3, bit & 7), what: `bit ${bit}` }
  },
  /** In a node or a checkpoint, or in the header of its frame. */
  flipInIndex: (bytes, random) => {
    const frames = indexFrames(bytes)
    const frame = frames[random.below(frames.length)] ?? { start: LOG_START, end: LOG_START + 8 }
    const bit = frame.start * 8 + random.below((frame.end - frame.start) * 8)
    return { bytes: flipped(bytes, bit >> 3, bit & 7), what: `bit ${bit}` }
  },
  zero: (bytes, random) => {
    const from = LOG_START + 8 * random.below((bytes.length - LOG_START) / 8)
    const length = 8 * (1 + random.below(64))
    return { bytes: bytes.slice().fill(0, from, from + length), what: `${length} bytes at ${from}` }
  },
  zerosBehind: (bytes, random) => {
    const length = 1 + random.below(5000)
    const longer = new Uint8Array(bytes.length + length)
    longer.set(bytes)
    return { bytes: longer, what: `${length} bytes` }
  },
  garbageBehind: (bytes, random) => {
    const garbage = random.bytes(1 + random.below(300))
    return { bytes: joined(bytes, garbage), what: `${garbage.length} bytes` }
  },
  /** Bytes of the file moved to another place in it. */
  misplaced: (bytes, random) => {
    const [from, to] = [logOffset(bytes, random), logOffset(bytes, random)]
    const length = 8 * (1 + random.below(100))
    const moved = bytes.slice()
    moved.set(bytes.subarray(from, Math.min(from + length, from + bytes.length - to)), to)
    return { bytes: moved, what: `${length} bytes from ${from} to ${to}` }
  },
  /** Bytes put in between, so that everything behind them stands elsewhere. */
  shifted: (bytes, random) => {
    const at = logOffset(bytes, random)
    const gap = new Uint8Array(8 * (1 + random.below(10)))
    return { bytes: joined(joined(bytes.subarray(0, at), gap), bytes.subarray(at)), what: `at ${at}` }
  },
  /** The log's tail of another database at the same offsets. */
  foreignTail: (bytes, random, other) => {
    const at = logOffset(bytes, random)
    return { bytes: joined(bytes.subarray(0, at), other.subarray(at)), what: `at ${at}` }
  },
  /** A fixed block of another database. */
  foreignBlock: (bytes, random, other) => {
    const block = random.below(3)
    const mixed = bytes.slice()
    mixed.set(other.subarray(block * 4096, (block + 1) * 4096), block * 4096)
    return { bytes: mixed, what: `block ${block}` }
  },
  zeroedBlock: (bytes, random) => {
    const block = random.below(3)
    return { bytes: bytes.slice().fill(0, block * 4096, (block + 1) * 4096), what: `block ${block}` }
  },
}

/** One of the wholes, damaged at random. */
export function damaged(wholes: readonly Uint8Array[], random: Random): DamagedImage {
  const names = Object.keys(DAMAGES)
  const name = names[random.below(names.length)] ?? ''
  const which = random.below(wholes.length)
  const source = wholes[which] ?? new Uint8Array(0)
  const other = wholes[(which + 1) % wholes.length] ?? source
  const done = DAMAGES[name]?.(source, random, other) ?? { bytes: source, what: '' }
  return { bytes: done.bytes, name: `database ${which}: ${name} ${done.what}` }
}

/** The frames of a sound log that hold nodes or checkpoints. */
function indexFrames(bytes: Uint8Array): { start: number; end: number }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: { start: number; end: number }[] = []
  for (let at = LOG_START; bytes.length - at >= 48 && view.getUint32(at, true) === 0x4d524656;) {
    const end = at + 48 + view.getUint32(at + 8, true)
    const kind = bytes[at + 4]
    if (kind === 6 || kind === 7) frames.push({ start: at, end })
    at = Math.ceil(end / 8) * 8
  }
  return frames
}

function logOffset(bytes: Uint8Array, random: Random): number {
  return LOG_START + 8 * random.below((bytes.length - LOG_START) / 8)
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
