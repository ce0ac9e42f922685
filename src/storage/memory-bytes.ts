/**
 * Bytes that grow in place: the content of a file held in memory.
 *
 * Held in chunks, so that growing copies nothing: 64, 128, 256 and 512 KiB, then 1 MiB each. A chunk comes into being
 * when it is first written; what was never written reads as zeros and takes no memory, as in a sparse file.
 *
 * Assumes positions and lengths that are safe integers, not negative.
 */

/** Size of the first chunk, in bytes. Chunks double from here to {@link LARGEST_CHUNK_BYTES}. */
const FIRST_CHUNK_BYTES = 64 * 1024
const LARGEST_CHUNK_BYTES = 1024 * 1024
/** Number of chunks smaller than the largest. */
const DOUBLING_CHUNKS = Math.log2(LARGEST_CHUNK_BYTES / FIRST_CHUNK_BYTES)
/** Where the chunks of the largest size begin: the sum of all smaller ones. */
const DOUBLING_END = LARGEST_CHUNK_BYTES - FIRST_CHUNK_BYTES

/**
 * Holds a size and the bytes below it. Every byte of a chunk at or past the size is zero, so that growing again
 * shows zeros and not what was cut off.
 */
export class MemoryBytes {
  #size = 0
  #chunks = new Map<number, Uint8Array>()

  get size(): number {
    return this.#size
  }

  /** Copies into `target` what is there from `position`; returns how many bytes that was. */
  read(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.#size - position))
    for (let done = 0; done < length;) {
      const index = chunkAt(position + done)
      const from = position + done - chunkStart(index)
      const count = Math.min(length - done, chunkBytes(index) - from)
      const chunk = this.#chunks.get(index)
      if (chunk === undefined) target.fill(0, done, done + count)
      else target.set(chunk.subarray(from, from + count), done)
      done += count
    }
    return length
  }

  /** Copies all of `source` to `position`. Throws `RangeError`, having changed nothing visible, if memory is out. */
  write(source: Uint8Array, position: number): void {
    const length = source.length
    if (length === 0) return
    const last = chunkAt(position + length - 1)
    for (let index = chunkAt(position); index <= last; index++) this.#require(index)
    for (let done = 0; done < length;) {
      const index = chunkAt(position + done)
      const from = position + done - chunkStart(index)
      const count = Math.min(length - done, chunkBytes(index) - from)
      this.#require(index).set(source.subarray(done, done + count), from)
      done += count
    }
    this.#size = Math.max(this.#size, position + length)
  }

  /** Cuts, or grows with zeros. */
  truncate(size: number): void {
    if (size < this.#size) {
      const boundary = chunkAt(size)
      for (const index of this.#chunks.keys()) if (index > boundary) this.#chunks.delete(index)
      this.#chunks.get(boundary)?.fill(0, size - chunkStart(boundary))
    }
    this.#size = size
  }

  /** A copy that shares nothing with this one. */
  clone(): MemoryBytes {
    const copy = new MemoryBytes()
    copy.#size = this.#size
    for (const [index, chunk] of this.#chunks) copy.#chunks.set(index, chunk.slice())
    return copy
  }

  #require(index: number): Uint8Array {
    let chunk = this.#chunks.get(index)
    if (chunk === undefined) {
      chunk = new Uint8Array(chunkBytes(index))
      this.#chunks.set(index, chunk)
    }
    return chunk
  }
}

function chunkAt(position: number): number {
  if (position >= DOUBLING_END) {
    return DOUBLING_CHUNKS + Math.floor((position - DOUBLING_END) / LARGEST_CHUNK_BYTES)
  }
  // Chunk n begins at (2^n - 1) first chunks.
  return 31 - Math.clz32(Math.floor(position / FIRST_CHUNK_BYTES) + 1)
}

function chunkStart(index: number): number {
  if (index >= DOUBLING_CHUNKS) return DOUBLING_END + (index - DOUBLING_CHUNKS) * LARGEST_CHUNK_BYTES
  return (2 ** index - 1) * FIRST_CHUNK_BYTES
}

function chunkBytes(index: number): number {
  return index >= DOUBLING_CHUNKS ? LARGEST_CHUNK_BYTES : FIRST_CHUNK_BYTES * 2 ** index
}
