/**
 * The order of writes and syncs that crash safety rests on, read off what a storage was asked to do.
 *
 * Some syncs order two steps, and the next sync covers both: what a cut between them leads to is harmless today by the
 * strength of another rule. The order is a rule all the same, and this is what checks it.
 */
import { LOG_START } from '../../src/format/header.js'
import { SuperblockField } from '../../src/format/superblock.js'
import type { LoggedOperation } from './power-cut-log.js'

/** What must be synced before the file changes again. */
interface Pending {
  readonly index: number
  readonly what: string
  /** Which changes have to wait. */
  readonly holds: 'all' | 'superblocks'
}

/** The first breach of the order, as text; undefined if there is none. */
export function protocolBreach(log: readonly LoggedOperation[]): string | undefined {
  const pending = new Map<number, Pending>()
  const cutting = new Set<number>()
  for (const [index, operation] of log.entries()) {
    if (operation.kind === 'sync') {
      const waiting = pending.get(operation.file)
      if (waiting !== undefined && operation.beganAt > waiting.index) pending.delete(operation.file)
      continue
    }
    if (operation.kind !== 'write' && operation.kind !== 'truncate') continue
    if (!isOfDatabase(operation.path)) continue
    const isSuperblock = operation.kind === 'write' && operation.position < LOG_START
    const waiting = pending.get(operation.file)
    if (waiting !== undefined && (waiting.holds === 'all' || isSuperblock)) {
      return `operation ${index} changes ${operation.path} before ${waiting.what} (operation ${waiting.index}) was synced`
    }
    if (isSuperblock) {
      if (cutAt(operation.bytes) > 0) cutting.add(operation.file)
      else if (waiting === undefined && lastTwoEndCut(log, index, operation.file))
        cutting.delete(operation.file)
      pending.set(operation.file, { index, what: 'a superblock', holds: 'all' })
    } else if (operation.kind === 'truncate' && cutting.has(operation.file)) {
      pending.set(operation.file, { index, what: 'the truncation of a cut', holds: 'superblocks' })
    }
  }
  return undefined
}

/** A database's file is made under another name, in one piece, before any rule holds. */
function isOfDatabase(path: string): boolean {
  return !path.includes('.new-') && !path.includes('.quarantine-')
}

function cutAt(superblock: Uint8Array): number {
  const view = new DataView(superblock.buffer, superblock.byteOffset, superblock.byteLength)
  return Number(view.getBigUint64(SuperblockField.cutAt, true))
}

/** Whether the superblock at `index` and the one before it both say that there is no cut. */
function lastTwoEndCut(log: readonly LoggedOperation[], index: number, file: number): boolean {
  const before = log
    .slice(0, index)
    .findLast((each) => each.kind === 'write' && each.file === file && each.position < LOG_START)
  return before?.kind === 'write' && cutAt(before.bytes) === 0
}
