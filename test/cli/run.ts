/**
 * The built program, run as users run it: in a process of its own, in a folder of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const repository = join(import.meta.dirname, '../..')
/** The program. */
export const program: string = join(repository, 'dist/cli.js')

if (!existsSync(program)) throw new Error('These tests run what was built: run `npm run build` first.')

/** How a run of the program ended. */
export interface Ended {
  /** Exit code; null if a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Where it runs. */
  readonly cwd: string
  /** Standard input; empty by default. */
  readonly input?: string | Uint8Array | undefined
}

/** Starts the program and leaves it to the caller. */
export function start(args: readonly string[], cwd: string): ChildProcess {
  return spawn(process.execPath, [program, ...args], { cwd, stdio: 'pipe' })
}

/** Runs the program to its end. */
export async function varve(args: readonly string[], { cwd, input = '' }: RunOptions): Promise<Ended> {
  const child = start(args, cwd)
  // A program that ends without reading its input closes the pipe.
  child.stdin?.on('error', () => undefined).end(input)
  return await ended(child)
}

/** Waits for the end of a child and collects what it prints. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  return { code, ...output }
}

/** The repository's file of a name. */
export function repositoryFile(name: string): string {
  return readFileSync(join(repository, name), 'utf8')
}
