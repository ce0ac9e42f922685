import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { node } from './run.js'

const installed = inject('installed')
const home = join(installed, 'node_modules/varve')
const entries = ['varve', 'varve/tools', 'varve/sql', 'varve/native-free']
/** A user's first minute with a database in memory: a function of the entry, as text. */
const smoke = `async ({ Database }) => {
  const db = Database.openInMemory()
  await db.registerCollection('books', [{ path: ['title'], type: 'string' }], 'title', { indexes: {} })
  await db.insert('books', { title: 'Hello' })
  console.log(JSON.stringify([db.path, db.collectionNames(), db.get('books', 'Hello')]))
  await db.close()
}`
const smokeOutput = `[":memory:",["books"],{"title":"Hello"}]\n`

describe('an empty folder with the tarball installed', () => {
  const lock = JSON.parse(readFileSync(join(installed, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, { hasInstallScript?: boolean }>
  }

  it('holds at most a dozen packages', () => {
    const names = Object.keys(lock.packages)
    expect(names).toContain('node_modules/varve')
    expect(names.length).toBeLessThanOrEqual(12)
  })

  it('holds no package with an install script', () => {
    expect(Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
  })

  it('takes at most 5 MB', () => {
    const folder = join(installed, 'node_modules')
    const sizes = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
      lstatSync(join(folder, name)),
    )
    const total = sizes.filter((stat) => stat.isFile()).reduce((sum, { size }) => sum + size, 0)
    expect(total).toBeGreaterThan(10_000)
    expect(total).toBeLessThanOrEqual(5_000_000)
  })

  it('holds a library of ASCII alone, which the engine keeps in half the memory', () => {
    const dist = join(home, 'dist')
    const chunks = readdirSync(join(dist, 'chunks')).map((name) => join('chunks', name))
    const files = ['index.js', 'tools.js', 'sql.js', ...chunks]
    // oxlint-disable-next-line no-control-regex -- the range of ASCII
    for (const file of files) expect(readFileSync(join(dist, file), 'latin1')).toMatch(/^[\0-\x7f]*$/u)
  })

  it('holds the programs, the declarations and the licences, and no sources or tests', () => {
    expect(readdirSync(home).toSorted()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json'].filter((name) =>
        existsSync(join(home, name)),
      ),
    )
    const notices = readFileSync(join(home, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8')
    for (const name of ['msgpackr', 'csv-parse', 'csv-stringify', 'cli-progress', 'cli-table3']) {
      expect(notices).toMatch(new RegExp(`^${name} \\d`, 'mu'))
    }
  })
})

describe('the installed package', () => {
  it.each(entries)('%s can be imported and required, as one module', (entry) => {
    const program = `
      const required = require(${JSON.stringify(entry)})
      import(${JSON.stringify(entry)}).then((imported) => {
        console.log(imported === required, Object.keys(imported).length > 0)
      })`
    expect(node(['--input-type=commonjs', '--eval', program], installed)).toBe('true true\n')
  })

  it.each(['varve', 'varve/native-free'])('%s keeps rows in memory', (entry) => {
    const program = `import(${JSON.stringify(entry)}).then(${smoke})`
    expect(node(['--input-type=commonjs', '--eval', program], installed)).toBe(smokeOutput)
  })

  it('has one class for each error across varve and varve/tools', () => {
    const program = `
      import { VarveError } from 'varve'
      import { inspect } from 'varve/tools'
      await inspect('missing.varve').catch((error) => console.log(error instanceof VarveError, error.code))`
    expect(node(['--input-type=module', '--eval', program], installed)).toBe('true VARVE_NOT_FOUND\n')
  })

  it('says what to install where SQL is used without its parser, which nothing but SQL asks for', () => {
    const program = `
      import { Database, QueryError } from 'varve'
      import { sql } from 'varve/sql'
      const db = Database.openInMemory()
      try {
        sql(db)\`SELECT id FROM books\`
      } catch (error) {
        console.log(error instanceof QueryError, error.code, error.message)
      }`
    expect(node(['--input-type=module', '--eval', program], installed)).toMatch(
      /^true VARVE_QUERY .*npm install pgsql-ast-parser@12\.\n$/u,
    )
  })

  it('shows its manifest', () => {
    const program = `console.log(require('varve/package.json').name)`
    expect(node(['--input-type=commonjs', '--eval', program], installed)).toBe('varve\n')
  })

  it('keeps its inner files to itself', () => {
    expect(() => node(['--input-type=module', '--eval', `import 'varve/dist/index.js'`], installed)).toThrow(
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    )
  })

  it('loads no package of the command line, and no lock hooks, with the library', () => {
    const program = `
      const before = process.eventNames().length
      require('varve')
      const names = Object.keys(require.cache).filter((path) => /commander|proper-lockfile|signal-exit/.test(path))
      console.log(names.length, process.eventNames().length - before)`
    expect(node(['--input-type=commonjs', '--eval', program], installed)).toBe('0 0\n')
  })

  it('puts the varve program on the path', () => {
    const help = node([join(installed, 'node_modules/.bin/varve'), '--help'], installed)
    expect(help).toContain('Usage: varve')
  })

  it('runs varve/native-free without process, without Buffer and without evaluation of strings', () => {
    const program = `
      delete globalThis.process
      delete globalThis.Buffer
      import('varve/native-free').then(${smoke})`
    const args = ['--disallow-code-generation-from-strings', '--input-type=commonjs', '--eval', program]
    expect(node(args, installed)).toBe(smokeOutput)
  })
})
