/**
 * The order of writes and syncs that crash safety rests on, read off what a storage was asked to do.
 *
 * Some syncs order two steps, and the next sync covers both: what a cut between them leads to is harmless today by the
 * strength of another rule. The order is a rule all the same, and this is what checks it.
 */
import { LOG_START } from '../../src/format/header.js'
import { SuperblockField } from '../../src/format/superblock.js'
import { fatesAt, type LoggedOperation } from './power-cut-log.js'

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
  const last = new Map<number, Superblock>()
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
      const before = last.get(operation.file)
      const superblock = readSuperblock(operation.bytes)
      last.set(operation.file, superblock)
      if (superblock.checkpoint > 0 && superblock.checkpoint !== before?.checkpoint) {
        const unsynced = unsyncedUpTo(log, index, operation.file, superblock.checkpoint)
        if (unsynced !== undefined)
          return `operation ${index} names a checkpoint before all of it (operation ${unsynced}) was synced`
      }
      if (superblock.cutAt > 0) cutting.add(operation.file)
      else if (waiting === undefined && before?.cutAt === 0) cutting.delete(operation.file)
      // Within a session, and with no cut in progress, nothing that is appended rests on what a superblock says.
      const restsOnNothing =
        superblock.cutAt === 0 && before?.cutAt === 0 && before.epoch === superblock.epoch
      pending.set(operation.file, {
        index,
        what: 'a superblock',
        holds: restsOnNothing ? 'superblocks' : 'all',
      })
    } else if (operation.kind === 'truncate' && cutting.has(operation.file)) {
      pending.set(operation.file, { index, what: 'the truncation of a cut', holds: 'superblocks' })
    }
  }
  return undefined
}

/** A database's file, or its next generation, is made under another name before any rule holds. */
function isOfDatabase(path: string): boolean {
  return !['.new-', '.quarantine-', '.compact-'].some((aside) => path.includes(aside))
}

interface Superblock {
  readonly cutAt: number
  readonly checkpoint: number
  readonly epoch: number
}

function readSuperblock(bytes: Uint8Array): Superblock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    cutAt: Number(view.getBigUint64(SuperblockField.cutAt, true)),
    checkpoint: Number(view.getBigUint64(SuperblockField.checkpoint, true)),
    epoch: view.getUint32(SuperblockField.epoch, true),
  }
}

/** A write to the log, up to the frame at `offset`, that no sync covers before operation `index`. */
function unsyncedUpTo(
  log: readonly LoggedOperation[],
  index: number,
  file: number,
  offset: number,
): number | undefined {
  const fates = fatesAt(log, index)
  const found = log.findIndex((operation, i) => {
    if (i >= index || operation.kind !== 'write' || operation.file !== file) return false
    return operation.position >= LOG_START && operation.position <= offset && fates[i] !== 'durable'
  })
  return found < 0 ? undefined : found
}
