/**
 * What a command's exit code says: one table for all commands, shown by `varve --help` and in `docs/cli.md`.
 */
import { ErrorCode } from '../src/index.js'

/** Exit codes. A number is never reused for another meaning. */
export const ExitCode = {
  done: 0,
  findings: 1,
  usage: 2,
  cannotOpen: 3,
  locked: 4,
  corruption: 5,
  refused: 6,
  inputOutput: 7,
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** What each code means, in the order of the codes. */
export const EXIT_CODE_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'findings: verify found damage, salvage misses something, get found no row, import met data it cannot take',
  2: 'usage: wrong arguments or options',
  3: 'cannot open: missing, not a database, or of a newer format',
  4: 'locked by somebody else',
  5: 'corruption, or recovery required, met by a command other than verify and salvage',
  6: 'refused: it would overwrite something, or is unsafe without --force',
  7: 'input or output failed, or no space is left',
  70: 'a defect of varve itself',
  130: 'interrupted (Ctrl-C)',
  143: 'terminated',
}

const BY_ERROR: ReadonlyMap<string, ExitCode> = new Map<ErrorCode, ExitCode>([
  [ErrorCode.notFound, ExitCode.cannotOpen],
  [ErrorCode.format, ExitCode.cannotOpen],
  [ErrorCode.locked, ExitCode.locked],
  [ErrorCode.corruption, ExitCode.corruption],
  [ErrorCode.recoveryRequired, ExitCode.corruption],
  [ErrorCode.exists, ExitCode.refused],
  [ErrorCode.duplicateKey, ExitCode.refused],
  [ErrorCode.storage, ExitCode.inputOutput],
  [ErrorCode.noSpace, ExitCode.inputOutput],
  [ErrorCode.poisoned, ExitCode.inputOutput],
  [ErrorCode.argument, ExitCode.usage],
  [ErrorCode.schema, ExitCode.usage],
  [ErrorCode.validation, ExitCode.usage],
  [ErrorCode.limit, ExitCode.usage],
  [ErrorCode.query, ExitCode.usage],
  [ErrorCode.historyGone, ExitCode.usage],
  [ErrorCode.diverged, ExitCode.usage],
])

/** The exit code for an error of Varve, by its code. */
export function exitCodeOf(errorCode: string): ExitCode {
  return BY_ERROR.get(errorCode) ?? ExitCode.internal
}
