/**
 * The check of rows against a collection's fields, compiled once per definition into closures.
 *
 * A row that fits is walked once and allocates nothing. Of one that does not, every failing path is found, with what was
 * expected and what was found: paths are put together on the way out. Recursive fields are followed to the depth that a
 * row may have, so that a cycle ends; the encoder refuses it then.
 */
import { MAX_NESTING } from '../format/limits.js'
import { entryStep, fieldStep, type Findings } from '../format/value-findings.js'
import type { FieldDefinition, UnknownFields } from './field.js'
import { type FieldNode, fieldTree, mayBeAbsent, mayBeNull } from './field-tree.js'
import { foundText, type Rule, rulesOf } from './value-rules.js'

/** Adds what is wrong with a value. */
export type Check = (value: unknown, findings: Findings) => void

/** What of a definition rows are checked against. */
export interface CheckedFields {
  readonly fields: readonly FieldDefinition[]
  readonly primaryKey: readonly (readonly string[])[]
  readonly unknownFields: UnknownFields
}

/** A value's check before it is known, for recursive fields. */
interface Holder {
  check: Check
}

interface Context {
  readonly refuseUnknown: boolean
  /** Fields with a default in code that is not at hand. */
  readonly lackingDefaults: ReadonlySet<string>
  /** From the row down to what is being compiled. */
  readonly above: Holder[]
  /** How many recursive fields the running check is in. */
  depth: number
}

/** The check of a collection's rows. */
export function compileRowCheck(
  definition: CheckedFields,
  lackingDefaults: ReadonlySet<string> = new Set(),
): Check {
  const context: Context = {
    refuseUnknown: definition.unknownFields === 'refuse',
    lackingDefaults,
    above: [],
    depth: 0,
  }
  return fieldsCheck(declaredTree(definition), context, '')
}

/** The declared fields; those of the primary key count as declared. */
export function declaredTree({ fields, primaryKey }: CheckedFields): Map<string, FieldNode> {
  const tree = fieldTree(fields)
  for (const path of primaryKey) declareKey(tree, path)
  return tree
}

function declareKey(level: Map<string, FieldNode>, [name, ...rest]: readonly string[]): void {
  if (name === undefined) return
  const node = level.get(name)
  if (node !== undefined) {
    if (node.fields !== undefined) declareKey(node.fields, rest)
    return
  }
  const path = [name, ...rest]
  for (const [added, tree] of fieldTree([{ path, type: 'any', optional: true }])) level.set(added, tree)
}

/** A value that may be absent or null, or may not. */
function nodeCheck(node: FieldNode, context: Context, where: string): Check {
  const inner = presentCheck(node, context, where)
  const expected = rulesOf(node.shape)[0].expected
  const absent = mayBeAbsent(node) || context.lackingDefaults.has(where)
  const nullable = mayBeNull(node)
  // Of an object that is only implied, the fields that it lacks are told.
  const ifLacking = node.implied ? (findings: Findings): void => inner({}, findings) : undefined
  return (value, findings) => {
    if (value === undefined ? absent : value === null && nullable) return
    if (value !== undefined && value !== null) inner(value, findings)
    else if (ifLacking !== undefined) ifLacking(findings)
    else refuse(findings, expected, value)
  }
}

/** A value that is there. */
function presentCheck(node: FieldNode, context: Context, where: string): Check {
  const holder: Holder = { check: () => undefined }
  const { above } = context
  if (node.shape.type === 'recursive') return recursiveCheck(above.at(-(node.shape.levels ?? 1)), context)
  const own = rulesCheck(rulesOf(node.shape))
  above.push(holder)
  const inside = contentCheck(node, context, where)
  above.pop()
  holder.check = inside === undefined ? own : both(own, inside)
  return holder.check
}

function rulesCheck([type, ...rest]: readonly [Rule, ...Rule[]]): Check {
  const { holds, expected } = type
  if (rest.length === 0) {
    return (value, findings) => {
      if (!holds(value)) refuse(findings, expected, value)
    }
  }
  return (value, findings) => {
    if (!holds(value)) return refuse(findings, expected, value)
    for (const rule of rest) if (!rule.holds(value)) refuse(findings, rule.expected, value)
  }
}

/** The content is looked into only if the value itself is as it must be. */
function both(own: Check, inside: Check): Check {
  return (value, findings) => {
    const before = findings.count
    own(value, findings)
    if (findings.count === before) inside(value, findings)
  }
}

function recursiveCheck(target: Holder | undefined, context: Context): Check {
  if (target === undefined) return () => undefined
  return (value, findings) => {
    if (context.depth >= MAX_NESTING) return
    context.depth++
    try {
      target.check(value, findings)
    } finally {
      context.depth--
    }
  }
}

/** What stands within a value: fields, elements, keys. Undefined if anything may. */
function contentCheck(node: FieldNode, context: Context, where: string): Check | undefined {
  const { shape, fields, element, key } = node
  if (shape.type === 'object' && fields !== undefined) return fieldsCheck(fields, context, where)
  const ofElement = element === undefined ? undefined : nodeCheck(element, context, `${where}[]`)
  const ofKey = key === undefined ? undefined : nodeCheck(key, context, `${where}[key]`)
  if (shape.type === 'map') return entriesCheck(ofKey, ofElement)
  if (ofElement === undefined) return undefined
  return shape.type === 'list' ? elementsCheck(ofElement) : membersCheck(ofElement)
}

function elementsCheck(ofElement: Check): Check {
  return (value, findings) => {
    const list = value as readonly unknown[] // Its type was checked before.
    for (let i = 0; i < list.length && !findings.stopped; i++) {
      const before = findings.count
      ofElement(list[i], findings)
      if (findings.count !== before) findings.within(before, `[${i}]`)
    }
  }
}

function membersCheck(ofMember: Check): Check {
  return (value, findings) => {
    for (const member of value as ReadonlySet<unknown>) {
      const before = findings.count
      ofMember(member, findings)
      if (findings.count !== before) findings.within(before, entryStep(member))
    }
  }
}

function entriesCheck(ofKey: Check | undefined, ofValue: Check | undefined): Check | undefined {
  if (ofKey === undefined && ofValue === undefined) return undefined
  return (map, findings) => {
    for (const [key, value] of map as ReadonlyMap<unknown, unknown>) {
      const before = findings.count
      ofKey?.(key, findings)
      ofValue?.(value, findings)
      if (findings.count !== before) findings.within(before, entryStep(key))
    }
  }
}

interface FieldCheck {
  readonly name: string
  readonly step: string
  /** Whether the name is one that every object inherits. */
  readonly inherited: boolean
  readonly check: Check
}

function fieldsCheck(fields: ReadonlyMap<string, FieldNode>, context: Context, where: string): Check {
  const checks = Array.from(fields, ([name, node]): FieldCheck => {
    const step = fieldStep(name)
    return {
      name,
      step,
      inherited: name in Object.prototype,
      check: nodeCheck(node, context, joinSteps(where, step)),
    }
  })
  const unknown = context.refuseUnknown ? unknownCheck(fields) : undefined
  return (value, findings) => {
    const object = value as Readonly<Record<string, unknown>> // Its type was checked before.
    let declared = 0
    for (const { name, step, inherited, check } of checks) {
      const before = findings.count
      const field = inherited && !Object.hasOwn(object, name) ? undefined : object[name]
      if (field !== undefined) declared++
      check(field, findings)
      if (findings.count !== before) findings.within(before, step)
    }
    // Names are looked at only where there are more than those.
    if (unknown !== undefined && declared !== countNames(object)) unknown(object, findings)
  }
}

function countNames(object: object): number {
  let names = 0
  for (const _ in object) names++
  return names
}

/** Names shown of those that are declared. */
const NAMES_SHOWN = 20

function unknownCheck(fields: ReadonlyMap<string, FieldNode>): Check {
  const names = [...fields.keys()]
  const list = names.slice(0, NAMES_SHOWN).join(', ') + (names.length > NAMES_SHOWN ? ', ...' : '')
  const expected = `no field of this name (declared: ${list === '' ? 'none' : list})`
  return (value, findings) => {
    for (const name in value as object) {
      if (fields.has(name) || !Object.hasOwn(value as object, name)) continue
      const found: unknown = (value as Readonly<Record<string, unknown>>)[name]
      if (found !== undefined) findings.note({ path: fieldStep(name), expected, found: foundText(found) })
    }
  }
}

/** A path of steps, as defaults in code are named by. */
export function joinSteps(where: string, step: string): string {
  return where === '' || step.startsWith('[') ? where + step : `${where}.${step}`
}

function refuse(findings: Findings, expected: string, value: unknown): void {
  findings.note({ path: '', expected, found: foundText(value) })
}

/** Whether the check of rows can find anything. */
export function hasRules({ fields, unknownFields }: CheckedFields): boolean {
  return fields.length > 0 || unknownFields === 'refuse'
}
