/** File system calls of the lock manager, wrapped so that a test sees, delays, fails or ends at each of them. */
import { systemFiles, type LockFiles } from '../../../src/storage/lock/files.js'

/** Called before each call; throwing fails it. `name` is the call's, such as `renameSync`. */
export type BeforeCall = (name: keyof LockFiles, parameters: readonly unknown[]) => void

export function interceptFiles(before: BeforeCall, files: LockFiles = systemFiles): LockFiles {
  const calls: Record<string, unknown> = {}
  for (const name of CALLS) {
    const original = files[name] as (...parameters: unknown[]) => unknown
    calls[name] = (...parameters: unknown[]): unknown => {
      before(name, parameters)
      return original(...parameters)
    }
  }
  return calls as LockFiles
}

/** The same files with some calls replaced. */
export function replaceFiles(replacements: Partial<Record<keyof LockFiles, unknown>>): LockFiles {
  return Object.assign(
    interceptFiles(() => undefined),
    replacements,
  )
}

/** What the system says when it fails a call. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}

const CALLS: readonly (keyof LockFiles)[] = [
  'closeSync',
  'fstatSync',
  'fsyncSync',
  'lstatSync',
  'mkdirSync',
  'openSync',
  'readSync',
  'readdirSync',
  'renameSync',
  'rmdirSync',
  'statSync',
  'statfsSync',
  'unlinkSync',
  'utimesSync',
  'writeSync',
]
