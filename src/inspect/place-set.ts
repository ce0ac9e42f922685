/**
 * Which places of a file were reached: one bit for every 16 bytes of it, in chunks that exist where something was.
 *
 * Records and node images are longer than that, so two of them that do not overlap never share a bit.
 */
const GRAIN_BYTES = 16
const CHUNK_GRAINS = 65_536

export class PlaceSet {
  readonly #chunks = new Map<number, Uint8Array>()

  /** Adds the place of something; false if it is there already, or overlaps something that is. */
  add(position: number): boolean {
    const { chunk, index, bit } = placeOf(position)
    let bits = this.#chunks.get(chunk)
    if (bits === undefined) {
      bits = new Uint8Array(CHUNK_GRAINS / 8)
      this.#chunks.set(chunk, bits)
    }
    const byte = bits[index] ?? 0
    bits[index] = byte | bit
    return (byte & bit) === 0
  }

  has(position: number): boolean {
    const { chunk, index, bit } = placeOf(position)
    return ((this.#chunks.get(chunk)?.[index] ?? 0) & bit) !== 0
  }
}

function placeOf(position: number): { chunk: number; index: number; bit: number } {
  const grain = Math.floor(position / GRAIN_BYTES)
  const within = grain % CHUNK_GRAINS
  return { chunk: Math.floor(grain / CHUNK_GRAINS), index: within >>> 3, bit: 1 << (within & 7) }
}
