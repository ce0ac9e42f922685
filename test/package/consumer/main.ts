/** A user's first file, checked against the packed declarations. It is compiled only, never run. */
import { Database, VarveError, type Key, type Row } from 'varve'
import * as nativeFree from 'varve/native-free'
import { querySql, sql, type SqlQuery } from 'varve/sql'
import * as tools from 'varve/tools'

export async function library(path: string | URL): Promise<Row | undefined> {
  const db = await Database.open(path, { durability: 'commit' })
  await db.registerCollection('books', [{ path: ['title'], type: 'string' }], 'title')
  const key: Key = await db.insert('books', { title: 'Dune', year: 1965 })
  await db.transaction((tx) => tx.collection('books').delete(key))
  for (const row of db.collection('books').range({ gte: 'D', limit: 10 })) console.log(row['title'])
  const snapshot = db.snapshot()
  const row = snapshot.collection('books').get(key)
  snapshot.close()
  // @ts-expect-error a sequence is a number
  const sequence: string = db.commitSequence
  // @ts-expect-error no such durability
  await Database.open(path, { durability: sequence })
  await db.close()
  return row
}

export function titles(db: Database, year: number): string[] {
  const books: SqlQuery<{ title: string }> = sql(db)`SELECT title FROM books WHERE year = ${year}`
  // @ts-expect-error values are a list
  querySql(db, 'SELECT title FROM books WHERE year = $1', year)
  return Array.from(books, ({ title }) => title)
}

export function inMemory(): string[] {
  const db = nativeFree.Database.openInMemory()
  return db.collectionNames()
}

export function codeOf(error: unknown): string | undefined {
  if (VarveError.is(error)) return error.code
  // @ts-expect-error an unknown value has no code
  return error.code
}

// @ts-expect-error the entry exports no such name
export const missing: unknown = tools.noSuchTool
