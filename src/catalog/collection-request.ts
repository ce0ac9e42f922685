/**
 * What is asked for when a collection is registered: its definition, which may depend on the one that it has.
 *
 * A definition in code says all of it. One by parts says nothing of rules in code, so these stay; and where it gives no fields, those
 * stay too.
 */
import {
  type CollectionDefinition,
  collectionInput,
  type CollectionInput,
  type PrimaryKeyInput,
} from './definition.js'
import type { CodeRules, FieldDefinition, UnknownFields } from './field.js'
import type { IndexInput } from './index-definition.js'

export interface CollectionRequest {
  readonly name: string
  /** The definition to register where the catalog has this one; undefined if it has none of the name. */
  readonly inputFor: (present: CollectionDefinition | undefined) => CollectionInput
}

/** A collection by its parts, as callers write them. What is undefined stays as it is, and is nothing in a new collection. */
export interface CollectionParts {
  readonly name: string
  readonly fields: readonly FieldDefinition[] | undefined
  readonly primaryKey: PrimaryKeyInput
  readonly indexes: Readonly<Record<string, IndexInput>> | undefined
  /** Undefined beside fields that are given is `keep`. */
  readonly unknownFields: UnknownFields | undefined
}

/** The very definition. */
export function exactly(input: CollectionInput): CollectionRequest {
  return { name: input.name, inputFor: () => input }
}

/** Throws `VARVE_ARGUMENT` or `VARVE_SCHEMA` for parts that no collection can have. */
export function requestOf(parts: CollectionParts): CollectionRequest {
  const { name, fields, primaryKey, indexes, unknownFields } = parts
  const inputFor = (present: CollectionDefinition | undefined): CollectionInput =>
    collectionInput(name, fields ?? present?.fields ?? [], primaryKey, indexes, {
      unknownFields: unknownFields ?? (fields === undefined ? present?.unknownFields : undefined),
      codeRules: rulesFor(fields, present?.codeRules),
    })
  inputFor(undefined)
  return { name, inputFor }
}

/** Rules in code, without defaults of fields that go. */
function rulesFor(
  fields: readonly FieldDefinition[] | undefined,
  rules: CodeRules | undefined,
): CodeRules | undefined {
  if (fields === undefined || rules === undefined) return rules
  const names = new Set(fields.map(({ path }) => path[0]))
  const defaults = rules.defaults.filter((name) => names.has(name.split(/[.[]/u)[0] ?? ''))
  return defaults.length === 0 && !rules.validator ? undefined : { ...rules, defaults }
}
