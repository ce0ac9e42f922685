/**
 * Both entries, from source and as built, pass the same suite; and the native-free one needs nothing of Node.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { rolldown } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { createNodePlatform } from '../../src/storage/node-platform.js'
import { Database as CoreDatabase } from '../../src/database.js'
import type { Platform } from '../../src/storage/platform.js'
import { databaseConformance, type EntryModule } from './database-suite.js'

const built = (entry: string): string => fileURLToPath(new URL(`../../dist/${entry}.js`, import.meta.url))
const load = async (file: string): Promise<EntryModule> => (await import(file)) as EntryModule

databaseConformance('varve, from source', () => import('../../src/index.js'))
databaseConformance('varve/native-free, from source', () => import('../../native-free/index.js'))
databaseConformance('varve, as built', () => load(built('index')))
databaseConformance('varve/native-free, as built', () => load(built('native-free')))

const WORK = `
  const db = Database.openInMemory()
  await db.registerCollection('rows', [{ path: ['id'], type: 'uuid', generated: true }], 'id')
  const id = await db.insert('rows', { bytes: new Uint8Array([1, 2]), map: new Map([[1n, new Date(0)]]) })
  await db.transaction((tx) => { for (let i = 0; i < 1000; i++) tx.collection('rows').insert({ i, text: 'x'.repeat(i) }) })
  const row = db.get('rows', id)
  const result = [db.count('rows'), row.bytes.constructor.name, row.map.get(1n).getTime(), db.stats().checksum].join(' ')
  await db.close()
`
const RESULT = '1001 Uint8Array 0 typescript'

describe('varve/native-free', () => {
  it('works with process and Buffer deleted', () => {
    const script = `
      const write = process.stdout.write.bind(process.stdout)
      const { Database } = await import(${JSON.stringify(built('native-free'))})
      delete globalThis.process
      delete globalThis.Buffer
      ${WORK}
      write(result)
    `
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    })
    expect(output).toBe(RESULT)
  })

  it('bundles for a browser, and runs where there is no Node and no code from strings', async () => {
    const bundle = await rolldown({
      input: 'page',
      platform: 'browser',
      plugins: [
        {
          name: 'page',
          resolveId: (id) => (id === 'page' ? id : undefined),
          load: (id) =>
            id === 'page'
              ? `import { Database } from ${JSON.stringify(built('native-free'))}
                 export const done = (async () => { ${WORK}; return result })()`
              : undefined,
        },
      ],
    })
    const { output } = await bundle.generate({ format: 'iife', name: 'page' })
    await bundle.close()
    const [{ code }] = output
    const globals = { TextEncoder, TextDecoder, crypto, performance, setTimeout, clearTimeout, AbortSignal }
    const context = createContext({ ...globals }, { codeGeneration: { strings: false, wasm: false } })
    runInContext(`${code}\nglobalThis.done = page.done`, context)
    expect(await (context as { done: Promise<string> }).done).toBe(RESULT)
  })

  it('holds no native addon, no Node module and no generated code', () => {
    const code = readFileSync(built('native-free'), 'utf8')
    expect(code).not.toMatch(/from\s*["']node:|(?<![#.\w])require\(|new Function\(|@node-rs/u)
  })
})

describe('varve without its native package', () => {
  it('falls back to TypeScript, works the same, and says so in stats', async () => {
    const platform = createNodePlatform({
      loadNativeChecksum: () => {
        throw new Error('no such package')
      },
    })
    class WithoutNative extends CoreDatabase {
      static override platform(): Platform {
        return platform
      }
    }
    const db = WithoutNative.openInMemory()
    await db.registerCollection('rows', [], 'id')
    await db.put('rows', { id: 1, text: 'x'.repeat(1000) })
    expect(db.get('rows', 1)).toEqual({ id: 1, text: 'x'.repeat(1000) })
    expect(db.stats()).toMatchObject({ checksum: 'typescript' })
    expect(db.stats().checksumFallbackReason).toMatch(/no such package/u)
    await db.close()
  })
})
