/**
 * Which rows fit a collection's fields as they are, told from their names and the kinds of their values alone.
 *
 * For a row of exactly these names, none of them `undefined`, it says what each value must be so that the row passes the
 * checks (row-check.ts) and gets nothing from the defaults (row-fill.ts). It need not know all such rows.
 */
import { type FlatField, FlatKind } from '../format/flat-row.js'
import { fieldStep } from '../format/value-findings.js'
import type { FieldType } from './field.js'
import { type FieldNode, mayBeAbsent, mayBeNull } from './field-tree.js'
import { type CheckedFields, declaredTree } from './row-check.js'
import type { CodeDefaults } from './row-fill.js'
import { type Rule, rulesOf } from './value-rules.js'

const KINDS: Readonly<Partial<Record<FieldType, FlatKind>>> = {
  any: FlatKind.any,
  string: FlatKind.string,
  uuid: FlatKind.string,
  enum: FlatKind.string,
  int: FlatKind.int,
  float64: FlatKind.number,
  boolean: FlatKind.boolean,
  int64: FlatKind.int64,
  uint64: FlatKind.uint64,
  timestamp: FlatKind.date,
}

/** Types whose own rule says no more than their kind. */
const PLAIN_TYPES: ReadonlySet<FieldType> = new Set([
  'string',
  'int',
  'float64',
  'boolean',
  'int64',
  'uint64',
  'timestamp',
  'any',
])

const ANYTHING: FlatField = { kind: FlatKind.any, nullable: true, rules: [] }

/** What the values of a row of these names must be, in this order; undefined if nothing can be said. */
export type FlatFieldsOf = (names: readonly string[]) => readonly FlatField[] | undefined

/** For rows of these fields; `code` are the defaults that are functions. */
export function compileFlatFields(definition: CheckedFields, code: CodeDefaults): FlatFieldsOf {
  const tree = declaredTree(definition)
  const keeps = definition.unknownFields === 'keep'
  return (names) => {
    const present = new Set(names)
    for (const [name, node] of tree)
      if (!present.has(name) && !mayStayAbsent(name, node, code)) return undefined
    const fields: FlatField[] = []
    for (const name of names) {
      const node = tree.get(name)
      const field = node === undefined ? (keeps ? ANYTHING : undefined) : fieldOf(node)
      if (field === undefined) return undefined
      fields.push(field)
    }
    return fields
  }
}

/** Whether a row without the field needs nothing done about it. */
function mayStayAbsent(name: string, node: FieldNode, code: CodeDefaults): boolean {
  return !node.implied && node.shape.default === undefined && !code.has(fieldStep(name)) && mayBeAbsent(node)
}

function fieldOf(node: FieldNode): FlatField | undefined {
  const kind = KINDS[node.shape.type]
  if (kind === undefined || node.implied) return undefined
  const [type, ...rest] = rulesOf(node.shape)
  const rules: readonly Rule[] = PLAIN_TYPES.has(node.shape.type) ? rest : [type, ...rest]
  return { kind, nullable: mayBeNull(node), rules }
}
