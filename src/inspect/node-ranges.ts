/**
 * Where in the log node images may be: the payloads of its `IndexNodes` frames, by ascending offset.
 */
export class NodeRanges {
  /** Bytes of all images. */
  bytes = 0
  /** Whether there are bytes that cannot be told: images may be in them. */
  hasUnknown = false
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  /** A payload. Ranges are added in the order of the log. */
  add(start: number, end: number): void {
    this.bytes += end - start
    this.#push(start, end)
  }

  /** Bytes that are no frame, or were not read: what is in them was reported already, or is not known. */
  addUnknown(start: number, end: number): void {
    this.hasUnknown = true
    this.#push(start, end)
  }

  /** Whether `[position, position + length)` lies in one of them. */
  hold(position: number, length: number): boolean {
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) <= position) low = middle + 1
      else high = middle
    }
    return low > 0 && position + length <= (this.#ends[low - 1] ?? 0)
  }

  #push(start: number, end: number): void {
    this.#starts.push(start)
    this.#ends.push(end)
  }
}
