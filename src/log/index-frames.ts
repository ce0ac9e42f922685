/**
 * Frames of no commit, built in the log's buffer behind what is there: index nodes and checkpoints.
 */
import { type Checkpoint, encodeCheckpoint } from '../format/checkpoint.js'
import type { Checksum } from '../format/checksum.js'
import { FRAME_HEADER_BYTES, FrameHeader, FrameKind, writeFrameHeader } from '../format/frame.js'
import type { LogBuffer } from './log-buffer.js'
import type { CheckpointPlace } from './log-writer.js'
import type { TransactionContext } from './transaction-builder.js'

export class IndexFrameBuilder {
  readonly #checksum: Checksum
  readonly #header = new FrameHeader()

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  /** Opens a frame; what is added to the buffer from now on is its payload. Returns where it begins in the buffer. */
  open(buffer: LogBuffer): number {
    buffer.align()
    return buffer.grow(FRAME_HEADER_BYTES)
  }

  /** Closes the frame that begins at `start` and is the last one in the buffer. */
  close(buffer: LogBuffer, start: number, kind: FrameKind, context: TransactionContext): void {
    this.writeHeader(buffer, start, buffer.length, kind, context)
    buffer.align()
  }

  /** Writes the header of the frame that begins at `start`, and whose payload, which is complete, ends at `end`. */
  writeHeader(
    buffer: LogBuffer,
    start: number,
    end: number,
    kind: FrameKind,
    context: TransactionContext,
  ): void {
    const payload = start + FRAME_HEADER_BYTES
    const header = this.#header
    header.kind = kind
    header.payloadLength = end - payload
    header.payloadCrc = this.#checksum(buffer.bytes, payload, end)
    header.offset = buffer.base + start
    header.generationLow = context.generation.low
    header.generationHigh = context.generation.high
    header.epoch = context.epoch
    header.sequence = context.sequence
    writeFrameHeader(buffer.bytes, buffer.view, start, header, this.#checksum)
  }

  /** Adds a whole `Checkpoint` frame; returns its place in the file. */
  addCheckpoint(buffer: LogBuffer, checkpoint: Checkpoint, context: TransactionContext): CheckpointPlace {
    const payload = encodeCheckpoint(checkpoint)
    const start = this.open(buffer)
    const at = buffer.grow(payload.length)
    buffer.bytes.set(payload, at)
    this.close(buffer, start, FrameKind.checkpoint, context)
    return { offset: buffer.base + start, end: buffer.end }
  }
}
