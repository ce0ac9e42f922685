/**
 * The program: its commands, its help, and what becomes of arguments that are no command.
 */
import { styleText } from 'node:util'
import { Command, CommanderError } from 'commander'
import { collectionsCommand } from './commands/collections.js'
import { dumpCatalogCommand } from './commands/dump-catalog.js'
import { exportCommand } from './commands/export.js'
import { getCommand } from './commands/get.js'
import { importCommand } from './commands/import.js'
import { inspectCommand } from './commands/inspect.js'
import { locksCommand } from './commands/locks.js'
import { verifyCommand } from './commands/verify.js'
import { addCommand } from './command.js'
import { envelopeText } from './envelope.js'
import { EXIT_CODE_MEANINGS, ExitCode } from './exit-codes.js'
import { CliErrorCode } from './failure.js'
import { writeStandardOutput } from './standard-output.js'

/** Runs the program with its arguments and sets the exit code of the process. */
export async function run(args: readonly string[], version: string): Promise<void> {
  const complaints: string[] = []
  const program = buildProgram(version, complaints)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = await afterParsing(error, complaints.join(''), { args, version })
  }
}

function buildProgram(version: string, complaints: string[]): Command {
  const program = new Command('varve')
    .description('Look at, check, fill and read Varve databases.')
    .usage('<command> <database> [options]')
    .version(version, '--version', 'show the version')
    .helpOption('--help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ styleTitle: (title) => styleText('bold', title) })
    .configureOutput({ outputError: (text) => void complaints.push(text) })
    .addHelpText('after', exitCodeHelp)
  addCommand(program, version, inspectCommand)
  addCommand(program, version, verifyCommand)
  addCommand(program, version, dumpCatalogCommand)
  addCommand(program, version, collectionsCommand)
  addCommand(program, version, locksCommand)
  addCommand(program, version, getCommand)
  addCommand(program, version, exportCommand)
  addCommand(program, version, importCommand)
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
  complaint: string,
  { args, version }: { readonly args: readonly string[]; readonly version: string },
): Promise<ExitCode> {
  if (exitCode === 0) return ExitCode.done
  const isHelp = code === 'commander.help'
  const text = isHelp ? 'Name a command.' : message.replace(/^error: /u, '')
  if (args.includes('--json')) {
    const [command = ''] = args.filter((argument) => !argument.startsWith('-'))
    const error = { code: CliErrorCode.usage, message: text, details: {} }
    const time = new Date()
    await writeStandardOutput(
      envelopeText({ version, command, time, database: undefined, ok: false, result: undefined, error }),
    )
  } else if (!isHelp) {
    process.stderr.write(complaint === '' ? `${text}\n` : complaint)
  }
  return ExitCode.usage
}
