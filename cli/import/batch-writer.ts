/**
 * Writes batches of rows into a collection, each in one transaction, all or nothing.
 */
import type { Database, Key, TransactionCollection, TransactionHandle } from '../../src/index.js'
import { ErrorCode, VarveError } from '../../src/index.js'
import { CliError, CliErrorCode } from '../failure.js'
import { visible } from '../escape.js'
import { valueAt } from '../text-types.js'
import { shorten } from '../typed-json.js'
import { BadData, type InputRow } from './row.js'

export const CONFLICT_POLICIES = ['fail', 'skip', 'replace'] as const
/** What is done with a row whose key is taken. */
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number]

/** What is in the database, or was passed over. Only whole batches count. */
export interface Written {
  inserted: number
  skipped: number
  replaced: number
  batches: number
}

/** A row whose key is taken, where that ends the import. */
export class TakenKey extends Error {
  override readonly name = 'TakenKey'
  readonly line: number
  readonly key: unknown

  constructor(line: number, key: unknown) {
    super('the key is taken')
    this.line = line
    this.key = key
  }

  toError(input: string, aftermath: string, progress: object): CliError {
    const { line, key } = this
    return new CliError(
      CliErrorCode.refused,
      `${input}, line ${line}: there is a row with the key ${shorten(key)} already. ${aftermath} ` +
        `Use --on-conflict skip to keep the rows that are there, or --on-conflict replace.`,
      { details: { input, line, key, ...progress } },
    )
  }
}

/** Where rows go. */
export interface Target {
  readonly database: Database
  readonly collection: string
  /** Paths of the parts of its key. */
  readonly primaryKey: readonly (readonly string[])[]
  /** Makes the collection, if it is new: it appears with its first rows, or not at all. */
  readonly register: ((transaction: TransactionHandle) => void) | undefined
}

export class BatchWriter {
  readonly written: Written = { inserted: 0, skipped: 0, replaced: 0, batches: 0 }
  readonly #target: Target
  readonly #policy: ConflictPolicy
  #registered = false

  constructor(target: Target, policy: ConflictPolicy) {
    this.#target = target
    this.#policy = policy
  }

  /** Throws `BadData` or `TakenKey` for the first row that cannot be taken; nothing of the batch is written then. */
  async write(rows: readonly InputRow[]): Promise<void> {
    const { database, collection: name, register } = this.#target
    const counts = await database.transaction((transaction) => {
      if (!this.#registered) register?.(transaction)
      const collection = transaction.collection(name)
      const batch = { inserted: 0, skipped: 0, replaced: 0 }
      for (const row of rows) batch[this.#writeRow(collection, row)] += 1
      return batch
    })
    this.#registered = true
    this.written.inserted += counts.inserted
    this.written.skipped += counts.skipped
    this.written.replaced += counts.replaced
    if (rows.length > 0) this.written.batches += 1
  }

  #writeRow(collection: TransactionCollection, { row, line }: InputRow): 'inserted' | 'skipped' | 'replaced' {
    try {
      const key = this.#policy === 'fail' ? undefined : this.#keyOf(row)
      if (key === undefined || !collection.has(key)) {
        collection.insert(row)
        return 'inserted'
      }
      if (this.#policy === 'skip') return 'skipped'
      collection.put(row)
      return 'replaced'
    } catch (error) {
      if (VarveError.is(error, ErrorCode.duplicateKey)) throw new TakenKey(line, error.details.key)
      throw asBadData(error, line)
    }
  }

  /** Undefined if a part is missing: inserting makes it, or says what is wrong. */
  #keyOf(row: Record<string, unknown>): Key | undefined {
    const parts = this.#target.primaryKey.map((path) => valueAt(row, path))
    if (parts.some((part) => part === undefined || part === null)) return undefined
    const [only] = parts
    return (parts.length === 1 ? only : parts) as Key // What is no key is refused by the collection.
  }
}

/** The database's reasons against a row, as the input's; any other error as it is. */
function asBadData(error: unknown, line: number): unknown {
  if (!VarveError.is(error, ErrorCode.validation) && !VarveError.is(error, ErrorCode.limit)) return error
  const [issue] = error.details.issues ?? []
  if (issue === undefined) return new BadData(line, visible(error.message.replace(/\.$/u, '')))
  const { path, expected, found } = issue
  return new BadData(line, `expected ${expected}, found ${found}`, path === '' ? undefined : path)
}
