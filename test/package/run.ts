/** Runs programs to their end and hands back what they printed; a failing one is an error that shows its output. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const repository: string = join(import.meta.dirname, '../..')

export function node(args: readonly string[], cwd: string): string {
  return run(process.execPath, args, cwd)
}

export function npm(args: readonly string[], cwd: string): string {
  return process.platform === 'win32' ? run('npm.cmd', args, cwd, true) : run('npm', args, cwd)
}

function run(program: string, args: readonly string[], cwd: string, shell = false): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, shell, encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) {
    throw new Error(`${program} ${args.join(' ')} ended with ${String(status)}:\n${stdout}\n${stderr}`)
  }
  return stdout
}
