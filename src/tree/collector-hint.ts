/**
 * Has V8 collect garbage as often as if nodes were not used again.
 *
 * V8 comes round when some three times as much was made as lives. What is used again is not made, so the rest (images, rows, what describes them) piles up to as
 * much instead, and resident memory is the higher for it, not the lower. V8 counts array buffers by their length, and the system gives memory
 * to what is written to: one that nobody touches weighs on the collector alone.
 */

const MIB = 1024 * 1024
/** For so much that was used again there is one. */
const EVERY_BYTES = 32 * MIB
/** Beyond 32 MiB the C library of Linux always maps memory apart, untouched. What is smaller may come from its heap, which it fills with zeros. */
const HINT_BYTES = 33 * MIB

export class CollectorHint {
  #bytes = 0
  /** The newest, let go of for the next: what dies young is forgotten without a full collection. */
  readonly #newest: ArrayBuffer[] = []
  #isRefused = false

  /** So much memory was used again. */
  usedAgain(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < EVERY_BYTES || this.#isRefused) return
    this.#bytes = 0
    try {
      this.#newest[0] = new ArrayBuffer(HINT_BYTES)
    } catch {
      // Where address space is short, nothing is said any more.
      this.#newest.length = 0
      this.#isRefused = true
    }
  }
}
