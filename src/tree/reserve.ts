/**
 * How much of the memory of nodes is kept free for what the collector has yet to take.
 *
 * V8 lets objects that nobody reaches pile up to some three times those in use before it comes round. Where each leaf that is loaded to be changed
 * pushes another one out of the cache, images, rows, and nodes of which no use could be made become garbage all the time, and resident memory is what
 * is in use and what piles up. So fewer nodes are in use there. Where the trees fit into the cache, and where nodes are only read, nothing is kept free.
 */

/** Most that is kept free, as a share of the memory of nodes. */
const MOST_SHARE = 0.4
/** So much of it may leave the cache between two checkpoints without anything being kept free. */
const FEW_SHARE = 0.125

export class Reserve {
  /** Memory that is kept free. */
  bytes = 0
  /** Of nodes of editors that left the cache since a checkpoint ended, less what else left it meanwhile. */
  #lostBytes = 0

  /** A node of so many bytes left the cache of at most `limitBytes`; `edits` says whether an editor made it. What it took is what is kept free from then on. */
  left(bytes: number, edits: boolean, limitBytes: number): void {
    if (!edits) {
      this.#lostBytes = Math.max(0, this.#lostBytes - bytes)
      this.bytes = Math.max(0, this.bytes - bytes)
      return
    }
    this.#lostBytes += bytes
    if (this.#areMany(limitBytes)) this.bytes = Math.min(this.bytes + bytes, MOST_SHARE * limitBytes)
  }

  /** A checkpoint ended. */
  settle(limitBytes: number): void {
    if (!this.#areMany(limitBytes)) this.bytes = 0
    this.#lostBytes = 0
  }

  #areMany(limitBytes: number): boolean {
    return this.#lostBytes > FEW_SHARE * limitBytes
  }
}
