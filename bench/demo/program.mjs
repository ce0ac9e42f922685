/** The `varve` program, run as a user would, with what it prints shown. */
import { spawnSync } from 'node:child_process'
import { basename, join } from 'node:path'

const program = join(import.meta.dirname, '../../dist/cli.js')

/** Runs a command, shows it and its output, and hands back its exit code. */
export function varve(command, database, ...rest) {
  const shown = rest.map((argument) => (argument.includes('/') ? basename(argument) : argument))
  console.log(`\n  $ varve ${[command, basename(database), ...shown].join(' ')}`)
  const { status, stdout } = spawnSync(process.execPath, [program, command, database, ...rest], {
    encoding: 'utf8',
    // Progress goes to the terminal, if there is one.
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  console.log(stdout.trimEnd().replaceAll(/^/gmu, '  | '))
  return status
}
