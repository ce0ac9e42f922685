/**
 * Bytes on their way into the log: a growing buffer that stands for the file from `base` on.
 */
import { alignUp } from '../format/frame.js'
import { viewOf } from '../format/integers.js'

const FIRST_BYTES = 64 * 1024

export class LogBuffer {
  /** File offset of the first byte. */
  readonly base: number
  bytes: Uint8Array
  view: DataView
  length = 0

  /** With the memory of a buffer that is not used any more, if there is one. */
  constructor(base: number, spare?: Pick<LogBuffer, 'bytes' | 'view'>) {
    this.base = base
    this.bytes = spare?.bytes ?? new Uint8Array(FIRST_BYTES)
    this.view = spare?.view ?? viewOf(this.bytes)
  }

  /** File offset behind the last byte. */
  get end(): number {
    return this.base + this.length
  }

  /** Has memory for `count` bytes more. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed > this.bytes.length) this.#enlarge(needed)
  }

  /** Makes room for `count` bytes and returns the index of the first; their content is whatever was there. */
  grow(count: number): number {
    const at = this.length
    const needed = at + count
    if (needed > this.bytes.length) this.#enlarge(needed)
    this.length = needed
    return at
  }

  /** Adds zeros up to the next multiple of 8. */
  align(): void {
    const from = this.length
    const to = alignUp(from)
    if (to > this.bytes.length) this.#enlarge(to)
    this.bytes.fill(0, from, to)
    this.length = to
  }

  shrink(length: number): void {
    this.length = length
  }

  /** The bytes so far. Valid until the buffer changes. */
  content(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  #enlarge(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
    this.view = viewOf(larger)
  }
}
