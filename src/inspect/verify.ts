/**
 * `verify`: checks everything in a file, and lists every finding.
 *
 * It reads all of it: fixed blocks, frames, the chain of commits, record checksums, catalog, index; with `deep` also
 * every row, from the file again, and the state digests. A finding names the place, what the rule asks for, and what was
 * there. It needs no lock: a tail that a live writer is still writing is no finding.
 */
import { VarveError } from '../errors.js'
import { DigestSum, digestText } from '../format/digest.js'
import type { CollectionState } from '../engine/state.js'
import { BLOCK_BYTES, decodeHeader } from '../format/header.js'
import { SUPERBLOCK_OFFSETS } from '../format/superblock.js'
import { KeysOf } from '../engine/keys-of.js'
import { readFixedBlocks } from '../log/log-file.js'
import type { SuperblockSlots } from '../log/superblocks.js'
import type { LogScanner, ScanEvent } from '../log/scanner.js'
import type { Platform } from '../storage/platform.js'
import type { StorageFile } from '../storage/storage.js'
import { PAUSE, runAsync, type Task } from '../storage/task.js'
import { checkTree } from '../tree/index.js'
import type { InspectOptions } from './inspect.js'
import { openForAnalysis, type ReadLog, readLog } from './read-log.js'

export interface VerifyOptions extends InspectOptions {
  /** Also decode every row, check its key, and recompute the state digests. Default false. */
  readonly deep?: boolean | undefined
}

/** One thing that is not as it should be. */
export interface VerifyFinding {
  /** `error`: bytes are damaged or contradict each other. `warning`: a tail that the next open for writing cuts. */
  readonly severity: 'error' | 'warning'
  /** What kind of thing: `header`, `superblock`, `frame`, `padding`, `chain`, `record`, `row`, `tree`, `digest`, `content`. */
  readonly kind: string
  /** Offset in the file. */
  readonly offset: number
  /** Where the bytes concerned end, where that is known. */
  readonly end: number | undefined
  readonly expected: string
  readonly actual: string
}

export interface VerifyReport {
  readonly path: string
  /** Whether there is no finding of severity `error`. */
  readonly ok: boolean
  readonly deep: boolean
  readonly fileBytes: number
  readonly findings: readonly VerifyFinding[]
  readonly errors: number
  readonly warnings: number
  readonly frames: number
  readonly commits: number
  readonly collections: number
  /** Rows in the index; with `deep`, every one of them was read. */
  readonly rows: number
  /** State digests by collection. */
  readonly digests: Readonly<Record<string, string>>
}

/** Rows between two places where the work may be interrupted. */
const ROWS_PER_PAUSE = 64

/** Checks a database file. Throws only if it cannot be read as a database at all. */
export async function verifyFile(
  path: string,
  options: VerifyOptions,
  platform: Platform,
): Promise<VerifyReport> {
  const file = openForAnalysis(path, platform, options.storage)
  try {
    return await runAsync(new Verification(file, options, platform).run(), platform, options.signal)
  } finally {
    file.close()
  }
}

class Verification {
  readonly #file: StorageFile
  readonly #options: VerifyOptions
  readonly #platform: Platform
  readonly #findings: VerifyFinding[] = []
  #frames = 0
  #commits = 0

  constructor(file: StorageFile, options: VerifyOptions, platform: Platform) {
    this.#file = file
    this.#options = options
    this.#platform = platform
  }

  *run(): Task<VerifyReport> {
    this.#checkBlocks()
    const read = yield* this.#readLog()
    if (read !== undefined) {
      this.#checkChain(read)
      for (const [id, collection] of read.state.collections) {
        this.#checkTree(collection)
        if (this.#options.deep === true && id !== 0) yield* this.#checkRows(read, collection)
      }
    }
    return this.#report(read)
  }

  /** Throws where the file has no identity; every other defect of the fixed blocks is a finding. */
  #checkBlocks(): void {
    const { checksum } = this.#platform
    const blocks = readFixedBlocks(this.#file, checksum)
    const bytes = new Uint8Array(BLOCK_BYTES)
    this.#file.read(bytes, 0)
    const header = decodeHeader(bytes, checksum)
    if (!header.ok) this.#find('header', 0, BLOCK_BYTES, 'a header with its checksum', header.problem)
    for (const [i, slot] of blocks.superblocks.slots.entries()) {
      const offset = SUPERBLOCK_OFFSETS[i] ?? 0
      if (!slot.ok)
        this.#find('superblock', offset, offset + BLOCK_BYTES, 'a superblock of this file', slot.problem)
    }
    this.#checkOrder(blocks.superblocks.slots)
    const cutAt = blocks.superblocks.live?.cutAt ?? 0
    if (cutAt > 0)
      this.#warn('superblock', SUPERBLOCK_OFFSETS[0], 'no cut in progress', `an unfinished cut at ${cutAt}`)
  }

  /** Slots are written in turn, so that they differ by one; a block copied over the other does not. */
  #checkOrder([a, b]: SuperblockSlots['slots']): void {
    if (!a.ok || !b.ok || this.#hasWriter(this.#file.path)) return
    const [first, second] = [a.superblock.sequence, b.superblock.sequence]
    if (Math.abs(first - second) === 1) return
    const expected = 'two superblocks whose sequences differ by one'
    this.#find('superblock', SUPERBLOCK_OFFSETS[0], undefined, expected, `${first} and ${second}`)
  }

  /** Checksums may hold over content that contradicts itself: a finding, behind which nothing can be judged. */
  *#readLog(): Task<ReadLog | undefined> {
    const total = this.#file.size()
    const observe = (event: ScanEvent, scanner: LogScanner): void => {
      if (event === 'frame') this.#frames += 1
      this.#options.onProgress?.(scanner.end, total)
    }
    try {
      return yield* readLog(this.#file, this.#platform, {
        observe,
        nameAtMost: Number.POSITIVE_INFINITY,
      })
    } catch (error) {
      if (!VarveError.is(error)) throw error
      const { offset, expected, actual } = error.details
      this.#find(
        'content',
        offset ?? 0,
        undefined,
        expected ?? 'content that agrees with itself',
        actual ?? error.message,
      )
      return undefined
    }
  }

  #checkChain({ judgement, path }: ReadLog): void {
    const { classification, breakOffset, breakReason, badRanges, fileSize } = judgement
    this.#commits = judgement.transactionsApplied
    for (const range of badRanges) {
      const kind = range.reason === 'padding is not zero' ? 'padding' : 'frame'
      this.#find(kind, range.offset, range.end, 'a frame with its checksums, or zeros', range.reason)
    }
    // Whole commits behind the break are sound themselves: the finding about the chain counts them.
    const whole = new Set(judgement.cutCommits.map(({ offset }) => offset))
    for (const range of judgement.brokenRanges) {
      const isTail = classification === 'tornTail' || classification === 'uncommittedTail'
      if (isTail || whole.has(range.offset)) continue
      this.#find('frame', range.offset, range.end, 'a frame in the chain of commits', range.reason)
    }
    if (classification === 'clean' || breakOffset === undefined) return
    if (classification === 'damage' || classification === 'shortFile') {
      const lost =
        judgement.transactionsCut === 0 ? '' : `; ${judgement.transactionsCut} whole commits lie behind it`
      const expected = `commits up to offset ${judgement.watermark}, which were durable`
      this.#find('chain', breakOffset, fileSize, expected, `${classification}: ${breakReason}${lost}`)
      return
    }
    if (this.#hasWriter(path)) return
    this.#warn('chain', breakOffset, 'a log that ends with a commit', `${classification}: ${breakReason}`)
  }

  #hasWriter(path: string): boolean {
    if (this.#options.storage !== undefined && this.#options.storage !== this.#platform.storage) return false
    return this.#platform.locks?.holders(path).some((holder) => holder.kind === 'writer') ?? false
  }

  #checkTree(collection: CollectionState): void {
    for (const finding of checkTree(collection.tree)) {
      this.#find('tree', 0, undefined, `a sound index of '${collection.definition.name}'`, finding.message)
    }
  }

  /** Reads every row again, from the file. */
  *#checkRows(read: ReadLog, collection: CollectionState): Task<void> {
    const { definition, tree, digest } = collection
    const keys = new KeysOf().of(definition)
    const cursor = tree.cursor({})
    const sum = new DigestSum()
    let count = 0
    while (cursor.next()) {
      const key = cursor.key()
      sum.add(key, 0, key.length, cursor.ref.crc)
      try {
        const row = read.rows.read(definition.id, cursor.ref, key)
        const own = keys.encodeParts(keys.partsOf(row))
        if (!sameBytes(own, key))
          this.#find('row', cursor.ref.position, undefined, 'a row of its key', 'a row of another key')
      } catch (error) {
        if (!VarveError.is(error)) throw error
        this.#find(
          'row',
          cursor.ref.position,
          undefined,
          error.details.expected ?? 'a row',
          error.details.actual ?? error.message,
        )
      }
      if (++count % ROWS_PER_PAUSE === 0) yield PAUSE
    }
    if (sum.a === digest.a && sum.b === digest.b) return
    this.#find(
      'digest',
      0,
      undefined,
      `state digest ${digestText(digest)} of '${definition.name}'`,
      digestText(sum),
    )
  }

  #find(kind: string, offset: number, end: number | undefined, expected: string, actual: string): void {
    this.#findings.push({ severity: 'error', kind, offset, end, expected, actual })
  }

  #warn(kind: string, offset: number, expected: string, actual: string): void {
    this.#findings.push({ severity: 'warning', kind, offset, end: undefined, expected, actual })
  }

  #report(read: ReadLog | undefined): VerifyReport {
    const errors = this.#findings.filter(({ severity }) => severity === 'error').length
    const digests: Record<string, string> = {}
    let rows = 0
    for (const [id, { definition, tree, digest }] of read?.state.collections ?? []) {
      if (id === 0) continue
      rows += tree.count
      digests[definition.name] = digestText(digest)
    }
    return {
      path: this.#file.path,
      ok: errors === 0,
      deep: this.#options.deep ?? false,
      fileBytes: this.#file.size(),
      findings: this.#findings,
      errors,
      warnings: this.#findings.length - errors,
      frames: this.#frames,
      commits: this.#commits,
      collections: read?.state.names.size ?? 0,
      rows,
      digests,
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
