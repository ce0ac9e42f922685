/**
 * What a restore keeps of the file that it replaces, `<db>.replaced-<n>`, and what is left of it after a crash.
 *
 * A restore gives the old file this second name before the new one is renamed over the first, and removes it once the new
 * one was opened and verified. A crash in between leaves it, and then one of two things is certain:
 * - it is the very file that stands at the path: the rename did not happen, and the second name goes
 * - the path leads to the new file, which was whole before it got its name
 */
import type { Storage } from '../storage/storage.js'
import { Sidecar } from './log-file.js'
import { type Owner, removeOwn } from './own-files.js'

const NUMBER = /^[1-9][0-9]{0,14}$/u

/** The next free name for a file that is being replaced. */
export function nextReplacedName(storage: Storage, path: string): string {
  const taken = replacedFiles(path, storage.siblings(path)).map(({ number }) => number)
  return `${path}${Sidecar.replaced}${1 + Math.max(0, ...taken)}`
}

/**
 * Removes second names of the very file at the path. `beside` are the names in the directory that begin with the path's. The caller
 * holds the writer lock.
 */
export function dropSecondNames(storage: Storage, path: string, beside: readonly string[]): void {
  const replaced = replacedFiles(path, beside)
  if (replaced.length === 0) return
  const id = storage.stat(path)?.id
  if (id === undefined) return
  for (const { name } of replaced) if (storage.stat(name)?.id === id) storage.remove(name)
}

/**
 * Removes replaced files of this database, after the file at the path was opened and ends cleanly: what the restore would
 * have done next. The caller holds the writer lock.
 */
export function dropReplaced(path: string, beside: readonly string[], owner: Owner): void {
  const names = replacedFiles(path, beside).map(({ name }) => name)
  removeOwn(owner, names)
}

function replacedFiles(path: string, beside: readonly string[]): { name: string; number: number }[] {
  const prefix = path + Sidecar.replaced
  return beside
    .filter((name) => name.startsWith(prefix) && NUMBER.test(name.slice(prefix.length)))
    .map((name) => ({ name, number: Number(name.slice(prefix.length)) }))
}
