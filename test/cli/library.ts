/**
 * A small database to run the program on, made by the library, and ways to spoil it.
 */
import { createHash } from 'node:crypto'
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Database, type Row } from '../../src/index.js'

/** What the database of {@link createLibrary} holds. */
const BOOKS: readonly Row[] = [
  { title: 'Dune', year: 1965, author: { name: 'Frank Herbert' }, tags: ['desert', 'spice'] },
  { title: 'Emma', year: 1815, author: { name: 'Jane Austen' }, tags: [] },
  {
    title: 'Solaris',
    year: 1961,
    author: { name: 'Stanisław Lem', born: new Date('1921-09-12') },
    tags: ['sea'],
  },
]

/** Makes a database of two collections: `books` by title, and `loans` by (reader, day), with a row replaced. */
export async function createLibrary(path: string): Promise<void> {
  const db = await Database.open(path)
  const fields = [
    { path: ['title'], type: 'string' },
    { path: ['year'], type: 'int' },
  ] as const
  const books = await db.registerCollection('books', fields, 'title')
  for (const book of BOOKS) await books.insert({ ...book })
  await books.put({ ...BOOKS[0] })
  const loans = await db.registerCollection(
    'loans',
    [{ path: ['day'], type: 'timestamp' }],
    ['reader', 'day'],
  )
  for (let day = 1; day <= 40; day++) {
    await loans.insert({
      reader: day % 2,
      day: new Date(Date.UTC(2020, 0, day)),
      amount: BigInt(day),
      fee: -0,
    })
  }
  await db.close()
}

/** Appends what a killed writer may leave. */
export function leaveTornTail(path: string): void {
  appendFileSync(path, Buffer.from('half a frame, and no more of it'))
}

/** Flips one bit at an offset from the file's begin. */
export function flipBit(path: string, offset: number): void {
  const bytes = readFileSync(path)
  bytes.writeUInt8((bytes[offset] ?? 0) ^ 1, offset)
  writeFileSync(path, bytes)
}

/** Where `text` stands in a file. */
export function offsetOf(path: string, text: string): number {
  return readFileSync(path).indexOf(text)
}

/** A folder and every file of it, with all that tells whether it was touched. */
export function imageOf(folder: string): Record<string, unknown> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  return Object.fromEntries(['.', ...names].map((name) => [name, factsOf(join(folder, name))]))
}

function factsOf(path: string): object {
  const { ino, size, mtimeNs, ctimeNs, mode } = statSync(path, { bigint: true })
  const content =
    (mode & 0o170000n) === 0o100000n ? createHash('sha256').update(readFileSync(path)).digest('hex') : ''
  return { ino, size, mtimeNs, ctimeNs, mode, content }
}
