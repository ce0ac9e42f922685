/**
 * What a power-cut storage remembers: every operation that changes what is, or what must be, on the disk, in order.
 * The model is told in `power-cut-storage.ts`.
 *
 * An operation's index is its place in the log. A boundary is a number of operations: at boundary b, exactly the
 * operations 0 to b - 1 have happened.
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
  /** Length of the log when the write completed; undefined while an asynchronous one runs. */
  completed: number | undefined
}

export interface TruncateOperation extends FileOperation {
  readonly kind: 'truncate'
  readonly sizeBytes: number
}

/** A sync that ended here. */
export interface SyncOperation extends FileOperation {
  readonly kind: 'sync'
  /** Length of the log when it began: it covers what had completed by then. */
  readonly began: number
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
  /** Per file or directory: a change that completed at or before this log length is covered by a sync seen so far. */
  const covered = new Map<string, number>()
  const evicted = new Set<string>()
  for (let index = boundary - 1; index >= 0; index--) {
    const operation = log[index]
    if (operation === undefined) throw new RangeError(`There is no operation ${index}.`)
    const scope = scopeOf(operation)
    if (operation.kind === 'lose') {
      covered.delete(scope)
      if (operation.evicted) evicted.add(scope)
    } else if (operation.kind === 'sync') {
      covered.set(scope, Math.max(covered.get(scope) ?? 0, operation.began))
    } else if (operation.kind === 'syncDirectory') {
      covered.set(scope, Math.max(covered.get(scope) ?? 0, index))
    } else {
      const completed = operation.kind === 'write' ? (operation.completed ?? Infinity) : index + 1
      if (completed <= (covered.get(scope) ?? 0)) fates[index] = 'durable'
      else fates[index] = operation.kind === 'write' && evicted.has(scope) ? 'evicted' : 'open'
    }
  }
  return fates
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
      return `sync ${path}, begun at ${operation.began}`
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
export function directoryOf(path: string): string {
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
