/** Commands that read change nothing, whatever the state of the file, and whoever else is at work on it. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { inspect } from '../../src/tools.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { createLibrary, flipBit, imageOf, leaveTornTail, offsetOf } from './library.js'
import { varve } from './run.js'

const directory = temporaryDirectory()
const original = directory.file('original.varve')

beforeAll(async () => await createLibrary(original))
afterAll(() => directory.remove())

const commands: readonly (readonly [command: string, ...operands: string[]])[] = [
  ['inspect'],
  ['verify', '--deep'],
  ['dump-catalog'],
  ['collections'],
  ['locks'],
  ['get', 'books', 'Dune'],
  ['export', 'books'],
  ['export', 'loans', '--format', 'csv'],
  ['query', 'SELECT * FROM books'],
]

/** A copy of the database in a folder of its own. */
function copyIn(name: string): string {
  const folder = directory.file(name)
  mkdirSync(folder)
  const path = join(folder, 'library.varve')
  writeFileSync(path, readFileSync(original))
  return path
}

/** Runs every command on a database, all at once; the codes they end with, in their order. */
async function runAll(path: string): Promise<(number | null)[]> {
  const runs = commands.map(([command, ...operands]) =>
    varve([command, path, ...operands], { cwd: directory.path }),
  )
  return (await Promise.all(runs)).map(({ code }) => code)
}

describe('commands that read', () => {
  it.each<[name: string, spoil: (path: string) => void, codes: number[]]>([
    ['a clean file', () => undefined, [0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a file with a torn tail', leaveTornTail, [0, 0, 0, 0, 0, 0, 0, 0, 0]],
    [
      'a file with zeros at its end',
      (path) => writeFileSync(path, new Uint8Array(9000), { flag: 'a' }),
      [0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    ['a damaged file', (path) => flipBit(path, offsetOf(path, 'Herbert')), [0, 1, 0, 0, 0, 5, 5, 5, 5]],
    ['a file with a damaged superblock', (path) => flipBit(path, 8192 + 50), [0, 1, 0, 0, 0, 0, 0, 0, 0]],
    [
      'a file cut short',
      (path) => writeFileSync(path, readFileSync(path).subarray(0, 13_000)),
      [0, 1, 0, 0, 0, 5, 5, 5, 5],
    ],
    ['an empty file', (path) => writeFileSync(path, ''), [3, 3, 3, 3, 0, 3, 3, 3, 3]],
  ])('leave %s as it was', async (name, spoil, codes) => {
    const path = copyIn(name)
    spoil(path)
    const before = imageOf(dirname(path))
    expect(await runAll(path)).toEqual(codes)
    expect(imageOf(dirname(path))).toEqual(before)
  })

  it('leave a file alone in a folder that may not be written', async () => {
    const path = copyIn('read-only')
    chmodSync(path, 0o444)
    chmodSync(dirname(path), 0o555)
    const before = imageOf(dirname(path))
    expect(await runAll(path)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0])
    expect(imageOf(dirname(path))).toEqual(before)
    chmodSync(dirname(path), 0o755)
  })

  it('work beside a live writer, see its commits, and do not disturb it', async () => {
    const path = copyIn('live')
    const db = await Database.open(path)
    try {
      await db.insert('books', { title: 'Persuasion', year: 1817 })
      // The last thing that an idle writer writes.
      while (!(await inspect(path)).frames.some(({ kind }) => kind === 'mark')) await sleep(50)
      const before = readFileSync(path)
      const names = readdirSync(dirname(path), { recursive: true })
      expect(await runAll(path)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0])
      expect(readFileSync(path).equals(before)).toBe(true)
      expect(readdirSync(dirname(path), { recursive: true })).toEqual(names)
      const { stdout } = await varve(['get', path, 'books', 'Persuasion'], { cwd: directory.path })
      expect(JSON.parse(stdout)).toEqual({ title: 'Persuasion', year: 1817 })
      await db.insert('books', { title: 'Ulysses', year: 1922 })
    } finally {
      await db.close()
    }
  })
})
