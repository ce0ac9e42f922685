/**
 * Makes the helper programs of this folder runnable by plain Node of any version.
 *
 * They are written into `node_modules`, because from there they find the packages that the locks load at run time.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..', '..')

/** Bundled programs of one test file, by name; `remove` deletes them. */
export interface Programs {
  file(name: string): string
  remove(): void
}

/** Bundles `test/support/lock/<name>.ts` for each name. */
export async function bundlePrograms(...names: string[]): Promise<Programs> {
  const directory = join(root, 'node_modules', '.varve-tests', `lock-${randomBytes(6).toString('hex')}`)
  const input = Object.fromEntries(names.map((name) => [name, join(here, `${name}.ts`)]))
  const bundle = await rolldown({ input, platform: 'node', external: ['proper-lockfile'] })
  await bundle.write({
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  })
  await bundle.close()
  return {
    file: (name) => join(directory, `${name}.mjs`),
    remove: () => {
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
