/**
 * Fields as the catalog keeps them, from their builders: the data, and apart from it the defaults that are functions.
 *
 * A field that stands within itself is a `recursive` one that says how many levels above the other is; one that is met for
 * the first time is written out in its place.
 */
import type { FieldDefinition, FieldShape } from '../catalog/field.js'
import { joinSteps } from '../catalog/row-check.js'
import { SchemaError } from '../errors.js'
import { fieldStep } from '../format/value-findings.js'
import type { Field, Fields, FieldSpecification } from './field.js'

/** Deepest nesting; what is deeper is a `lazy` that makes a new field with each call. */
const MAX_DEPTH = 60

/** What the catalog keeps of fields, and what it cannot. */
export interface PersistedFields {
  readonly fields: readonly FieldDefinition[]
  readonly defaults: ReadonlyMap<string, () => unknown>
}

export function persistedFields(collection: string, fields: Fields): PersistedFields {
  const writing = new Writing(collection)
  return { fields: writing.fields(fields, ''), defaults: writing.defaults }
}

class Writing {
  readonly defaults = new Map<string, () => unknown>()
  readonly #collection: string
  readonly #above: Field[] = []

  constructor(collection: string) {
    this.#collection = collection
  }

  fields(fields: Fields, where: string): FieldDefinition[] {
    return Object.keys(fields).map((name) => {
      const field = fields[name]
      const at = joinSteps(where, fieldStep(name))
      const specification = field?.['~specification']
      if (field === undefined || specification === undefined)
        throw this.#failure(at, 'is no field: make it with field.string() and the like.')
      return { path: [name], ...this.#shape(field, at), ...this.#default(specification, at) }
    })
  }

  #default({ fallback }: FieldSpecification, at: string): Pick<FieldShape, 'default'> {
    if (fallback === undefined) return {}
    if ('value' in fallback) return { default: fallback.value }
    this.defaults.set(at, fallback.make)
    return {}
  }

  #shape(field: Field, at: string): FieldShape {
    const { shape, target } = field['~specification']
    if (target !== undefined) return { ...this.#recursive(target(), at), ...presence(shape) }
    if (this.#above.length > MAX_DEPTH)
      throw this.#failure(
        at,
        `is nested more than ${MAX_DEPTH} levels deep. Give lazy a field that was made once.`,
      )
    this.#above.push(field)
    const inner = this.#inner(field['~specification'], at)
    this.#above.pop()
    return { ...shape, ...presence(shape), ...inner }
  }

  #recursive(target: Field, at: string): FieldShape {
    const found = this.#above.lastIndexOf(target)
    if (found >= 0) return { type: 'recursive', levels: this.#above.length - found }
    return this.#shape(target, at)
  }

  #inner({ fields, element, key }: FieldSpecification, at: string): Partial<FieldShape> {
    return {
      ...(fields === undefined ? {} : { fields: this.fields(fields, at) }),
      ...(element === undefined ? {} : { element: this.#element(element, `${at}[]`) }),
      ...(key === undefined ? {} : { key: this.#element(key, `${at}[key]`) }),
    }
  }

  #element(field: Field, at: string): FieldShape {
    if (field['~specification'].fallback !== undefined)
      throw this.#failure(at, 'is no field of an object, so it cannot have a default.')
    return this.#shape(field, at)
  }

  #failure(field: string, what: string): SchemaError {
    const collection = this.#collection
    return new SchemaError(`Field '${field}' of '${collection}' ${what}`, { collection, field })
  }
}

/** What a type says may be absent may not be null as well; `any` takes null as a value. */
function presence({ type, optional, nullable }: Partial<FieldShape>): Partial<FieldShape> {
  return {
    ...(optional === true ? { optional } : {}),
    ...(nullable === true ? { nullable } : {}),
    ...(optional === true && nullable !== true && type !== 'any' ? { nullable: false } : {}),
  }
}
