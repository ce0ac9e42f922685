/**
 * What a migration's steps make of a definition and of a row. Pure: nothing is read or written here.
 */
import { type CollectionDefinition, collectionInput, type CollectionInput } from '../catalog/definition.js'
import type { FieldDefinition } from '../catalog/field.js'
import { valueAt } from '../catalog/field.js'
import type { IndexInput } from '../catalog/index-definition.js'
import type { MigrationStep } from '../catalog/migration.js'
import { ArgumentError, SchemaError } from '../errors.js'
import { isPlainObject } from '../format/value-kinds.js'
import type { Row } from '../format/value.js'
import { copyOf, define, withValue } from './patch.js'

/** A definition with steps taken, and the way of a row. */
export interface MigrationPlan {
  /** Without indexes that the steps add. */
  readonly during: CollectionInput
  readonly after: CollectionInput
  /** The row that a stored row becomes; the same object if no step changes it. */
  readonly rowOf: (row: Row) => Row
  /** Whether any step changes rows. */
  readonly changesRows: boolean
}

type Path = readonly string[]

/** With `resumed`, the steps for the definition were carried out before, but for indexes that are added. */
export function planOf(
  definition: CollectionDefinition,
  steps: readonly MigrationStep[],
  resumed = false,
): MigrationPlan {
  const builder = new PlanBuilder(definition, resumed)
  for (const step of steps) builder.take(step)
  return builder.plan()
}

class PlanBuilder {
  readonly #definition: CollectionDefinition
  readonly #resumed: boolean
  #fields: readonly FieldDefinition[]
  readonly #indexes: Map<string, IndexInput>
  readonly #added = new Set<string>()
  readonly #ways: ((row: Row) => Row)[] = []

  constructor(definition: CollectionDefinition, resumed: boolean) {
    this.#definition = definition
    this.#resumed = resumed
    this.#fields = definition.fields
    this.#indexes = new Map(
      definition.indexes.map(({ name, on, unique, where }) => [
        name,
        { on: on.map((path) => path.join('.')), unique, where },
      ]),
    )
  }

  plan(): MigrationPlan {
    const ways = this.#ways
    const all = [...this.#indexes]
    const kept = all.filter(([name]) => !this.#added.has(name))
    return {
      during: inputOf(this.#definition, this.#fields, kept),
      after: inputOf(this.#definition, this.#fields, all),
      rowOf: (row) => ways.reduce((so, way) => way(so), row),
      changesRows: ways.length > 0,
    }
  }

  take(step: MigrationStep): void {
    if ('addField' in step) this.#addField(step.addField, step.value)
    else if ('dropField' in step) this.#dropField(pathOf(step.dropField))
    else if ('renameField' in step) this.#renameField(...renamed(step.renameField, step.to))
    else if ('changeField' in step) this.#changeField(step.changeField)
    else if ('transform' in step) this.#ways.push(step.transform)
    else if ('addIndex' in step) this.#addIndex(step.addIndex, step.index)
    else if ('dropIndex' in step) this.#dropIndex(step.dropIndex)
    else throw this.#unknown(step)
  }

  #addField(field: FieldDefinition, value: unknown): void {
    if (!this.#resumed) this.#fields = [...this.#fields, field]
    this.#ways.push(addition(field.path, value))
  }

  #dropField(path: Path): void {
    this.#change(path, () => undefined)
    this.#ways.push((row) => without(row, path))
  }

  #renameField(from: Path, to: string): void {
    this.#change(from, (field) => ({ ...field, path: [...field.path.slice(0, -1), to] }))
    this.#ways.push((row) => rename(row, from, to))
  }

  #changeField(changed: FieldDefinition): void {
    this.#change(changed.path, ({ path }) => ({ ...changed, path }))
  }

  #addIndex(name: string, index: IndexInput): void {
    const { name: collection } = this.#definition
    if (this.#indexes.has(name) && !this.#resumed)
      throw new SchemaError(`'${collection}' has an index '${name}' already.`, { collection, index: name })
    this.#indexes.set(name, index)
    this.#added.add(name)
  }

  #dropIndex(name: string): void {
    const { name: collection } = this.#definition
    if (!this.#indexes.delete(name) && !this.#resumed)
      throw new SchemaError(`'${collection}' has no index '${name}'.`, { collection, index: name })
  }

  #change(path: Path, change: (field: FieldDefinition) => FieldDefinition | undefined): void {
    if (!this.#resumed) this.#fields = changedFields(this.#definition.name, this.#fields, path, change)
  }

  #unknown(step: object): ArgumentError {
    const names = Object.keys(step).join(', ')
    return new ArgumentError(
      `A migration of '${this.#definition.name}' has a step that is not known: ${names}.`,
    )
  }
}

function inputOf(
  { name, primaryKey, unknownFields, codeRules }: CollectionDefinition,
  fields: readonly FieldDefinition[],
  indexes: readonly [string, IndexInput][],
): CollectionInput {
  const key = primaryKey.map((path) => path.join('.'))
  return collectionInput(name, fields, key, Object.fromEntries(indexes), { unknownFields, codeRules })
}

function pathOf(text: string): Path {
  const path = text.split('.')
  if (path.includes('')) throw new ArgumentError(`'${text}' is no field or dotted path.`)
  return path
}

function renamed(from: string, to: string): [Path, string] {
  const [path, target] = [pathOf(from), pathOf(to)]
  const last = target.at(-1)
  const isSibling = JSON.stringify(path.slice(0, -1)) === JSON.stringify(target.slice(0, -1))
  if (last === undefined || !isSibling)
    throw new ArgumentError(
      `A field is renamed within its object: '${from}' cannot become '${to}'. Use transform.`,
    )
  return [path, last]
}

/** The fields with the one at `path` changed, or left out; found at the top or within objects. */
function changedFields(
  collection: string,
  fields: readonly FieldDefinition[],
  path: Path,
  change: (field: FieldDefinition) => FieldDefinition | undefined,
): readonly FieldDefinition[] {
  let found = 0
  const walk = (list: readonly FieldDefinition[], wanted: Path): readonly FieldDefinition[] =>
    list.flatMap((field) => {
      if (!field.path.every((part, i) => part === wanted[i])) return [field]
      if (field.path.length === wanted.length) {
        found++
        const next = change(field)
        return next === undefined ? [] : [next]
      }
      if (field.fields === undefined) return [field]
      return [{ ...field, fields: walk(field.fields, wanted.slice(field.path.length)) }]
    })
  const result = walk(fields, path)
  if (found === 0) {
    const field = path.join('.')
    throw new SchemaError(`'${collection}' declares no field '${field}'.`, { collection, field })
  }
  return result
}

function addition(path: Path, value: unknown): (row: Row) => Row {
  if (value === undefined) return (row) => row
  return (row) => {
    if (valueAt(row, path) !== undefined) return row
    const given: unknown = typeof value === 'function' ? (value as (of: Row) => unknown)(row) : value
    return given === undefined ? row : withValue(row, path, given)
  }
}

function without(row: Row, [name, ...rest]: Path): Row {
  if (name === undefined || !Object.hasOwn(row, name)) return row
  const inner = row[name]
  if (rest.length > 0 && !isPlainObject(inner)) return row
  const copy: Record<string, unknown> = copyOf(row)
  if (rest.length === 0) Reflect.deleteProperty(copy, name)
  else if (isPlainObject(inner)) define(copy, name, without(inner, rest))
  return copy
}

function rename(row: Row, from: Path, to: string): Row {
  const value = valueAt(row, from)
  if (value === undefined) return row
  return withValue(without(row, from), [...from.slice(0, -1), to], value)
}
