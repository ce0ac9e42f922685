/**
 * Databases in a folder of their own, closed and removed after each test.
 */
import fs from 'node:fs'
import { afterEach, beforeEach } from 'vitest'
import { Database, type DatabaseOptions, type Row } from '../../../src/index.js'
import { temporaryDirectory, type TemporaryDirectory } from '../../support/temporary-directory.js'

export class Folder {
  #directory: TemporaryDirectory | undefined
  #open: Database[] = []

  constructor() {
    beforeEach(() => void (this.#directory = temporaryDirectory()))
    afterEach(async () => {
      for (const db of this.#open) await db.close()
      this.#open = []
      this.#directory?.remove()
    })
  }

  get path(): string {
    return this.file('.')
  }

  file(name: string): string {
    if (this.#directory === undefined) throw new TypeError('There is no folder outside of a test.')
    return this.#directory.file(name)
  }

  /** A database that is closed after the test. */
  keep(db: Database): Database {
    this.#open.push(db)
    return db
  }

  async open(name: string, options: DatabaseOptions = {}): Promise<Database> {
    return this.keep(await Database.open(this.file(name), options))
  }

  /** A database of 49 books, written by 50 puts and a delete. */
  async library(name = 'library.varve'): Promise<Database> {
    const db = await this.open(name)
    await db.registerCollection('books', undefined, 'title', { indexes: { byYear: { on: 'year' } } })
    for (let i = 0; i < 50; i++) await db.put('books', { title: `book ${i}`, year: 1900 + (i % 7) })
    await db.delete('books', 'book 3')
    return db
  }

  /** Names of files that should not be left behind. */
  leftovers(): string[] {
    return fs.readdirSync(this.path).filter((name) => /\.(?:new|replaced|compact)-/u.test(name))
  }
}

export function rowsOf(db: Database, collection = 'books'): Row[] {
  return [...db.collection(collection).range()]
}

/** The code of the error that a promise rejects with; undefined if it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return (error as { readonly code?: unknown } | undefined)?.code
}

/** Flips a bit of the first place where a file holds a text. */
export function spoil(path: string, text: string): void {
  const bytes = fs.readFileSync(path)
  const at = bytes.indexOf(text)
  if (at < 0) throw new RangeError(`${path} does not hold ${text}.`)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  fs.writeFileSync(path, bytes)
}
