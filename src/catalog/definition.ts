/**
 * The definition of a collection: name, primary key, fields. Checked when it is registered, compared with what the
 * catalog holds, and stored as data.
 */
import { ArgumentError, SchemaError } from '../errors.js'
import type { KeyPartKind } from '../format/key.js'
import {
  type CheckedIndex,
  type IndexDefinition,
  indexChanges,
  type IndexInput,
  indexInputs,
} from './index-definition.js'
import { type CodeRules, type FieldDefinition, type UnknownFields, UNKNOWN_FIELDS } from './field.js'
import { compareFieldLists, type DefinitionReason } from './field-changes.js'
import { checkFieldList, checkName } from './field-check.js'
import { declaredField } from './field-tree.js'

/** A collection as the catalog keeps it. */
export interface CollectionDefinition {
  /** Never reused within a database; 0 is the catalog itself. */
  readonly id: number
  readonly name: string
  /** Paths of the primary key's parts; one for a simple key, several for a composite one. */
  readonly primaryKey: readonly (readonly string[])[]
  readonly fields: readonly FieldDefinition[]
  readonly indexes: readonly IndexDefinition[]
  /** What is done with fields that are not declared. Default `keep`. */
  readonly unknownFields?: UnknownFields | undefined
  /** Which of its rules are code; undefined for none. */
  readonly codeRules?: CodeRules | undefined
  /** Rises by one with every change of the definition. */
  readonly version: number
  /** The migration that has begun and not ended: until then no other writes are taken. */
  readonly migrating?: number | undefined
}

/** What a caller registers. */
export interface CollectionInput extends Omit<
  CollectionDefinition,
  'id' | 'version' | 'indexes' | 'migrating'
> {
  /** All its indexes; undefined leaves them as they are. */
  readonly indexes?: readonly CheckedIndex[] | undefined
}

/** The primary key as callers write it: a field, a dotted path, or several of them. */
export type PrimaryKeyInput = string | readonly string[]

/** Rules of a collection besides those of its fields. */
export type CollectionRules = Pick<CollectionInput, 'unknownFields' | 'codeRules'>

/** Checks what a caller registers and brings it into the catalog's form. Throws `VARVE_ARGUMENT` or `VARVE_SCHEMA`. */
export function collectionInput(
  name: string,
  fields: readonly FieldDefinition[],
  primaryKey: PrimaryKeyInput,
  indexes?: Readonly<Record<string, IndexInput>>,
  { unknownFields, codeRules }: CollectionRules = {},
): CollectionInput {
  checkName(name, 'collection name')
  const paths = (typeof primaryKey === 'string' ? [primaryKey] : primaryKey).map((path) => path.split('.'))
  if (paths.length === 0)
    throw new SchemaError(`The primary key of '${name}' needs at least one field.`, { collection: name })
  for (const path of paths) for (const part of path) checkName(part, 'primary key field')
  if (unknownFields !== undefined && !UNKNOWN_FIELDS.includes(unknownFields))
    throw new ArgumentError(`unknownFields of '${name}' must be one of ${UNKNOWN_FIELDS.join(', ')}.`)
  const input: CollectionInput = {
    name,
    primaryKey: paths,
    fields: checkFieldList(name, fields, paths),
    ...(unknownFields === undefined || unknownFields === 'keep' ? {} : { unknownFields }),
    ...(codeRules === undefined ? {} : { codeRules }),
  }
  if (indexes === undefined) return input
  return { ...input, indexes: indexInputs(name, indexes, (path) => kindOf(input, path)) }
}

/** How each part of the primary key is encoded. */
export function keyKinds(definition: Pick<CollectionInput, 'primaryKey' | 'fields'>): readonly KeyPartKind[] {
  return definition.primaryKey.map((path) => kindOf(definition, path))
}

function kindOf(definition: Pick<CollectionInput, 'fields'>, path: readonly string[]): KeyPartKind {
  return declaredField(definition.fields, path)?.type === 'uuid' ? 'uuid' : 'any'
}

/** What the engine generates for a missing key. */
export function generatedKey(
  definition: Pick<CollectionInput, 'primaryKey' | 'fields'>,
): 'uuid' | 'int' | undefined {
  const [path] = definition.primaryKey
  const field = path === undefined ? undefined : declaredField(definition.fields, path)
  return field?.generated === true && (field.type === 'uuid' || field.type === 'int') ? field.type : undefined
}

/** How a definition differs from the catalog's: by the gravest of its changes. */
export type DefinitionChange =
  | { readonly kind: 'same' }
  | {
      /**
       * `safe`: rows written under the old one are valid under the new one. `migration`: they may not be, and can be
       * brought into shape. `breaking`: rows would be found under other keys.
       */
      readonly kind: 'safe' | 'migration' | 'breaking'
      /** Those of this kind and graver ones. */
      readonly reasons: readonly string[]
      /** All of them. */
      readonly changes: readonly DefinitionReason[]
    }

const GRAVITY = ['safe', 'migration', 'breaking'] as const

/** Compares what a caller registers with what the catalog holds. */
export function compareDefinitions(present: CollectionDefinition, wanted: CollectionInput): DefinitionChange {
  const changes: DefinitionReason[] = []
  if (JSON.stringify(present.primaryKey) !== JSON.stringify(wanted.primaryKey))
    changes.push({ kind: 'breaking', reason: 'the primary key differs' })
  changes.push(...compareFieldLists(present, wanted))
  for (const reason of indexChanges(present.indexes, wanted.indexes)) changes.push({ kind: 'safe', reason })
  const kind = GRAVITY.findLast((candidate) => changes.some((change) => change.kind === candidate))
  if (kind === undefined) return { kind: 'same' }
  const reasons = changes.filter((change) => kind === 'safe' || change.kind !== 'safe')
  return { kind, reasons: reasons.map(({ reason }) => reason), changes }
}
