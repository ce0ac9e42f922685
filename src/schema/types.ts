/**
 * The types that a definition of a collection gives: of its rows, of what its writes take, and of its keys.
 */
import type { Key } from '../format/key.js'
import type { RowPath, ValueAt } from '../row-paths.js'
import type { Field, Fields, HasDefault, IsGenerated, IsNullable, IsOptional } from './field.js'
import type { StandardSchema, ValidatorInput, ValidatorOutput } from './standard-schema.js'

/** The rows of a collection, as they are read. */
export type RowOf<C extends Typed> = C['~types']['row']

/** What writes of a collection take: fields with a default and generated keys may be absent. */
export type InputOf<C extends Typed> = C['~types']['input']

/** The keys of a collection: a value, or a tuple of them for a composite key. */
export type KeyOf<C extends Typed> = C['~types']['key']

/** A collection's definition, as far as its types go. */
interface Typed {
  readonly '~types': { readonly row: unknown; readonly input: unknown; readonly key: unknown }
}

/** One object type instead of an intersection, and never an interface. */
type Flat<T> = { [K in keyof T]: T[K] }

type RowValue<F extends Field> = F['~row'] | (F extends IsNullable ? null : never)
type InputValue<F extends Field> = F['~input'] | (F extends IsNullable ? null : never)

/** Names of the fields that a row may lack. */
type Lacking<F extends Fields> = {
  [K in keyof F]: F[K] extends HasDefault ? never : F[K] extends IsOptional ? K : never
}[keyof F]

/** Names of the fields that an input may lack. */
type Omissible<F extends Fields> = {
  [K in keyof F]: F[K] extends IsOptional | HasDefault | IsGenerated ? K : never
}[keyof F]

/** The row that fields make. */
export type FieldsRow<F extends Fields> = Flat<
  { -readonly [K in Exclude<keyof F, Lacking<F>>]: RowValue<F[K]> } & {
    -readonly [K in Lacking<F>]?: RowValue<F[K]> | undefined
  }
>

/** The input that fields take. */
export type FieldsInput<F extends Fields> = Flat<
  { -readonly [K in Exclude<keyof F, Omissible<F>>]: InputValue<F[K]> } & {
    -readonly [K in Omissible<F>]?: InputValue<F[K]> | undefined
  }
>

/** The row of fields and of the validator beside them: what the validator gives counts. */
export type GuardedRow<F extends Fields, V extends StandardSchema> = Flat<
  ValidatorOutput<V> & Omit<FieldsRow<F>, keyof ValidatorOutput<V>>
>

/** The input of both: what the validator takes counts, and what the fields fill in may be absent. */
export type GuardedInput<F extends Fields, V extends StandardSchema> = Flat<
  Omit<ValidatorInput<V>, Omissible<F> & keyof ValidatorInput<V>> &
    Partial<Pick<ValidatorInput<V>, Omissible<F> & keyof ValidatorInput<V>>> &
    Omit<FieldsInput<F>, keyof ValidatorInput<V>>
>

export type ValidatedRow<V extends StandardSchema> = Flat<ValidatorOutput<V>>
export type ValidatedInput<V extends StandardSchema> = Flat<ValidatorInput<V>>

/** A primary key over rows: a field, a dotted path, or several of them. */
export type KeyPaths<R> = RowPath<R> | readonly RowPath<R>[]

/** The keys that a primary key makes. */
export type KeyAt<R, P> = P extends string
  ? AsKey<ValueAt<R, P>>
  : P extends readonly string[]
    ? AsKey<{ -readonly [N in keyof P]: ValueAt<R, P[N] & string> }>
    : Key

type AsKey<V> = V extends Key ? V : Key

/** What an update merges into a row: plain objects deeply, everything else as a whole; undefined removes a field. */
export type Patch<I> = { [K in keyof I]?: PatchValue<I[K]> | undefined }

type PatchValue<V> = V extends Whole ? V : V extends object ? Patch<V> : V

/** What is replaced and never merged. */
type Whole = Date | Uint8Array | readonly unknown[] | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
