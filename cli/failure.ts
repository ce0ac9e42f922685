/**
 * Why a command did not do its work: errors of the program itself, and every error as the JSON shows it.
 */
import { type ErrorCode, VarveError } from '../src/index.js'
import { ExitCode, exitCodeOf } from './exit-codes.js'

/** Codes of the program's own errors, beside those of `VarveError`. */
export const CliErrorCode = {
  usage: 'CLI_USAGE',
  refused: 'CLI_REFUSED',
  /** Input data that cannot be taken. */
  data: 'CLI_DATA',
  inputOutput: 'CLI_INPUT_OUTPUT',
  interrupted: 'CLI_INTERRUPTED',
  internal: 'CLI_INTERNAL',
} as const
export type CliErrorCode = (typeof CliErrorCode)[keyof typeof CliErrorCode]

const EXIT_CODES: ReadonlyMap<string, ExitCode> = new Map<CliErrorCode, ExitCode>([
  [CliErrorCode.usage, ExitCode.usage],
  [CliErrorCode.refused, ExitCode.refused],
  [CliErrorCode.data, ExitCode.findings],
  [CliErrorCode.inputOutput, ExitCode.inputOutput],
  [CliErrorCode.interrupted, ExitCode.interrupted],
])

/** Facts about an error; they become `error.details` in the JSON. */
export type Details = Readonly<Record<string, unknown>>

export interface CliErrorOptions {
  readonly details?: Details | undefined
  readonly cause?: unknown
  /** Where it is not the one that the code stands for. */
  readonly exitCode?: ExitCode | undefined
}

/** An error that the program itself found, or has more to say about. Its message is prose that says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode | ErrorCode
  readonly exitCode: ExitCode
  readonly details: Details

  constructor(code: CliErrorCode | ErrorCode, message: string, options: CliErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.exitCode = options.exitCode ?? EXIT_CODES.get(code) ?? exitCodeOf(code)
    this.details = options.details ?? {}
  }

  /** The same error, with one more sentence and more details. */
  with(sentence: string, details: Details): CliError {
    const { code, message, exitCode, cause } = this
    return new CliError(code, `${message} ${sentence}`, {
      exitCode,
      cause,
      details: { ...this.details, ...details },
    })
  }
}

export function usageError(message: string): CliError {
  return new CliError(CliErrorCode.usage, message)
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'it does not exist, or its directory does not'],
  ['EACCES', 'permission is denied'],
  ['EPERM', 'it is not permitted'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of its path is not a directory'],
  ['ENOSPC', 'no space is left'],
  ['EDQUOT', 'the quota is used up'],
  ['EROFS', 'the file system is read-only'],
  ['EIO', 'the device failed'],
])

/** The error of a failed system call on a file that is not a database. */
export function fileError(doing: string, path: string, cause: unknown): CliError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const reason = REASONS.get(code) ?? (cause instanceof Error ? cause.message : String(cause))
  return new CliError(CliErrorCode.inputOutput, `Could not ${doing} ${path}: ${reason}.`, {
    details: { path },
    cause,
  })
}

/** An error as the JSON shows it, with the exit code it leads to. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly details: Details
  readonly exitCode: ExitCode
}

/** Any error as a failure; one that nobody foresaw is a defect, and brings its stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) {
    const { code, message, details, exitCode } = error
    return { code, message, details, exitCode }
  }
  if (VarveError.is(error)) {
    const { code, message } = error
    return { code, message, details: detailsOf(error), exitCode: exitCodeOf(code) }
  }
  const reason = error instanceof Error ? error.message : String(error)
  return {
    code: CliErrorCode.internal,
    message: `Something went wrong that should not: ${reason}. Please report it, with the command and the stack (--json shows it).`,
    details: error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {},
    exitCode: ExitCode.internal,
  }
}

/** The details of an error of Varve; one of misuse has none. */
export function detailsOf(error: VarveError): Details {
  return { ...(error as Partial<VarveError>).details }
}
