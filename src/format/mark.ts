/**
 * The payload of a `Mark` frame: the watermark, written when the writer is idle and the log says too little about how
 * much of it is durable.
 */
import { readUint64, viewOf, writeUint64 } from './integers.js'

/** Byte offsets within a `Mark` payload. */
export const MarkField = { watermark: 0, watermarkSequence: 8, end: 16 } as const

export const MARK_BYTES = 16

export interface Mark {
  /** End of the last commit known to be durable. */
  readonly watermark: number
  readonly watermarkSequence: number
}

export function encodeMark(mark: Mark): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES)
  const view = viewOf(bytes)
  writeUint64(view, MarkField.watermark, mark.watermark)
  writeUint64(view, MarkField.watermarkSequence, mark.watermarkSequence)
  return bytes
}

export function decodeMark(payload: Uint8Array): Mark | undefined {
  if (payload.length !== MARK_BYTES) return undefined
  const view = viewOf(payload)
  const watermark = readUint64(view, MarkField.watermark)
  const watermarkSequence = readUint64(view, MarkField.watermarkSequence)
  if (!Number.isSafeInteger(watermark) || !Number.isSafeInteger(watermarkSequence)) return undefined
  return { watermark, watermarkSequence }
}
