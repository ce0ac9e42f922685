/**
 * What a power-cut storage remembers: every operation that changes what is, or what must be, on the disk, in order.
 * The model is told in `power-cut-storage.ts`.
 *
 * An operation's index is its place in the log. A boundary is a number of operations: at boundary b, exactly the
 * operations 0 to b - 1 have happened. Ticks count begins and ends of operations, which the log does not all show: they
 * tell whether a write completed before a sync began when nothing was logged between the two.
 */

interface FileOperation {
  /** Number of the physical file. */
  readonly file: number
  /** The name of the handle that did it. */
  readonly path: string
}

export interface WriteOperation extends FileOperation {
  readonly kind: 'write'
  readonly position: number
  readonly bytes: Uint8Array
  /** The tick at which it completed; undefined while an asynchronous one runs. */
  completedTick: number | undefined
}

export interface TruncateOperation extends FileOperation {
  readonly kind: 'truncate'
  readonly completedTick: number
  readonly sizeBytes: number
}

/** A sync that ended here. */
export interface SyncOperation extends FileOperation {
  readonly kind: 'sync'
  /** The boundary at which it began. */
  readonly beganAt: number
  /** The tick at which it began: it covers what had completed by then. */
  readonly beganTick: number
}

/** A sync that failed here: the dirty pages of the file are marked clean, so that no later sync writes them. */
export interface LoseOperation extends FileOperation {
  readonly kind: 'lose'
  /** Whether they also left the cache, so that reads show what the disk holds. */
  readonly evicted: boolean
}

/** `path` now names the file: by creation, or as a further name. */
export interface NameOperation extends FileOperation {
  readonly kind: 'create' | 'link'
}

/** `path` took the place of whatever `to` named. */
export interface RenameOperation extends FileOperation {
  readonly kind: 'rename'
  readonly to: string
}

export interface RemoveOperation extends FileOperation {
  readonly kind: 'remove'
}

export interface SyncDirectoryOperation {
  readonly kind: 'syncDirectory'
  readonly path: string
}

export type LoggedOperation =
  | WriteOperation
  | TruncateOperation
  | SyncOperation
  | LoseOperation
  | NameOperation
  | RenameOperation
  | RemoveOperation
  | SyncDirectoryOperation

/** What can be lost: the operations that need a sync. */
export type Change = WriteOperation | TruncateOperation | NameOperation | RenameOperation | RemoveOperation

export function isChange(operation: LoggedOperation): operation is Change {
  return operation.kind !== 'sync' && operation.kind !== 'lose' && operation.kind !== 'syncDirectory'
}

/** What became of an operation by a boundary, before anybody chooses. */
export type Fate =
  /** On the disk: a sync covers it. */
  | 'durable'
  /** On the disk or not. */
  | 'open'
  /** Not on the disk, and gone from the cache too; the size it gave the file may be. */
  | 'evicted'

/** The fate of each change before `boundary`, by index; other operations have none. */
export function fatesAt(log: readonly LoggedOperation[], boundary: number): (Fate | undefined)[] {
  const fates: (Fate | undefined)[] = []
  /** Per file: what completed by this tick is covered by a sync that was met. Per directory: all, if it is there. */
  const covered = new Map<string, number>()
  const evicted = new Set<string>()
  for (let index = boundary - 1; index >= 0; index--) {
    const operation = log[index]
    if (operation === undefined) throw new RangeError(`There is no operation ${index}.`)
    const scope = scopeOf(operation)
    const coveredTick = covered.get(scope) ?? -1
    if (operation.kind === 'lose') {
      covered.delete(scope)
      if (operation.evicted) evicted.add(scope)
    } else if (operation.kind === 'sync') {
      covered.set(scope, Math.max(coveredTick, operation.beganTick))
    } else if (operation.kind === 'syncDirectory') {
      covered.set(scope, 0)
    } else {
      const isEvicted = operation.kind === 'write' && evicted.has(scope)
      if (completedTickOf(operation) <= coveredTick) fates[index] = 'durable'
      else fates[index] = isEvicted ? 'evicted' : 'open'
    }
  }
  return fates
}

/** Changes of names are at once complete, and their syncs too: that they come before one in the log is enough. */
function completedTickOf(operation: Change): number {
  return 'completedTick' in operation ? (operation.completedTick ?? Infinity) : 0
}

/** One line for a person. */
export function describeOperation(operation: LoggedOperation): string {
  const { kind, path } = operation
  switch (kind) {
    case 'write':
      return `write ${path} [${operation.position}, ${operation.position + operation.bytes.length})`
    case 'truncate':
      return `truncate ${path} to ${operation.sizeBytes}`
    case 'sync':
      return `sync ${path}, begun at ${operation.beganAt}`
    case 'lose':
      return `failed sync of ${path}${operation.evicted ? ', pages evicted' : ''}`
    case 'rename':
      return `rename ${path} to ${operation.to}`
    case 'create':
    case 'link':
    case 'remove':
    case 'syncDirectory':
      return `${kind} ${path}`
  }
}

/** The part of a path before its last slash. */
function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** What is synced as one: a file's content, or a directory's names. */
function scopeOf(operation: LoggedOperation): string {
  switch (operation.kind) {
    case 'write':
    case 'truncate':
    case 'sync':
    case 'lose':
      return `file ${operation.file}`
    case 'rename':
      return `directory ${directoryOf(operation.to)}`
    case 'create':
    case 'link':
    case 'remove':
    case 'syncDirectory':
      return `directory ${directoryOf(operation.path)}`
  }
}
