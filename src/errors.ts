/**
 * Every error that Varve throws or rejects with, one class per thing a caller would do differently.
 *
 * A class exists only where the caller's next step differs; everything finer is a stable `code`. Details are typed
 * fields on the error, `cause` is kept, and the message is prose that says what was wrong, where, and what to do.
 * `VarveError.is` recognises errors by brand, so it also holds across entries, workers and message ports.
 *
 * Assumes nothing but the language: this file is importable from everywhere.
 */

/** Stable codes of {@link VarveError.code}. A code is never reused for another meaning. */
export const ErrorCode = {
  corruption: 'VARVE_CORRUPTION',
  recoveryRequired: 'VARVE_RECOVERY_REQUIRED',
  format: 'VARVE_FORMAT',
  locked: 'VARVE_LOCKED',
  storage: 'VARVE_STORAGE',
  noSpace: 'VARVE_NO_SPACE',
  notFound: 'VARVE_NOT_FOUND',
  exists: 'VARVE_EXISTS',
  closed: 'VARVE_CLOSED',
  readOnly: 'VARVE_READ_ONLY',
  poisoned: 'VARVE_POISONED',
  transaction: 'VARVE_TRANSACTION',
  schema: 'VARVE_SCHEMA',
  validation: 'VARVE_VALIDATION',
  duplicateKey: 'VARVE_DUPLICATE_KEY',
  limit: 'VARVE_LIMIT',
  historyGone: 'VARVE_HISTORY_GONE',
  diverged: 'VARVE_DIVERGED',
  timeout: 'VARVE_TIMEOUT',
  busy: 'VARVE_BUSY',
  query: 'VARVE_QUERY',
  argument: 'VARVE_ARGUMENT',
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** Typed details of an error; which of them are present depends on its code. All survive `toJSON`. */
export interface ErrorDetails {
  /** The file or storage name concerned. */
  readonly path?: string | undefined
  /** Byte offset in `path`. */
  readonly offset?: number | undefined
  /** What the rule asked for, as text. */
  readonly expected?: string | undefined
  /** What was there, as text. */
  readonly actual?: string | undefined
  /** Collection name. */
  readonly collection?: string | undefined
  /** Index name; `primary` for the primary key. */
  readonly index?: string | undefined
  /** The key, as the caller would write it. */
  readonly key?: unknown
  /** A field's path within a row, such as `author.born` or `tags[3]`. */
  readonly field?: string | undefined
  /** The operator of a query concerned, such as `$gt`. */
  readonly operator?: string | undefined
  /** Where in the text of a query it is, in UTF-16 units from its beginning. */
  readonly textOffset?: number | undefined
  /** All failing fields of a {@link ValidationError}. */
  readonly issues?: readonly FieldIssue[] | undefined
  /** Who holds the lock, of a {@link LockedError}. */
  readonly holder?: LockHolder | undefined
  /** What recovery found, of a {@link RecoveryRequiredError} or {@link CorruptionError} thrown by an open. */
  readonly recovery?: object | undefined
  /** Sequence of the last commit before what failed: a snapshot of it reads what was there. */
  readonly commitBefore?: number | undefined
  /** Name of the limit that was passed, of a {@link LimitError}. */
  readonly limit?: string | undefined
}

/** One failing field of a row. */
export interface FieldIssue {
  /** Path within the row, such as `author.born` or `tags[3]`; empty for the row itself. */
  readonly path: string
  readonly expected: string
  readonly found: string
}

/** The process that holds a lock. */
export interface LockHolder {
  readonly kind: 'writer' | 'reader'
  readonly pid: number
  /** Thread id within the process; 0 is the main thread. */
  readonly threadId: number
  readonly host: string
  /** When it took the lock. */
  readonly since: Date
}

const BRAND = Symbol.for('varve.error')

/** Options of every error class: its code where the class has several, its details, and its cause. */
export interface VarveErrorOptions extends ErrorDetails {
  readonly code?: ErrorCode | undefined
  readonly cause?: unknown
}

/** Base class of all errors of Varve. */
export class VarveError extends Error {
  override readonly name: string = 'VarveError'
  /** Stable code, such as `VARVE_LOCKED`. */
  readonly code: ErrorCode
  /** Typed details. */
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: VarveErrorOptions = {}) {
    const { cause, code: _code, ...details } = options
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
    Object.defineProperty(this, BRAND, { value: true })
  }

  /**
   * Whether `value` is an error of Varve, optionally of one code. Holds for errors of another copy or entry of the
   * package, and for those that a worker or message port cloned or that came back from `toJSON`.
   */
  static is(value: unknown, code?: ErrorCode): value is VarveError {
    if (typeof value !== 'object' || value === null) return false
    const candidate = value as { readonly code?: unknown; readonly message?: unknown }
    const branded = BRAND in value || (typeof candidate.code === 'string' && KNOWN_CODES.has(candidate.code))
    return branded && (code === undefined || candidate.code === code)
  }

  /** A plain object with name, code, message and details: what logs and the tools' `--json` print. */
  toJSON(): { name: string; code: ErrorCode; message: string; details: ErrorDetails } {
    return { name: this.name, code: this.code, message: this.message, details: this.details }
  }
}

const KNOWN_CODES: ReadonlySet<string> = new Set(Object.values(ErrorCode))

/** Bytes that fail their checksum, or acknowledged data that is missing. Restore a backup, or salvage. */
export class CorruptionError extends VarveError {
  override readonly name = 'CorruptionError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.corruption, message, options)
  }
}

/** The file ends in an incomplete write and the chosen recovery mode does not cut it. Open with another mode. */
export class RecoveryRequiredError extends VarveError {
  override readonly name = 'RecoveryRequiredError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.recoveryRequired, message, options)
  }
}

/** Not a Varve database, or one of a newer format than this version understands. The file is untouched. */
export class FormatError extends VarveError {
  override readonly name = 'FormatError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.format, message, options)
  }
}

/** Another handle, thread or process holds the database. `details.holder` names it. */
export class LockedError extends VarveError {
  override readonly name = 'LockedError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.locked, message, options)
  }
}

/** The storage failed: I/O error, no space (`VARVE_NO_SPACE`), missing (`VARVE_NOT_FOUND`) or existing (`VARVE_EXISTS`) file. */
export class StorageError extends VarveError {
  override readonly name = 'StorageError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(options.code ?? ErrorCode.storage, message, options)
  }
}

/** The handle cannot do this in its state: closed, read-only, poisoned by a failed sync, or not as far as was waited for. */
export class StateError extends VarveError {
  override readonly name = 'StateError'
  constructor(code: ErrorCode, message: string, options: VarveErrorOptions = {}) {
    super(code, message, options)
  }
}

/** A transaction was used after its end, would wait for itself, or passed its time limit. */
export class TransactionError extends VarveError {
  override readonly name = 'TransactionError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.transaction, message, options)
  }
}

/** An unknown collection, or a definition that does not fit what the catalog holds. */
export class SchemaError extends VarveError {
  override readonly name = 'SchemaError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.schema, message, options)
  }
}

/** A row or key that may not be stored. `details.issues` lists every failing field. Nothing was written. */
export class ValidationError extends VarveError {
  override readonly name = 'ValidationError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.validation, message, options)
  }
}

/** The key is taken. `details.index` and `details.key` name it. */
export class DuplicateKeyError extends VarveError {
  override readonly name = 'DuplicateKeyError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.duplicateKey, message, options)
  }
}

/** A documented limit was passed; `details.limit` names it. */
export class LimitError extends VarveError {
  override readonly name = 'LimitError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.limit, message, options)
  }
}

/** A filter, its options or a page's token that cannot be understood; `details.field` and `details.operator` say where, `details.textOffset` in SQL. */
export class QueryError extends VarveError {
  override readonly name = 'QueryError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.query, message, options)
  }
}

/** The past that was asked for is not in the file any more: its first commit is later. */
export class HistoryGoneError extends VarveError {
  override readonly name = 'HistoryGoneError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.historyGone, message, options)
  }
}

/**
 * A position in history that this file's history does not have: the file was restored, or commits that nobody had made durable were
 * lost. Read the state anew, and go on from there.
 */
export class DivergedError extends VarveError {
  override readonly name = 'DivergedError'
  constructor(message: string, options: VarveErrorOptions = {}) {
    super(ErrorCode.diverged, message, options)
  }
}

/** Misuse of the interface: a `TypeError` with the code `VARVE_ARGUMENT`. */
export class ArgumentError extends TypeError {
  override readonly name = 'ArgumentError'
  readonly code: ErrorCode = ErrorCode.argument
  constructor(message: string) {
    super(message)
    Object.defineProperty(this, BRAND, { value: true })
  }
}
