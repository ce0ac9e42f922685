/**
 * An import under way: batch after batch, and what to tell of it when it ends early.
 */
import { VarveError } from '../../src/index.js'
import { CliError, detailsOf } from '../failure.js'
import { counted } from '../format.js'
import type { Progress } from '../progress.js'
import { BatchWriter, type ConflictPolicy, TakenKey, type Written } from './batch-writer.js'
import type { Input } from './input.js'
import { BadData, type InputRow } from './row.js'
import type { ImportTarget } from './target.js'

/** Where rows come from. */
export interface Source {
  readonly input: Input
  readonly batches: AsyncGenerator<InputRow[], void, undefined>
  readonly signal: AbortSignal
}

const NOTHING: Readonly<Written> = { inserted: 0, skipped: 0, replaced: 0, batches: 0 }

/** Rows of the input that are in the database. */
export function rowsIn({ inserted, replaced }: Readonly<Written>): number {
  return inserted + replaced
}

/** The first batch; undefined for an input without rows. */
export async function firstBatch({ input, batches }: Source): Promise<InputRow[] | undefined> {
  try {
    const { value, done } = await batches.next()
    return done === true ? undefined : value
  } catch (error) {
    throw explained(error, input, NOTHING)
  }
}

/** Writes all batches. A signal ends it after the batch under way. Throws what tells how far it came. */
export async function importBatches(
  { input, batches, signal }: Source,
  first: InputRow[] | undefined,
  target: ImportTarget,
  policy: ConflictPolicy,
  progress: Progress,
): Promise<Readonly<Written>> {
  const writer = new BatchWriter(target, policy)
  try {
    for (let batch = first ?? []; ;) {
      signal.throwIfAborted()
      for (const row of batch) target.conversions.apply(row)
      await writer.write(batch)
      progress.update(input.bytesRead, input.totalBytes, counted(rowsIn(writer.written), 'row'))
      const next = await batches.next()
      if (next.done === true) return writer.written
      batch = next.value
    }
  } catch (error) {
    throw explained(error, input, writer.written)
  } finally {
    progress.stop()
  }
}

/** An error with what is in the database now. */
function explained(error: unknown, { name }: Input, written: Readonly<Written>): unknown {
  const rows = rowsIn(written)
  const are = rows === 1 ? 'is' : 'are'
  const before =
    rows === 0 ? 'Nothing was written.' : `${counted(rows, 'row')} before it ${are} in, nothing of its batch.`
  if (error instanceof BadData || error instanceof TakenKey)
    return error.toError(name, before, { ...written })
  const after = rows === 0 ? 'Nothing was written.' : `${counted(rows, 'row')} ${are} in.`
  if (error instanceof CliError) return error.with(after, { ...written })
  if (!VarveError.is(error)) return error
  return new CliError(error.code, error.message, { details: detailsOf(error), cause: error }).with(after, {
    ...written,
  })
}
