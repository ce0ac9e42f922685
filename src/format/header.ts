/**
 * The header block: the first 4 KiB of a file, written once at its creation.
 *
 * It says that this is a Varve file, which database and which generation of it, and where that generation came from.
 * The superblocks repeat its identity part, so a damaged header can be restored from either of them.
 */
import { blockChecksum } from './block-checksum.js'
import type { Checksum } from './checksum.js'
import { hex, readUint64, unhex, viewOf, writeUint64 } from './integers.js'

/** Size of the header and of each superblock. */
export const BLOCK_BYTES = 4096
/** Where the log begins: after the header and two superblocks. */
export const LOG_START: number = 3 * BLOCK_BYTES
/** Where a block's own CRC-32C stands; it covers every byte before it. */
export const BLOCK_CRC_OFFSET = 4092

export const FORMAT_MAJOR = 1
export const FORMAT_MINOR = 0

/**
 * A byte above 127 (7-bit channels), the name, CR LF (newline conversion), Ctrl-Z (stops a DOS `type`), LF (the
 * reverse conversion), and a NUL.
 */
export const HEADER_MAGIC: readonly number[] = [
  0x89, 0x56, 0x41, 0x52, 0x56, 0x45, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff, 0x56, 0x31, 0x0d, 0x0a,
]

/** Byte offsets within the header block. */
export const HeaderField = {
  magic: 0,
  formatMajor: 16,
  formatMinor: 18,
  reserved: 20,
  databaseId: 24,
  generationId: 40,
  createdAt: 56,
  parentGenerationId: 64,
  parentSequence: 80,
  parentCommitOffset: 88,
  parentCommitCrc: 96,
  reserved2: 100,
  end: 104,
} as const

/** The part that the superblocks repeat: everything after the magic. */
export const IDENTITY_START: number = HeaderField.formatMajor
export const IDENTITY_BYTES: number = HeaderField.end - HeaderField.formatMajor

/** What the header says. Ids are 32 lower-case hex digits. */
export interface Header {
  readonly formatMajor: number
  readonly formatMinor: number
  readonly databaseId: string
  readonly generationId: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** The commit this generation was made from; all zero for a database that was created empty. */
  readonly parentGenerationId: string
  readonly parentSequence: number
  readonly parentCommitOffset: number
  readonly parentCommitCrc: number
}

export const NO_GENERATION: string = '0'.repeat(32)

/** Whether a generation was made from another one: then its first commit is a `Base`. */
export function isCompacted({ parentGenerationId }: Header): boolean {
  return parentGenerationId !== NO_GENERATION
}

export type HeaderResult =
  | { readonly ok: true; readonly header: Header }
  | {
      readonly ok: false
      readonly problem: 'notVarve' | 'checksum' | 'newerFormat' | 'value'
      readonly actual: string
    }

export function encodeHeader(header: Header, checksum: Checksum): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES)
  block.set(HEADER_MAGIC, HeaderField.magic)
  writeIdentity(header, block, 0)
  viewOf(block).setUint32(BLOCK_CRC_OFFSET, blockChecksum(block, BLOCK_CRC_OFFSET, checksum), true)
  return block
}

export function decodeHeader(block: Uint8Array, checksum: Checksum): HeaderResult {
  if (block.length < BLOCK_BYTES || !HEADER_MAGIC.every((byte, i) => block[i] === byte)) {
    return { ok: false, problem: 'notVarve', actual: hex(block.subarray(0, HEADER_MAGIC.length)) }
  }
  const crc = blockChecksum(block, BLOCK_CRC_OFFSET, checksum)
  const stored = viewOf(block).getUint32(BLOCK_CRC_OFFSET, true)
  if (crc !== stored) return { ok: false, problem: 'checksum', actual: crc.toString(16) }
  const header = readIdentity(block, 0)
  if (header.formatMajor !== FORMAT_MAJOR) {
    return { ok: false, problem: 'newerFormat', actual: `${header.formatMajor}.${header.formatMinor}` }
  }
  if (!isSafeIdentity(header)) return { ok: false, problem: 'value', actual: 'an integer above 2^53 - 1' }
  return { ok: true, header }
}

/** Writes the identity part into `block`, as if the block's header began at `base`. */
export function writeIdentity(header: Header, block: Uint8Array, base: number): void {
  const view = viewOf(block)
  view.setUint16(base + HeaderField.formatMajor, header.formatMajor, true)
  view.setUint16(base + HeaderField.formatMinor, header.formatMinor, true)
  block.set(unhex(header.databaseId), base + HeaderField.databaseId)
  block.set(unhex(header.generationId), base + HeaderField.generationId)
  writeUint64(view, base + HeaderField.createdAt, header.createdAt)
  block.set(unhex(header.parentGenerationId), base + HeaderField.parentGenerationId)
  writeUint64(view, base + HeaderField.parentSequence, header.parentSequence)
  writeUint64(view, base + HeaderField.parentCommitOffset, header.parentCommitOffset)
  view.setUint32(base + HeaderField.parentCommitCrc, header.parentCommitCrc, true)
}

export function readIdentity(block: Uint8Array, base: number): Header {
  const view = viewOf(block)
  const id = (field: number): string => hex(block.subarray(base + field, base + field + 16))
  return {
    formatMajor: view.getUint16(base + HeaderField.formatMajor, true),
    formatMinor: view.getUint16(base + HeaderField.formatMinor, true),
    databaseId: id(HeaderField.databaseId),
    generationId: id(HeaderField.generationId),
    createdAt: readUint64(view, base + HeaderField.createdAt),
    parentGenerationId: id(HeaderField.parentGenerationId),
    parentSequence: readUint64(view, base + HeaderField.parentSequence),
    parentCommitOffset: readUint64(view, base + HeaderField.parentCommitOffset),
    parentCommitCrc: view.getUint32(base + HeaderField.parentCommitCrc, true),
  }
}

/** Whether every 64-bit field is a safe integer. */
export function isSafeIdentity({ createdAt, parentSequence, parentCommitOffset }: Header): boolean {
  return [createdAt, parentSequence, parentCommitOffset].every(Number.isSafeInteger)
}
