/** Directories for tests on real files, under the system's own place for such, each with a way to be rid of it. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory {
  /** With symbolic links resolved. */
  readonly path: string
  /** The path of a file in it. */
  readonly file: (name: string) => string
  readonly remove: () => void
}

export function temporaryDirectory(): TemporaryDirectory {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'varve-test-')))
  return {
    path,
    file: (name) => join(path, name),
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}
