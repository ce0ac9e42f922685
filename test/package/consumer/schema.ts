/** Typed collections in a user's project, checked against the packed declarations. It is compiled only, never run. */
import {
  Database,
  defineCollection,
  field,
  type Field,
  type InputOf,
  type KeyOf,
  type RowOf,
  type StandardSchema,
} from 'varve'

const Book = defineCollection({
  name: 'books',
  primaryKey: 'id',
  fields: {
    id: field.uuid().generated(),
    title: field.string().min(1),
    year: field.int(),
    author: field.object({ name: field.string(), born: field.timestamp().optional() }),
    tags: field.list(field.string()).default([]),
  },
  indexes: { byYear: { on: 'year' }, byAuthor: { on: ['author.name', 'year'] }, byTag: { on: 'tags' } },
})

export async function typed(path: string): Promise<string | undefined> {
  const db = await Database.open(path, { collections: [Book] })
  const books = db.collection(Book)
  const id: string = await books.insert({ title: 'Dune', year: 1965, author: { name: 'Herbert' } })
  const row: RowOf<typeof Book> | undefined = books.get(id)
  const tags: string[] | undefined = row?.tags
  await books.update(id, { author: { born: new Date(0) } })
  await db.transaction((tx) => tx.collection(Book).put({ ...nothing, title: 'x' }))
  // @ts-expect-error a year is a number
  await books.insert({ title: 'Dune', year: 'then', author: { name: 'Herbert' } })
  // @ts-expect-error a title is needed
  await books.insert({ year: 1965, author: { name: 'Herbert' } })
  // @ts-expect-error a key is a string
  books.get(5)
  // @ts-expect-error no such field
  console.log(row?.pages)
  await db.close()
  return tags?.[0]
}

const nothing: InputOf<typeof Book> = { title: '', year: 0, author: { name: '' } }

interface Comment {
  text: string
  replies: Comment[]
}
const comment: Field<Comment> = field.object({
  text: field.string(),
  replies: field.list(field.lazy(() => comment)),
})

const Thread = defineCollection({
  name: 'threads',
  primaryKey: ['forum', 'number'],
  fields: { forum: field.string(), number: field.int(), root: comment, more: field.any() },
})
export const key: KeyOf<typeof Thread> = ['forum', 1]
// @ts-expect-error the number comes second
export const wrongKey: KeyOf<typeof Thread> = [1, 'forum']

declare const validator: StandardSchema<{ id: number; note?: string }, { id: number; note: string }>
const Note = defineCollection({ name: 'notes', primaryKey: 'id', validator })
export const noteInput: InputOf<typeof Note> = { id: 1 }
export const noteText: (row: RowOf<typeof Note>) => string = (row) => row.note
// @ts-expect-error no such field
defineCollection({ name: 'notes', primaryKey: 'nothing', validator })
