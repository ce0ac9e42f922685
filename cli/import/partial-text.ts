/**
 * A piece of text that the chunks of the input cut apart, put together without copying it more than once.
 */
export class PartialText {
  #pieces: Buffer[] = []
  #bytes = 0

  /** Adds a piece; returns how many bytes there are. */
  add(piece: Buffer): number {
    if (piece.length > 0) this.#pieces.push(piece)
    this.#bytes += piece.length
    return this.#bytes
  }

  /** All of it, with its last piece. It is empty then. */
  take(last: Buffer): Buffer {
    if (this.#pieces.length === 0) return last
    const whole = Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#bytes = 0
    return whole
  }
}
