/**
 * The definition of a collection in code, from which come the types of its rows, inputs and keys, the catalog's definition,
 * and the rules that are code.
 */
import { type CollectionInput, collectionInput } from '../catalog/definition.js'
import type { UnknownFields } from '../catalog/field.js'
import type { IndexInput } from '../catalog/index-definition.js'
import type { CollectionCode } from '../engine/row-rules.js'
import { ArgumentError } from '../errors.js'
import type { Key } from '../format/key.js'
import type { Row } from '../format/value.js'
import type { RowPath } from '../row-paths.js'
import type { Fields } from './field.js'
import { persistedFields } from './persisted.js'
import type { StandardSchema } from './standard-schema.js'
import type {
  FieldsInput,
  FieldsRow,
  GuardedInput,
  GuardedRow,
  KeyAt,
  KeyPaths,
  ValidatedInput,
  ValidatedRow,
} from './types.js'
import { validation } from './validation.js'

/** A collection as code defines it: rows of type `R`, inputs of type `I`, keys of type `K`. Made by `defineCollection`. */
export class CollectionSchema<R extends Row = Row, I extends Row = R, K extends Key = Key> {
  /** Types only. */
  declare readonly '~types': { readonly row: R; readonly input: I; readonly key: K }
  readonly name: string
  /** What the catalog is to hold. */
  readonly definition: CollectionInput
  /** @internal */
  readonly '~code': CollectionCode

  /** Use `defineCollection`. @internal */
  constructor(definition: CollectionInput, code: CollectionCode) {
    this.name = definition.name
    this.definition = definition
    this['~code'] = code
  }
}

/** An index over rows: see `IndexInput`. */
export interface IndexOf<R> extends Omit<IndexInput, 'on'> {
  /** A field, a dotted path, or several of them for a compound index. A list is indexed by each of its elements. */
  readonly on: RowPath<R> | readonly RowPath<R>[]
}

/** What every definition has. */
interface Definition<R, P> {
  readonly name: string
  /** A field, a dotted path, or several of them for a composite key. */
  readonly primaryKey: P
  /** All indexes of the collection, by name. Default: none. */
  readonly indexes?: Readonly<Record<string, IndexOf<R>>> | undefined
  /**
   * What to do with fields that are not declared: `refuse` the row, `strip` them from it, or `keep` them. Default `refuse`;
   * without `fields` always `keep`.
   */
  readonly unknownFields?: UnknownFields | undefined
}

/** A definition by fields. */
export interface FieldsDefinition<F extends Fields, P> extends Definition<FieldsRow<F>, P> {
  readonly fields: F
  readonly validator?: undefined
}

/** A definition by fields, with a validator beside them. */
export interface GuardedDefinition<F extends Fields, V extends StandardSchema, P> extends Definition<
  GuardedRow<F, V>,
  P
> {
  readonly fields: F
  /** Runs after defaults were filled in, before the fields are checked; what it gives is stored. */
  readonly validator: V
}

/** A definition by a validator alone. */
export interface ValidatedDefinition<V extends StandardSchema, P> extends Definition<ValidatedRow<V>, P> {
  readonly fields?: undefined
  readonly validator: V
}

/**
 * Defines a collection. Pass it to `Database.open` in `collections`, then to `collection`.
 *
 * Throws `VARVE_SCHEMA` or `VARVE_ARGUMENT` for a definition that makes no sense, naming the field.
 *
 * @example
 * ```ts
 * import { defineCollection, field } from 'varve'
 * const Planet = defineCollection({
 *   name: 'planets',
 *   primaryKey: 'name',
 *   fields: { name: field.string().nonempty(), moons: field.int().min(0).default(0) },
 * })
 * const space = await Database.open('space.varve', { collections: [Planet] })
 * await space.collection(Planet).insert({ name: 'Mars', moons: 2 })
 * await space.close()
 * ```
 */
export function defineCollection<F extends Fields, const P extends KeyPaths<FieldsRow<F>>>(
  definition: FieldsDefinition<F, P>,
): CollectionSchema<FieldsRow<F>, FieldsInput<F>, KeyAt<FieldsRow<F>, P>>
export function defineCollection<
  F extends Fields,
  V extends StandardSchema,
  const P extends KeyPaths<GuardedRow<F, V>>,
>(
  definition: GuardedDefinition<F, V, P>,
): CollectionSchema<GuardedRow<F, V>, GuardedInput<F, V>, KeyAt<GuardedRow<F, V>, P>>
export function defineCollection<V extends StandardSchema, const P extends KeyPaths<ValidatedRow<V>>>(
  definition: ValidatedDefinition<V, P>,
): CollectionSchema<ValidatedRow<V>, ValidatedInput<V>, KeyAt<ValidatedRow<V>, P>>
export function defineCollection(definition: AnyDefinition): CollectionSchema {
  const { name, primaryKey, fields, validator, unknownFields, indexes = {} } = definition
  if (fields === undefined && validator === undefined)
    throw new ArgumentError(`The definition of '${name}' needs fields, a validator, or both.`)
  const { fields: list, defaults } = persistedFields(name, fields ?? {})
  const hasCode = defaults.size > 0 || validator !== undefined
  const input = collectionInput(name, list, primaryKey, indexes, {
    unknownFields: fields === undefined ? 'keep' : (unknownFields ?? 'refuse'),
    codeRules: hasCode ? { defaults: [...defaults.keys()], validator: validator !== undefined } : undefined,
  })
  const validate = validator === undefined ? undefined : validation(name, validator)
  return new CollectionSchema(input, { defaults, validate })
}

interface AnyDefinition {
  readonly name: string
  readonly primaryKey: string | readonly string[]
  readonly fields?: Fields | undefined
  readonly validator?: StandardSchema | undefined
  readonly unknownFields?: UnknownFields | undefined
  readonly indexes?: Readonly<Record<string, IndexInput>> | undefined
}
