/** Runs programs to their end and hands back what they printed; a failing one is an error that shows its output. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const repository: string = join(import.meta.dirname, '../..')

/** Runs a program of Node; `packages` is a folder of packages that it may `require` besides its own. */
export function node(args: readonly string[], cwd: string, packages = ''): string {
  return run(process.execPath, args, cwd, { NODE_PATH: packages })
}

export function npm(args: readonly string[], cwd: string): string {
  return process.platform === 'win32' ? run('npm.cmd', args, cwd, {}, true) : run('npm', args, cwd)
}

function run(
  program: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
  shell = false,
): string {
  const env = { ...process.env, ...environment }
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, shell, encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) {
    throw new Error(`${program} ${args.join(' ')} ended with ${String(status)}:\n${stdout}\n${stderr}`)
  }
  return stdout
}
