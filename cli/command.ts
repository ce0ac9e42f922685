/**
 * The frame of every command: its place in the help, the options that all share, and one way from its work to what is
 * printed, kept as an artifact, and said by the exit code.
 *
 * - Standard output carries the report or the data, or with `--json` one envelope and nothing else.
 * - Standard error carries errors, notes and progress.
 * - `--quiet` leaves data, the envelope and errors.
 */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ErrorCode } from '../src/index.js'
import { envelopeText } from './envelope.js'
import { visible } from './escape.js'
import { ExitCode } from './exit-codes.js'
import { CliError, type Failure, failureOf } from './failure.js'
import { watchForInterruption } from './interruption.js'
import { checkNewFile, NewFile } from './new-file.js'
import { NO_PROGRESS, type Progress, startProgress } from './progress.js'
import { writeStandardOutput } from './standard-output.js'

/** The options that every command has. */
export interface CommonOptions {
  readonly json?: boolean | undefined
  readonly output?: string | undefined
  readonly force?: boolean | undefined
  readonly quiet?: boolean | undefined
}

/** What the work of a command is given. */
export interface Run<O> {
  /** The first operand as it was given: in most commands the path of the database. */
  readonly database: string
  /** The operands after it. */
  readonly operands: readonly string[]
  readonly options: O & CommonOptions
  readonly signal: AbortSignal
  readonly startProgress: (label: string) => Promise<Progress>
}

/** What a command did. */
export interface Outcome {
  /** `result` of the JSON. */
  readonly result: unknown
  /** What a person reads. */
  readonly text?: string | undefined
  /** What was asked for, printed even with `--quiet`. */
  readonly data?: string | undefined
  /** Whether standard output has it all already, also with `--json`: a stream has no one result. */
  readonly isPrinted?: boolean | undefined
  /** What a person should know besides; goes to standard error. */
  readonly notes?: readonly string[] | undefined
  /** Default 0. */
  readonly exitCode?: ExitCode | undefined
}

/** A command. */
export interface CommandSpec<O> {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  /** More, in sentences. */
  readonly description: string
  /** The heading it stands under in the list of commands. */
  readonly group: string
  /** The first operand, where it is not the database. Default: the database. */
  readonly subject?: readonly [name: string, description: string] | undefined
  /** The database among what was given, where it is not the first operand. */
  readonly databaseOf?: ((operands: readonly string[]) => string) | undefined
  /** What follows the first operand, as commander writes it, and what it is. */
  readonly operands?: readonly (readonly [name: string, description: string])[] | undefined
  readonly examples: readonly string[]
  /** What `--force` says, where it is not only about the file of `--output`. */
  readonly force?: string | undefined
  /** Whether `--force` also replaces the file of `--output`. Default true. */
  readonly forceReplacesOutput?: boolean | undefined
  /** Whether the first Ctrl-C lets it come to a whole end. Default false. */
  readonly patient?: boolean | undefined
  readonly addOptions?: ((command: Command) => void) | undefined
  readonly work: (run: Run<O>) => Promise<Outcome>
}

/** Adds a command to the program. */
export function addCommand<O>(program: Command, version: string, spec: CommandSpec<O>): void {
  const [subject, about] = spec.subject ?? ['<database>', 'path of the database file']
  const operands = [subject, ...(spec.operands ?? []).map(([name]) => name)]
  const command = program.command(spec.name).helpGroup(spec.group)
  command
    .usage(`${operands.join(' ')} [options]`)
    .summary(spec.summary)
    .description(spec.description)
  command.argument(subject, about)
  for (const [name, description] of spec.operands ?? []) command.argument(name, description)
  if (spec.addOptions !== undefined) {
    command.optionsGroup('Options:')
    spec.addOptions(command)
  }
  command
    .optionsGroup('Output:')
    .option('--json', 'print the result as JSON')
    .option('--output <file>', 'keep that JSON in a file')
    .option('--force', spec.force ?? 'replace the file of --output if it exists')
    .option('--quiet', 'print data and errors, nothing else')
    .helpOption('--help', 'show this help')
    .addHelpText('after', `\nExamples:\n${spec.examples.map((example) => `  ${example}`).join('\n')}`)
    .action(async () => {
      const [database = '', ...rest] = command.args
      const options = command.opts<O & CommonOptions>()
      process.exitCode = await perform(spec, version, { database, operands: rest, options })
    })
}

type Given<O> = Pick<Run<O>, 'database' | 'operands' | 'options'>

/** How a command ended. */
interface Ending extends Partial<Outcome> {
  readonly exitCode: ExitCode
  readonly failure?: Failure | undefined
}

async function perform<O>(spec: CommandSpec<O>, version: string, given: Given<O>): Promise<ExitCode> {
  const { options } = given
  const database = spec.databaseOf?.(given.operands) ?? given.database
  const force = options.force === true && spec.forceReplacesOutput !== false
  const time = new Date()
  const describe = ({ exitCode, result, failure }: Ending): string =>
    envelopeText({
      version,
      command: spec.name,
      time,
      database: resolve(database),
      ok: exitCode === ExitCode.done,
      result,
      error: failure,
    })
  let ending: Ending
  try {
    if (options.output !== undefined) checkNewFile(options.output, { force, database })
    ending = await attempt(spec, given)
    if (options.output !== undefined) keep(describe(ending), options.output, { force, database })
  } catch (error) {
    ending = failed(error)
  }
  return await print(spec.name, ending, options, describe)
}

async function attempt<O>(spec: CommandSpec<O>, given: Given<O>): Promise<Ending> {
  const interruption = watchForInterruption(spec.patient ?? false)
  let progress: Progress = NO_PROGRESS
  const run: Run<O> = {
    ...given,
    signal: interruption.signal,
    async startProgress(label) {
      if (given.options.quiet !== true) progress = await startProgress(label)
      return progress
    },
  }
  try {
    refuseDirectory(given.database)
    const outcome = await spec.work(run)
    return { ...outcome, exitCode: outcome.exitCode ?? ExitCode.done }
  } catch (error) {
    return failed(error)
  } finally {
    progress.stop()
    interruption.stop()
  }
}

function refuseDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return
  const message = `${path} is a directory, not a database. Name a file.`
  throw new CliError(ErrorCode.format, message, { details: { path: resolve(path) } })
}

function failed(error: unknown): Ending {
  const failure = failureOf(error)
  return { exitCode: failure.exitCode, failure }
}

function keep(
  text: string,
  path: string,
  options: { readonly force: boolean; readonly database: string },
): void {
  const file = new NewFile(path, options)
  try {
    file.write(text)
    file.finish()
  } finally {
    file.discard()
  }
}

async function print(
  command: string,
  ending: Ending,
  options: CommonOptions,
  describe: (ending: Ending) => string,
): Promise<ExitCode> {
  const { failure, data = '', text = '', notes = [], exitCode, isPrinted = false } = ending
  const quiet = options.quiet === true
  const complain = (message: string): void =>
    void process.stderr.write(`varve ${command}: ${visible(message)}\n`)
  try {
    if (options.json === true && !isPrinted) await writeStandardOutput(describe(ending))
    else if (failure !== undefined) complain(failure.message)
    else {
      await writeStandardOutput(quiet ? data : data + text)
      if (!quiet) notes.forEach(complain)
    }
  } catch (error) {
    const { message, exitCode: code } = failureOf(error)
    complain(message)
    return code
  }
  return exitCode
}
