/**
 * What a disk holds after a power cut: the operations that a sync covers, and of the others those that a choice names.
 * The model is told in `power-cut-storage.ts`.
 */
import { MemoryBytes } from '../../src/storage/memory-bytes.js'
import { fatesAt, isChange, type Change, type Fate, type LoggedOperation } from './power-cut-log.js'
import { randomFrom } from './random.js'

/** Which of the operations that no sync covers are on the disk. */
export type Survivors =
  | 'none'
  | 'all'
  /** Exactly these, by index. */
  | readonly number[]
  /** Each by the toss of a coin; with `sectorBytes`, each sector of each write by a toss of its own. */
  | { readonly seed: number; readonly sectorBytes?: number | undefined }

/** How one write that no sync covers reached the disk in part. It overrides what the survivors say of that write. */
export interface Tear {
  /** Index of the write; default: the last one that no sync covers. */
  readonly operation?: number | undefined
  /** How many of its bytes are there. */
  readonly keep: number
  /** Whether those are its first or its last; default: `head`. */
  readonly side?: 'head' | 'tail' | undefined
  /**
   * What stands where its other bytes belong.
   * `absent`: what stood there before; the file is not grown for them. `stale`: the same, but the file is as long as if
   * they were there (zeros where nothing stood). `zeros`: zeros, also over what stood there. `garbage`: old bytes of
   * other files, from `seed`.
   */
  readonly rest: 'absent' | 'stale' | 'zeros' | 'garbage'
  readonly seed?: number | undefined
}

/** What the power cut spares. */
export type Choice = 'none' | 'all' | { readonly survivors: Survivors; readonly tear?: Tear | undefined }

/** The content of a disk: physical files by number, and the names they have. */
export interface Disk {
  readonly files: ReadonlyMap<number, MemoryBytes>
  readonly names: ReadonlyMap<string, number>
}

/** The disk after a power cut at `boundary`. `before` is what it held before the first operation of the log. */
export function cutImage(
  before: Disk,
  log: readonly LoggedOperation[],
  boundary: number,
  choice: Choice,
): Disk {
  const { survivors, tear }: ChoiceParts = typeof choice === 'string' ? { survivors: choice } : choice
  const fates = fatesAt(log, boundary)
  const torn = tear === undefined ? undefined : (tear.operation ?? lastOpenWrite(log, fates))
  requireOpen(fates, torn === undefined ? [] : [torn])
  const coins = coinsFor(survivors, fates)
  const image = new Image(before)
  for (let index = 0; index < boundary; index++) {
    const operation = log[index]
    if (operation === undefined || !isChange(operation)) continue
    if (fates[index] === 'durable') image.apply(operation)
    else if (fates[index] === 'evicted') image.applyEvicted(operation, coins.toss(index))
    else if (tear !== undefined && index === torn) image.tear(operation, tear)
    else if (coins.sectors !== undefined)
      image.applySectors(operation, coins.sectors, () => coins.toss(index))
    else if (coins.toss(index)) image.apply(operation)
  }
  return image
}

/**
 * What a process finds that starts after another was killed at `boundary`: all that was done. Of writes whose pages
 * were evicted after a failed sync it finds the size alone.
 */
export function cacheImage(before: Disk, log: readonly LoggedOperation[], boundary: number): Disk {
  return cutImage(before, log, boundary, 'all')
}

type Fates = readonly (Fate | undefined)[]

interface ChoiceParts {
  readonly survivors: Survivors
  readonly tear?: Tear | undefined
}

interface Coins {
  /** Whether the operation survives; asked once for each, or once for each sector, in order. */
  readonly toss: (index: number) => boolean
  /** Size of the pieces of a write that survive each on its own. */
  readonly sectors?: number | undefined
}

function coinsFor(survivors: Survivors, fates: Fates): Coins {
  if (survivors === 'none') return { toss: () => false }
  if (survivors === 'all') return { toss: () => true }
  if ('seed' in survivors) {
    const random = randomFrom(survivors.seed)
    return { toss: () => random.next() < 0.5, sectors: survivors.sectorBytes }
  }
  requireOpen(fates, survivors)
  const chosen = new Set(survivors)
  return { toss: (index) => chosen.has(index) }
}

class Image implements Disk {
  readonly files: Map<number, MemoryBytes>
  readonly names: Map<string, number>

  constructor(before: Disk) {
    this.files = new Map([...before.files].map(([file, bytes]) => [file, bytes.clone()]))
    this.names = new Map(before.names)
  }

  apply(operation: Change): void {
    switch (operation.kind) {
      case 'write':
        return this.#bytes(operation.file).write(operation.bytes, operation.position)
      case 'truncate':
        return this.#bytes(operation.file).truncate(operation.sizeBytes)
      case 'create':
      case 'link':
        return this.#name(operation.path, operation.file)
      case 'rename':
        this.names.delete(operation.path)
        return this.#name(operation.to, operation.file)
      case 'remove':
        this.names.delete(operation.path)
    }
  }

  /** A write that left the cache as well: at most the size that it gave the file remains. */
  applyEvicted(operation: Change, grown: boolean): void {
    if (operation.kind !== 'write' || !grown) return
    const file = this.#bytes(operation.file)
    file.truncate(Math.max(file.size, operation.position + operation.bytes.length))
  }

  applySectors(operation: Change, sectorBytes: number, toss: () => boolean): void {
    if (operation.kind !== 'write') {
      if (toss()) this.apply(operation)
      return
    }
    const { bytes, position } = operation
    for (let start = 0; start < bytes.length;) {
      const end = Math.min(bytes.length, start + sectorBytes - ((position + start) % sectorBytes))
      if (toss()) this.#bytes(operation.file).write(bytes.subarray(start, end), position + start)
      start = end
    }
  }

  tear(operation: Change, tear: Tear): void {
    if (operation.kind !== 'write') throw new RangeError(`A ${operation.kind} is atomic: it cannot be torn.`)
    const { bytes, position } = operation
    const file = this.#bytes(operation.file)
    const keep = Math.min(tear.keep, bytes.length)
    const lost = bytes.length - keep
    const [keptFrom, lostFrom] = tear.side === 'tail' ? [lost, 0] : [0, keep]
    if (tear.rest === 'stale') file.truncate(Math.max(file.size, position + bytes.length))
    if (tear.rest === 'zeros') file.write(new Uint8Array(lost), position + lostFrom)
    if (tear.rest === 'garbage') file.write(randomFrom(tear.seed ?? 0).bytes(lost), position + lostFrom)
    file.write(bytes.subarray(keptFrom, keptFrom + keep), position + keptFrom)
  }

  #name(path: string, file: number): void {
    this.#bytes(file)
    this.names.set(path, file)
  }

  #bytes(file: number): MemoryBytes {
    let bytes = this.files.get(file)
    if (bytes === undefined) {
      bytes = new MemoryBytes()
      this.files.set(file, bytes)
    }
    return bytes
  }
}

function lastOpenWrite(log: readonly LoggedOperation[], fates: Fates): number {
  const index = fates.findLastIndex((fate, at) => fate === 'open' && log[at]?.kind === 'write')
  if (index === -1) throw new RangeError('There is no write to tear: a sync covers them all.')
  return index
}

/** A test that names an operation which is not up for choice proves nothing; better that it fails. */
function requireOpen(fates: Fates, indexes: readonly number[]): void {
  for (const index of indexes) {
    if (fates[index] !== 'open') throw new RangeError(`Operation ${index} is not there to be chosen.`)
  }
}
