/** The types of queries: paths and values are checked for rows of a known type. The compiler is the judge. */
import { describe, expectTypeOf, it } from 'vitest'
import {
  type Collection,
  Database,
  type Filter,
  type Query,
  type Row,
  type RowPath,
  type Selected,
} from '../../../src/index.js'

interface Deep {
  one: { two: { three: { four: { five: { six: number } } } } }
}

/** A type, not an interface: those do not fit into records. */
type Book = {
  id: string
  title: string
  year?: number
  size: bigint
  author: { name: string; born?: Date }
  tags: string[]
  editions: { isbn: string; pages: number }[]
  more: unknown
}

/** Only compiled, never run. */
function compiled(_check: () => unknown): void {
  // Nothing to do.
}

const books = (): Collection<Book> => Database.openInMemory().collection<Book>('books')

describe('types', () => {
  it('of paths, through lists and to depth 5', () => {
    expectTypeOf<RowPath<Book>>().toEqualTypeOf<
      | 'id'
      | 'title'
      | 'year'
      | 'size'
      | 'author'
      | 'author.name'
      | 'author.born'
      | 'tags'
      | 'editions'
      | 'editions.isbn'
      | 'editions.pages'
      | 'more'
      | `more.${string}`
    >()
    expectTypeOf<'one.two.three.four.five'>().toExtend<RowPath<Deep>>()
    expectTypeOf<'one.two.three.four.five.six'>().not.toExtend<RowPath<Deep>>()
    expectTypeOf<RowPath<Row>>().toEqualTypeOf<string>()
  })

  it('of filters', () => {
    expectTypeOf<{ year: { $gte: 1990; $lt: 2000n } }>().toExtend<Filter<Book>>()
    expectTypeOf<{ 'author.name': RegExp; tags: 'sf'; size: 5 }>().toExtend<Filter<Book>>()
    expectTypeOf<{ 'author.born': { $lt: Date }; year: null }>().toExtend<Filter<Book>>()
    expectTypeOf<{ editions: { $elemMatch: { pages: { $gt: 5 } } } }>().toExtend<Filter<Book>>()
    expectTypeOf<{ $or: [{ title: 'a' }, { tags: { $all: ['b'] } }] }>().toExtend<Filter<Book>>()
    expectTypeOf<{ 'more.whatever.is': { $size: 5 } }>().toExtend<Filter<Book>>()
    expectTypeOf<{ title: 5 }>().not.toExtend<Filter<Book>>()
    expectTypeOf<{ year: { $gt: 'a' } }>().not.toExtend<Filter<Book>>()
    compiled(() => {
      // @ts-expect-error There is no such field.
      books().find({ titel: 'a' })
      // @ts-expect-error There is no such operator.
      books().find({ year: { $above: 5 } })
      // @ts-expect-error There is no such field.
      books().find({}, { orderBy: { yaer: 'asc' } })
      // @ts-expect-error There is no such field.
      books().find({}, { select: ['titel'] })
    })
  })

  it('of rows with some of their fields', () => {
    expectTypeOf<Selected<Book, 'title' | 'author.name' | 'editions.isbn'>>().toEqualTypeOf<{
      title: string
      author: { name: string }
      editions: { isbn: string }[]
    }>()
    expectTypeOf<Selected<Book, 'year'>>().toEqualTypeOf<{ year?: number }>()
    compiled(() => {
      expectTypeOf(books().find()).toEqualTypeOf<Query<Book>>()
      const some = books().find({}, { select: ['title', 'author.born'], orderBy: { year: 'desc' } })
      expectTypeOf(some.toArray()[0]?.author).toEqualTypeOf<{ born?: Date } | undefined>()
      expectTypeOf(some.toArray()).items.not.toHaveProperty('tags')
      const looked = books().find(
        {},
        { lookup: { writer: { from: 'people', on: 'id' }, reviews: { from: 'r', on: 'id', to: 'book' } } },
      )
      expectTypeOf(looked.first()?.reviews).toEqualTypeOf<Row[] | undefined>()
    })
  })

  it('of aggregates', () => {
    compiled(() => {
      const all = books().aggregate({ count: true, max: ['year', 'author.born'] })
      expectTypeOf(all.count).toEqualTypeOf<number>()
      expectTypeOf(all.max.year).toEqualTypeOf<number | undefined>()
      expectTypeOf(all.max['author.born']).toEqualTypeOf<Date | undefined>()
      expectTypeOf(all).not.toHaveProperty('sum')
      const groups = books().aggregate({ groupBy: ['author.name', 'year'], avg: ['editions.pages'] })
      expectTypeOf(groups[0]?.group['author.name']).toEqualTypeOf<string | null | undefined>()
      expectTypeOf(groups[0]?.avg['editions.pages']).toEqualTypeOf<number | undefined>()
    })
  })
})
