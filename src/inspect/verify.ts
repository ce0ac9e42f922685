/**
 * `verify`: checks everything in a file, and lists every finding.
 *
 * It reads all of it: fixed blocks, frames, the chain of commits from its begin, every checkpoint; then every node of the
 * newest checkpoint's trees and of those of the last commit, and every record that they lead to; with `deep` also every
 * row in them. A finding names the place, what the rule asks for, and what was there. It needs no lock: a tail that a live
 * writer is still writing is no finding.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import { CATALOG_DEFINITION } from '../engine/empty-state.js'
import { VarveError } from '../errors.js'
import { digestText } from '../format/digest.js'
import type { FoundCheckpoint } from '../log/checkpoints.js'
import type { Platform } from '../storage/platform.js'
import type { Task } from '../storage/task.js'
import { Tree } from '../tree/index.js'
import { type AnalysedFile, analyse, type InspectOptions, type ReplayedState } from './analysed-file.js'
import { BlockCheck } from './block-check.js'
import { definitionOf } from './checkpoint-check.js'
import { Findings, type VerifyFinding } from './findings.js'
import { LogCheck } from './log-check.js'
import { scanLog } from './log-scan.js'
import { StateWalk, type StateWalkParts, type WalkedCollection, type WalkedIndex } from './state-walk.js'

export interface VerifyOptions extends InspectOptions {
  /** Also decode every row, and check its key. Default false. */
  readonly deep?: boolean | undefined
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
  /** In the chain. */
  readonly commits: number
  /** Checkpoints that can be read. */
  readonly checkpoints: number
  readonly collections: number
  /** Rows of the last commit. */
  readonly rows: number
  /** State digests by collection. */
  readonly digests: Readonly<Record<string, string>>
}

/** Checks a database file. Throws only if it cannot be read as a database at all. */
export async function verifyFile(
  path: string,
  options: VerifyOptions,
  platform: Platform,
): Promise<VerifyReport> {
  return await analyse(path, options, platform, (analysed) => new Verification(analysed, options).run())
}

class Verification {
  readonly #analysed: AnalysedFile
  readonly #options: VerifyOptions
  readonly #findings = new Findings()
  /** Whether another process, or this one, is at work on the file. */
  readonly #hasWriter: boolean
  #bytesDone = 0
  #bytesTotal: number

  constructor(analysed: AnalysedFile, options: VerifyOptions) {
    const { platform, path, file } = analysed
    this.#analysed = analysed
    this.#options = options
    this.#bytesTotal = file.size()
    const isPlatforms = options.storage === undefined || options.storage === platform.storage
    const holders = isPlatforms ? (platform.locks?.holders(path) ?? []) : []
    this.#hasWriter = holders.some((holder) => holder.kind === 'writer')
  }

  *run(): Task<VerifyReport> {
    const analysed = this.#analysed
    new BlockCheck(analysed, this.#findings).run(this.#hasWriter)
    const checkpoints = yield* analysed.checkpoints()
    const replayed = yield* this.#replay()
    const check = new LogCheck(analysed, this.#findings, this.#hasWriter, (end) => this.#scanned(end))
    check.checkNames(checkpoints)
    yield* scanLog(analysed.log, checkpoints, check)
    yield* this.#walk(checkpoints.at(-1), replayed, check)
    return this.#report(replayed, check, checkpoints.length)
  }

  /** The state of the last commit. Checksums may hold over content that contradicts itself: then there is none. */
  *#replay(): Task<ReplayedState | undefined> {
    try {
      const replayed = yield* this.#analysed.replay()
      for (const { liveBytes } of replayed.state.collections.values()) this.#bytesTotal += liveBytes
      return replayed
    } catch (error) {
      if (!VarveError.is(error)) throw error
      const {
        offset = 0,
        expected = 'content that agrees with itself',
        actual = error.message,
      } = error.details
      this.#findings.error('content', { offset }, { expected, actual })
      return undefined
    }
  }

  /** The newest checkpoint's trees; then those of the last commit, where these are others. */
  *#walk(
    newest: FoundCheckpoint | undefined,
    replayed: ReplayedState | undefined,
    check: LogCheck,
  ): Task<void> {
    const { ranges } = check
    const common = {
      analysed: this.#analysed,
      findings: this.#findings,
      ranges,
      deep: this.#options.deep ?? false,
    }
    const onBytes = (bytes: number): void => this.#advance(bytes)
    let first: StateWalk | undefined
    if (newest !== undefined) {
      this.#checkUse(newest, replayed)
      first = new StateWalk({ ...common, ...boundsOf(newest), walkedBefore: undefined, onBytes })
      for (const collection of storedCollections(newest, this.#analysed)) yield* first.walk(collection)
    }
    if (replayed === undefined) return
    const { checkpoint, judgement, state } = replayed
    if (newest !== undefined && checkpoint?.offset === newest.offset && judgement.transactionsApplied === 0)
      return
    const bounds = {
      statedAt: { kind: 'tree', offset: judgement.last.offset },
      nodesBefore: checkpoint?.offset ?? 0,
      recordsBefore: judgement.last.end,
    }
    const last = new StateWalk({ ...common, ...bounds, walkedBefore: first, onBytes })
    for (const [id, collection] of state.collections) {
      const { definition, tree, liveBytes, digest } = collection
      const indexes = collection.indexes.map((index) => ({
        ...index,
        count: index.tree.count,
        nodeBytes: undefined,
      }))
      const { count } = tree
      yield* last.walk({ id, definition, tree, count, liveBytes, digest, nodeBytes: undefined, indexes })
    }
  }

  /** Whether an open starts from the newest checkpoint. */
  #checkUse({ offset, end }: FoundCheckpoint, replayed: ReplayedState | undefined): void {
    if (replayed === undefined || replayed.checkpoint?.offset === offset) return
    const used = replayed.checkpoint
    const from = used === undefined ? "the log's begin" : `the one at ${used.offset}`
    const damaged = this.#analysed.nodes.damage?.details.offset
    const why = damaged === undefined ? '' : `: the index node at ${damaged} is damaged`
    const what = {
      expected: 'a checkpoint that an open can start from',
      actual: `an open from ${from}${why}`,
    }
    this.#findings.error('checkpoint', { offset, end }, what)
  }

  #scanned(end: number): void {
    this.#options.onProgress?.(Math.min(end, this.#bytesTotal), this.#bytesTotal)
    this.#bytesDone = Math.max(this.#bytesDone, end)
  }

  /** Records that two states share are checked once, and were announced once. */
  #advance(bytes: number): void {
    this.#bytesDone = Math.min(this.#bytesDone + bytes, this.#bytesTotal)
    this.#options.onProgress?.(this.#bytesDone, this.#bytesTotal)
  }

  #report(replayed: ReplayedState | undefined, check: LogCheck, checkpoints: number): VerifyReport {
    const { list, errors } = this.#findings
    const digests: Record<string, string> = {}
    let rows = 0
    for (const [id, { definition, tree, digest }] of replayed?.state.collections ?? []) {
      if (id === 0) continue
      rows += tree.count
      digests[definition.name] = digestText(digest)
    }
    return {
      path: this.#analysed.path,
      ok: errors === 0,
      deep: this.#options.deep ?? false,
      fileBytes: this.#analysed.file.size(),
      findings: list,
      errors,
      warnings: list.length - errors,
      frames: check.frames,
      commits: check.commits,
      checkpoints,
      collections: replayed?.state.names.size ?? 0,
      rows,
      digests,
    }
  }
}

function boundsOf({
  offset,
  checkpoint,
}: FoundCheckpoint): Pick<StateWalkParts, 'statedAt' | 'nodesBefore' | 'recordsBefore'> {
  return {
    statedAt: { kind: 'checkpoint', offset },
    nodesBefore: offset,
    recordsBefore: checkpoint.commitEnd,
  }
}

/** The trees of a checkpoint, none of their nodes read yet. */
function storedCollections({ checkpoint }: FoundCheckpoint, { nodes }: AnalysedFile): WalkedCollection[] {
  return checkpoint.collections.map((entry) => {
    const { id, root, liveBytes, digest } = entry
    const { count, nodeBytes } = root
    const definition = id === CATALOG_ID ? CATALOG_DEFINITION : definitionOf(entry)
    const indexes = entry.indexes.flatMap((index): WalkedIndex[] => {
      const known = definition?.indexes.find((one) => one.id === index.id)
      const tree = Tree.storedOfKeys(nodes, index.root)
      const { count: keys, nodeBytes: bytes } = index.root
      return known === undefined
        ? []
        : [{ definition: known, tree, count: keys, rows: index.rows, nodeBytes: bytes }]
    })
    return { id, definition, tree: Tree.stored(nodes, root), count, liveBytes, digest, nodeBytes, indexes }
  })
}
