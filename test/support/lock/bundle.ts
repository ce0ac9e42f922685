/**
 * Makes the helper programs of this folder runnable by plain Node of any version.
 *
 * They are written into `node_modules`, because from there they find the packages that the locks load at run time.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

type ProgramName = 'taker' | 'taker-thread' | 'step-taker' | 'torture-taker'

/** The programs, by name. */
const SOURCES: Readonly<Record<ProgramName, URL>> = {
  taker: new URL('./taker.ts', import.meta.url),
  'taker-thread': new URL('./taker-thread.ts', import.meta.url),
  'step-taker': new URL('./step-taker.ts', import.meta.url),
  'torture-taker': new URL('./torture-taker.ts', import.meta.url),
}

const packages = new URL('../../../node_modules/', import.meta.url)

/** Bundled programs of one test file. */
export interface Programs {
  file(name: ProgramName): string
  remove(): void
}

export async function bundlePrograms(...names: ProgramName[]): Promise<Programs> {
  const directory = join(fileURLToPath(packages), '.varve-tests', `lock-${randomBytes(6).toString('hex')}`)
  const input = Object.fromEntries(names.map((name) => [name, fileURLToPath(SOURCES[name])]))
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
