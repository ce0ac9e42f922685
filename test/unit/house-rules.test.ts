/**
 * The rules of the house that a machine can hold. The linter carries most of them: here it is shown sources that
 * break each rule on purpose, so that a rule that stopped working turns red. The rest is read from the sources.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const repository = join(import.meta.dirname, '../..')

describe('the linter', () => {
  /** The layers of the core, each with the layers it may import. */
  const mayImport: Readonly<Record<string, readonly string[]>> = {
    format: [],
    storage: ['format'],
    catalog: ['format'],
    tree: ['format', 'storage', 'catalog'],
    log: ['format', 'storage', 'catalog'],
    engine: ['format', 'storage', 'catalog', 'tree', 'log'],
    query: ['format', 'storage', 'catalog', 'tree', 'log', 'engine'],
    sql: ['format', 'catalog', 'query'],
    inspect: ['format', 'storage', 'catalog', 'tree', 'log', 'engine'],
    backup: ['format', 'storage', 'catalog', 'tree', 'log', 'engine', 'query', 'inspect'],
  }
  const layers = Object.keys(mayImport)

  let folder: string
  let reports: Map<string, string[]>

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'varve-lint-'))
    for (const name of ['.oxlintrc.json', 'tsconfig.json']) cpSync(join(repository, name), join(folder, name))
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'junction')
    for (const [path, text] of [...importCases(), ...ruleCases]) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    reports = lint(folder)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** One file for each pair of layers: `src/<from>/<to>.ts` imports from layer `to`. */
  function importCases(): [path: string, text: string][] {
    return layers.flatMap((from) =>
      [...layers, 'errors', 'database', 'index', 'tools'].map((to): [string, string] => {
        const target = layers.includes(to) ? `../${to}/some.js` : `../${to}.js`
        return [`src/${from}/${to}.ts`, `export { value } from '${target}'\n`]
      }),
    )
  }

  it.each(layers)('lets src/%s import what is below it and nothing else', (from) => {
    const refused = [...layers, 'database', 'index', 'tools', 'errors'].filter(
      (to) => to !== from && reports.get(`src/${from}/${to}.ts`)?.includes('no-restricted-imports'),
    )
    const expected = [...layers, 'database', 'index', 'tools'].filter(
      (to) => to !== from && !mayImport[from]?.includes(to),
    )
    expect(refused).toEqual(expected)
  })

  const ruleCases: [path: string, text: string, broken: string[]][] = [
    ['src/format/node.ts', `export { join } from 'node:path'\n`, ['no-restricted-imports']],
    ['src/engine/package.ts', `export { crc32 } from '@node-rs/crc32'\n`, ['no-restricted-imports']],
    [
      'src/engine/lazy.ts',
      `export const lazy = (): unknown => import('node:fs')\n`,
      ['no-restricted-imports'],
    ],
    ['src/storage/node.ts', `export { join } from 'node:path'\n`, []],
    ['src/storage/lock/own.ts', `export { value } from '../storage.js'\n`, []],
    ['src/storage/lock/up.ts', `export { value } from '../../log/some.js'\n`, ['no-restricted-imports']],
    ['src/sql/node.ts', `export { createRequire } from 'node:module'\n`, []],
    ['src/sql/file.ts', `export { join } from 'node:path'\n`, ['no-restricted-imports']],
    ['src/stats.ts', `export { value } from './sql/some.js'\n`, ['no-restricted-imports']],
    ['src/errors.ts', `export { value } from './format/some.js'\n`, ['no-restricted-imports']],
    ['src/database.ts', `export { value } from './inspect/some.js'\n`, ['no-restricted-imports']],
    ['src/collection.ts', `export { value } from './engine/some.js'\n`, []],
    ['cli/inside.ts', `export { value } from '../src/engine/some.js'\n`, ['no-restricted-imports']],
    ['cli/public.ts', `export { value } from '../src/index.js'\n`, []],
    ['cli/commands/inside.ts', `export { value } from '../../src/database.js'\n`, ['no-restricted-imports']],
    ['cli/commands/public.ts', `export { value } from '../../src/tools.js'\n`, []],
    ['native-free/node.ts', `export { join } from 'node:path'\n`, ['no-restricted-imports']],
    ['src/engine/now.ts', `export const now = (): number => Date.now()\n`, ['no-restricted-properties']],
    [
      'src/engine/random.ts',
      `export const random = (): number => Math.random()\n`,
      ['no-restricted-properties'],
    ],
    ['src/engine/buffer.ts', `export const bytes: unknown = Buffer.alloc(1)\n`, ['no-restricted-globals']],
    ['src/engine/process.ts', `export const id: unknown = process.pid\n`, ['no-restricted-globals']],
    ['src/engine/any.ts', `export const value: any = 1\n`, ['no-explicit-any']],
    ['src/engine/bang.ts', `export const f = (a: string[]): string => a[0]!\n`, ['no-non-null-assertion']],
    ['src/engine/default.ts', `export default 1\n`, ['no-default-export']],
    [
      'src/engine/floating.ts',
      `const later = async (): Promise<void> => {}\nexport const f = (): void => {\n  later()\n}\n`,
      ['no-floating-promises'],
    ],
    ['src/engine/long.ts', '// One of many lines.\n'.repeat(500) + 'export const value = 1\n', ['max-lines']],
  ]

  it.each(ruleCases)('judges %s rightly', (path, _text, broken) => {
    expect(reports.get(path) ?? []).toEqual(broken)
  })
})

/** Runs the linter over a folder's sources: the names of the broken rules, by file. */
function lint(folder: string): Map<string, string[]> {
  const program = join(repository, 'node_modules/oxlint/bin/oxlint')
  const run = spawnSync(process.execPath, [program, '--format', 'json', 'src', 'cli', 'native-free'], {
    cwd: folder,
    encoding: 'utf8',
  })
  const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: { filename: string; code: string }[] }
  const reports = new Map<string, string[]>()
  for (const { filename, code } of diagnostics) {
    const rule = /\((.+)\)$/u.exec(code)?.[1] ?? code
    reports.set(filename, [...(reports.get(filename) ?? []), rule])
  }
  return reports
}

describe('the sources', () => {
  const sources = ['src', 'native-free', 'cli'].flatMap(typescriptFiles)

  it('are found', () => {
    expect(sources).toContain('src/errors.ts')
  })

  it.each(sources)('%s opens with a comment that says what it is for', (path) => {
    expect(opensWithComment(readFileSync(join(repository, path), 'utf8'))).toBe(true)
  })

  it.each(sources.filter((path) => path.startsWith('src/') && !path.startsWith('src/storage/')))(
    '%s asks nobody but the platform for the time',
    (path) => {
      expect(readFileSync(join(repository, path), 'utf8')).not.toMatch(/\bnew Date\(\)/u)
    },
  )

  it('would be refused without that comment', () => {
    expect(opensWithComment(`import { a } from './a.js'\n/** Late. */\n`)).toBe(false)
    expect(opensWithComment(`/** */\nexport {}\n`)).toBe(false)
    expect(opensWithComment(`#!/usr/bin/env node\n/** The command line. */\nexport {}\n`)).toBe(true)
  })
})

function opensWithComment(text: string): boolean {
  return /^(?:#!.*\n)?(?:\/\/\/.*\n)*\/\*\*[\s*]*[^\s*/]/u.test(text)
}

function typescriptFiles(folder: string): string[] {
  const entries = readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
  return entries
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
}
