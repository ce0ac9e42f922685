/**
 * Random calls to a database, as data.
 */
import fc from 'fast-check'
import type { Key } from '../../src/format/key.js'
import { DEFAULT_CACHE_BYTES } from '../../src/format/limits.js'
import type { RangeOptions } from '../../src/key-bounds.js'
import { anyPart } from './model-keys.js'
import type { Shape, Write } from './model-rows.js'

export type Command =
  | { readonly kind: 'write'; readonly write: Write; readonly sync: boolean }
  /** Called one after the other, awaited together. */
  | { readonly kind: 'together'; readonly writes: readonly Write[] }
  | {
      readonly kind: 'transaction'
      readonly sync: boolean
      readonly turns: boolean
      readonly parts: readonly {
        readonly writes: readonly Write[]
        readonly savepoint: boolean
        readonly fails: boolean
      }[]
      readonly fails: boolean
    }
  | { readonly kind: 'range'; readonly options: RangeOptions }
  | { readonly kind: 'getMany'; readonly keys: readonly Key[] }
  | { readonly kind: 'prefix'; readonly prefix: Key }
  | { readonly kind: 'snapshot' | 'closeSnapshot' | 'reopen' }
  /** If it is not awaited, what follows runs between its slices. */
  | { readonly kind: 'checkpoint' | 'compact'; readonly awaited: boolean }

/** A way to run commands. */
export interface Setting {
  readonly cacheBytes: number
  readonly sliceBytes: number
  /** Whether there are many rows of long keys from the start, so that the index has several levels. */
  readonly tall: boolean
}

export const settings: fc.Arbitrary<Setting> = fc.record({
  cacheBytes: fc.constantFrom(DEFAULT_CACHE_BYTES, 0, 64 * 1024, 256 * 1024, 1024 * 1024),
  sliceBytes: fc.constantFrom(256 * 1024, 1, 3000),
  tall: fc.nat(3).map((n) => n === 1),
})

export function commands(shape: Shape): fc.Arbitrary<Command[]> {
  const { key } = shape
  const value = fc.oneof(
    fc.integer(),
    fc.string({ maxLength: 5 }),
    fc.constant(null),
    fc.constant(new Date(7)),
    fc.bigInt({ min: -5n, max: 2n ** 70n }),
  )
  const rest = fc
    .dictionary(fc.constantFrom('one', 'two', 'three', 'four'), value, { maxKeys: 4 })
    .map((row) => ({ ...row }))
  const patch = fc
    .dictionary(fc.constantFrom('one', 'two', 'three'), fc.oneof(value, fc.constant(undefined)), {
      maxKeys: 3,
    })
    .map((row) => ({ ...row }))
  const write: fc.Arbitrary<Write> = fc.oneof(
    fc.record({ kind: fc.constantFrom('insert' as const, 'put' as const), key, rest }),
    fc.record({ kind: fc.constantFrom('insert' as const, 'put' as const), key, rest }),
    fc.record({ kind: fc.constant('insertMany' as const), keys: fc.array(key, { maxLength: 4 }), rest }),
    fc.record({ kind: fc.constant('update' as const), key, patch }),
    fc.record({ kind: fc.constant('delete' as const), key }),
  )
  const part = fc.record({
    writes: fc.array(write, { maxLength: 3 }),
    savepoint: fc.boolean(),
    fails: fc.boolean(),
  })
  const bound =
    shape.primaryKey === 'id' || shape.primaryKey === 'deep.id' ? key : fc.oneof(key, fc.tuple(anyPart))
  const low = fc.constantFrom('gte', 'gt', undefined)
  const high = fc.constantFrom('lte', 'lt', undefined)
  const options = fc
    .record({
      low,
      high,
      a: bound,
      b: bound,
      reverse: fc.boolean(),
      limit: fc.option(fc.nat(4), { nil: undefined }),
    })
    .map(({ low: l, high: h, a, b, reverse, limit }): RangeOptions => ({
      ...(l === undefined ? {} : { [l]: a }),
      ...(h === undefined ? {} : { [h]: b }),
      reverse,
      limit,
    }))
  const prefix =
    shape.primaryKey === 'id' || shape.primaryKey === 'deep.id'
      ? fc.constantFrom('', 'a', 'a\u0000', 'b', 'z')
      : fc.tuple(anyPart)
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), write, sync: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('together' as const),
        writes: fc.array(write, { minLength: 2, maxLength: 6 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('transaction' as const),
        sync: fc.boolean(),
        turns: fc.boolean(),
        parts: fc.array(part, { maxLength: 3 }),
        fails: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('range' as const), options }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('getMany' as const), keys: fc.array(key, { maxLength: 4 }) }),
    },
    { weight: shape.uuid ? 0 : 2, arbitrary: fc.record({ kind: fc.constant('prefix' as const), prefix }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom('snapshot' as const, 'closeSnapshot' as const, 'reopen' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('checkpoint' as const, 'compact' as const),
        awaited: fc.boolean(),
      }),
    },
  )
  return fc.array(command, { minLength: 1, maxLength: 30 })
}
