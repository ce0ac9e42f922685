/**
 * Version 7 UUIDs (RFC 9562, section 5.7): milliseconds first, so that new keys come last in the index.
 *
 * Within one millisecond, or when the clock goes back, the 12 bits of `rand_a` count up, so the keys of one generator
 * rise strictly.
 */
import type { Platform } from '../storage/platform.js'

const POOL_BYTES = 4096
const COUNTER_MAX = 0xfff

export class UuidGenerator {
  readonly #platform: Platform
  #pool: Uint8Array = new Uint8Array(0)
  #used = 0
  #lastMs = 0
  #counter = 0

  constructor(platform: Platform) {
    this.#platform = platform
  }

  next(): string {
    const random = this.#random(8)
    const now = Math.floor(this.#platform.now())
    if (now > this.#lastMs) {
      this.#lastMs = now
      // The counter starts in the lower half, so it has room to rise.
      this.#counter = (((random[0] ?? 0) << 8) | (random[1] ?? 0)) & (COUNTER_MAX >> 1)
    } else if (this.#counter < COUNTER_MAX) {
      this.#counter += 1
    } else {
      this.#lastMs += 1
      this.#counter = 0
    }
    const time = this.#lastMs.toString(16).padStart(12, '0')
    const variant = (0x80 | ((random[2] ?? 0) & 0x3f)).toString(16)
    let tail = ''
    for (let i = 3; i < 8; i++) tail += (random[i] ?? 0).toString(16).padStart(2, '0')
    tail += this.#tailRandom()
    const counter = this.#counter.toString(16).padStart(3, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${variant}${tail.slice(0, 2)}-${tail.slice(2)}`
  }

  #tailRandom(): string {
    let text = ''
    for (const byte of this.#random(2)) text += byte.toString(16).padStart(2, '0')
    return text
  }

  #random(count: number): Uint8Array {
    if (this.#used + count > this.#pool.length) {
      this.#pool = this.#platform.randomBytes(POOL_BYTES)
      this.#used = 0
    }
    this.#used += count
    return this.#pool.subarray(this.#used - count, this.#used)
  }
}
