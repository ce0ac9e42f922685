/**
 * Opening a database that a command writes to.
 */
import { Database, ErrorCode, type RecoveryInfo, VarveError } from '../src/index.js'
import { visible } from './escape.js'
import { CliError, detailsOf } from './failure.js'
import { counted } from './format.js'
import { holderText } from './holder.js'

export interface WritingOptions {
  /** Seconds to wait for others who hold it. */
  readonly wait: number
  readonly signal: AbortSignal
  readonly create?: boolean | undefined
  readonly unchecked?: boolean | undefined
}

export async function openForWriting(path: string, options: WritingOptions): Promise<Database> {
  const { wait, signal, create, unchecked } = options
  try {
    // Damage to what was acknowledged is not cut off in passing.
    const lock = { waitMs: wait * 1000 }
    return await Database.open(path, { signal, recovery: 'tornTail', lock, create, unchecked })
  } catch (error) {
    if (!VarveError.is(error, ErrorCode.locked) || error.details.holder === undefined) throw error
    const message = `${visible(path)} is held by ${holderText(error.details.holder)}. End that first, or use --wait.`
    throw new CliError(error.code, message, { details: detailsOf(error), cause: error })
  }
}

/** What a command tells of a recovery. */
export type Recovery = Pick<RecoveryInfo, 'classification' | 'reason' | 'truncatedBytes' | 'quarantinePath'>

/** What opening the database had to do first; undefined for nothing. */
export function recoveryOf({
  classification,
  reason,
  truncatedBytes,
  quarantinePath,
}: RecoveryInfo): Recovery | undefined {
  return classification === 'clean' ? undefined : { classification, reason, truncatedBytes, quarantinePath }
}

/** What a person should know of it. */
export function recoveryNotes(recovery: Recovery | undefined): string[] {
  if (recovery === undefined) return []
  const { reason, truncatedBytes, quarantinePath } = recovery
  if (quarantinePath === undefined) return [reason]
  return [`${reason} ${counted(truncatedBytes, 'byte')} behind it were moved aside, to ${quarantinePath}.`]
}
