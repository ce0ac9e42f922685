/**
 * The program: its commands, its help, and what becomes of arguments that are no command.
 */
import { Command, CommanderError, type Option } from 'commander'
import { checkpointCommand } from './commands/checkpoint.js'
import { collectionsCommand } from './commands/collections.js'
import { compactCommand } from './commands/compact.js'
import { dumpCatalogCommand } from './commands/dump-catalog.js'
import { exportCommand } from './commands/export.js'
import { exportSnapshotCommand } from './commands/export-snapshot.js'
import { getCommand } from './commands/get.js'
import { importCommand } from './commands/import.js'
import { inspectCommand } from './commands/inspect.js'
import { locksCommand } from './commands/locks.js'
import { migrateCommand } from './commands/migrate.js'
import { queryCommand } from './commands/query.js'
import { restoreCommand } from './commands/restore.js'
import { salvageCommand } from './commands/salvage.js'
import { statsCommand } from './commands/stats.js'
import { verifyCommand } from './commands/verify.js'
import { watchCommand } from './commands/watch.js'
import { addCommand } from './command.js'
import { envelopeText } from './envelope.js'
import { visible } from './escape.js'
import { EXIT_CODE_MEANINGS, ExitCode } from './exit-codes.js'
import { CliErrorCode } from './failure.js'
import { writeStandardOutput } from './standard-output.js'

/** Runs the program with its arguments and sets the exit code of the process. */
export async function run(args: readonly string[], version: string): Promise<void> {
  const program = buildProgram(version)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = await afterParsing(error, program, { args, version })
  }
}

function buildProgram(version: string): Command {
  const program = new Command('varve')
    .description('Look at, check, fill and read Varve databases.')
    .usage('<command> <database> [options]')
    .version(version, '--version', 'show the version')
    .helpOption('--help', 'show this help')
    .addHelpCommand(
      new Command('help')
        .usage('[command]')
        .argument('[command]')
        .description('show the help of a command')
        .helpGroup('Help:'),
    )
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({
      subcommandTerm: (command) => `${command.name()} ${command.usage().replace(' [options]', '')}`,
      optionDescription: ({ description, defaultValue }: Option) =>
        defaultValue === undefined ? description : `${description} (default: ${String(defaultValue)})`,
    })
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', exitCodeHelp)
  addCommand(program, version, inspectCommand)
  addCommand(program, version, statsCommand)
  addCommand(program, version, verifyCommand)
  addCommand(program, version, dumpCatalogCommand)
  addCommand(program, version, collectionsCommand)
  addCommand(program, version, locksCommand)
  addCommand(program, version, getCommand)
  addCommand(program, version, queryCommand)
  addCommand(program, version, watchCommand)
  addCommand(program, version, exportCommand)
  addCommand(program, version, importCommand)
  addCommand(program, version, migrateCommand)
  addCommand(program, version, compactCommand)
  addCommand(program, version, checkpointCommand)
  addCommand(program, version, exportSnapshotCommand)
  addCommand(program, version, restoreCommand)
  addCommand(program, version, salvageCommand)
  return program
}

function exitCodeHelp(): string {
  const lines = Object.entries(EXIT_CODE_MEANINGS).map(
    ([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`,
  )
  return `\nExit codes:\n${lines.join('\n')}\n\nStart with: varve help import`
}

/** Help and version end here too: commander hands over every end of the program. */
async function afterParsing(
  { exitCode, code, message }: CommanderError,
  program: Command,
  { args, version }: { readonly args: readonly string[]; readonly version: string },
): Promise<ExitCode> {
  if (exitCode === 0) return ExitCode.done
  const isHelp = code === 'commander.help'
  const text = isHelp ? 'Name a command.' : visible(sentence(message))
  const [command = ''] = args.filter((argument) => !argument.startsWith('-'))
  if (args.includes('--json')) {
    const error = { code: CliErrorCode.usage, message: text, details: {} }
    const time = new Date()
    await writeStandardOutput(
      envelopeText({ version, command, time, database: undefined, ok: false, result: undefined, error }),
    )
  } else if (!isHelp) {
    const known = program.commands.some((candidate) => candidate.name() === command)
    process.stderr.write(
      `varve${known ? ` ${command}` : ''}: ${text} See: varve help${known ? ` ${command}` : ''}\n`,
    )
  }
  return ExitCode.usage
}

/** A message of commander as sentences: `error: unknown command 'x'\n(Did you mean y?)`. */
function sentence(message: string): string {
  const [first = '', ...hints] = message.replace(/^error: /u, '').split('\n')
  const begin = `${first.slice(0, 1).toUpperCase()}${first.slice(1).replace(/\.$/u, '')}.`
  return [begin, ...hints.map((hint) => hint.replace(/^\((.*)\)$/u, '$1'))].join(' ')
}
