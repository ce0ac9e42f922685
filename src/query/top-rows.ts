/** The first rows of an order, found in one pass that keeps no more than are wanted. */

/** A heap whose root is the last of those kept. */
export class TopRows<T> {
  readonly #most: number
  readonly #compare: (a: T, b: T) => number
  readonly #heap: T[] = []

  /** `compare` is a total order. */
  constructor(most: number, compare: (a: T, b: T) => number) {
    this.#most = most
    this.#compare = compare
  }

  add(row: T): void {
    if (this.#most === Number.POSITIVE_INFINITY) this.#heap.push(row)
    else if (this.#heap.length < this.#most) {
      this.#heap.push(row)
      this.#rise(this.#heap.length - 1)
    } else {
      const last = this.#heap[0]
      if (last === undefined || this.#compare(row, last) >= 0) return
      this.#heap[0] = row
      this.#sink()
    }
  }

  /** All that were kept, in order. */
  sorted(): T[] {
    return this.#heap.sort(this.#compare)
  }

  #rise(start: number): void {
    let slot = start
    while (slot > 0) {
      const above = (slot - 1) >> 1
      if (this.#order(slot, above) <= 0) return
      this.#swap(slot, above)
      slot = above
    }
  }

  #sink(): void {
    let slot = 0
    for (;;) {
      const left = 2 * slot + 1
      let last = slot
      if (left < this.#heap.length && this.#order(left, last) > 0) last = left
      if (left + 1 < this.#heap.length && this.#order(left + 1, last) > 0) last = left + 1
      if (last === slot) return
      this.#swap(slot, last)
      slot = last
    }
  }

  #order(a: number, b: number): number {
    return this.#compare(this.#heap[a] as T, this.#heap[b] as T) // Slots of the heap, both of them.
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a] as T
    this.#heap[a] = this.#heap[b] as T
    this.#heap[b] = held
  }
}
