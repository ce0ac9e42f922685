/**
 * Brings a row into shape before it is checked, and after it is read: defaults stand in for absent fields, and fields that
 * are not declared are left out where the collection strips them.
 *
 * What changes is copied on the way, so the row that was given stays as it was; a row that is in shape is given back itself.
 */
import { MAX_NESTING } from '../format/limits.js'
import { copyStorable } from '../format/value.js'
import { fieldStep } from '../format/value-findings.js'
import { isPlainObject } from '../format/value-kinds.js'
import { type CheckedFields, declaredTree, joinSteps } from './row-check.js'
import type { FieldNode } from './field-tree.js'

/** The value in shape: itself, or a copy with changes. */
export type Fill = (value: unknown) => unknown

/** Defaults that are functions, by field: `added`, `items[].id`. */
export type CodeDefaults = ReadonlyMap<string, () => unknown>

interface Context {
  readonly strip: boolean
  readonly code: CodeDefaults
  readonly above: { fill: Fill }[]
  /** How many recursive fields the running fill is in. */
  depth: number
}

/** What fills rows; undefined if no row needs it. `strip` leaves out fields that are not declared. */
export function compileFill(definition: CheckedFields, code: CodeDefaults, strip: boolean): Fill | undefined {
  const tree = declaredTree(definition)
  const context: Context = { strip, code, above: [], depth: 0 }
  if (!strip && code.size === 0 && ![...tree.values()].some(hasDefault)) return undefined
  return fieldsFill(tree, context, '')
}

function hasDefault({ shape, fields, element, key }: FieldNode): boolean {
  if (shape.default !== undefined) return true
  return [...(fields?.values() ?? []), element, key].some((node) => node !== undefined && hasDefault(node))
}

/** What fills a value that is there; undefined if it needs nothing. */
function nodeFill(node: FieldNode, context: Context, where: string): Fill | undefined {
  const { shape, fields, element, key } = node
  const { above } = context
  if (shape.type === 'recursive') return recursiveFill(above.at(-(shape.levels ?? 1)), context)
  const holder: { fill: Fill } = { fill: (value) => value }
  above.push(holder)
  const inside = fields === undefined ? undefined : fieldsFill(fields, context, where)
  const ofElement = element === undefined ? undefined : nodeFill(element, context, `${where}[]`)
  const ofKey = key === undefined ? undefined : nodeFill(key, context, `${where}[key]`)
  above.pop()
  const fill = inside ?? contentFill(shape.type, ofElement, ofKey)
  if (fill !== undefined) holder.fill = fill
  return fill
}

function contentFill(type: string, ofElement: Fill | undefined, ofKey: Fill | undefined): Fill | undefined {
  if (ofElement === undefined && ofKey === undefined) return undefined
  const element = ofElement ?? ((value: unknown): unknown => value)
  const key = ofKey ?? ((value: unknown): unknown => value)
  if (type === 'list') return (value) => (Array.isArray(value) ? filledList(value, element) : value)
  if (type === 'set') return (value) => (value instanceof Set ? filledSet(value, element) : value)
  return (value) => (value instanceof Map ? filledMap(value, key, element) : value)
}

function recursiveFill(target: { fill: Fill } | undefined, context: Context): Fill | undefined {
  if (target === undefined) return undefined
  return (value) => {
    if (context.depth >= MAX_NESTING) return value
    context.depth++
    try {
      return target.fill(value)
    } finally {
      context.depth--
    }
  }
}

function filledList(list: readonly unknown[], element: Fill): readonly unknown[] {
  let copy: unknown[] | undefined
  for (const [i, value] of list.entries()) {
    const filled = element(value)
    if (filled === value) continue
    copy ??= [...list]
    copy[i] = filled
  }
  return copy ?? list
}

function filledSet(set: ReadonlySet<unknown>, element: Fill): ReadonlySet<unknown> {
  const members = [...set]
  const filled = filledList(members, element)
  return filled === members ? set : new Set(filled)
}

function filledMap(
  map: ReadonlyMap<unknown, unknown>,
  key: Fill,
  element: Fill,
): ReadonlyMap<unknown, unknown> {
  const filled = Array.from(map, ([name, value]) => [key(name), element(value)] as const)
  return filled.every(([name, value]) => map.has(name) && map.get(name) === value) ? map : new Map(filled)
}

interface FieldFill {
  readonly name: string
  readonly standIn: (() => unknown) | undefined
  readonly fill: Fill | undefined
}

function fieldsFill(
  fields: ReadonlyMap<string, FieldNode>,
  context: Context,
  where: string,
): Fill | undefined {
  const fills: FieldFill[] = []
  for (const [name, node] of fields) {
    const at = joinSteps(where, fieldStep(name))
    const standIn = context.code.get(at) ?? standInOf(node.shape.default)
    const fill = nodeFill(node, context, at)
    if (standIn !== undefined || fill !== undefined) fills.push({ name, standIn, fill })
  }
  if (fills.length === 0 && !context.strip) return undefined
  return (value) => {
    if (!isPlainObject(value)) return value
    const kept = context.strip ? stripped(value, fields) : value
    return filledFields(kept, fills, kept === value)
  }
}

/** Each row gets a value of its own. */
function standInOf(value: unknown): (() => unknown) | undefined {
  if (value === undefined) return undefined
  return typeof value === 'object' && value !== null ? () => copyStorable({ value })['value'] : () => value
}

function filledFields(
  object: Readonly<Record<string, unknown>>,
  fills: readonly FieldFill[],
  shared: boolean,
): Readonly<Record<string, unknown>> {
  let result: Record<string, unknown> | undefined = shared ? undefined : object
  for (const { name, standIn, fill } of fills) {
    const present = Object.hasOwn(object, name) ? object[name] : undefined
    const given = present === undefined ? standIn?.() : present
    const filled = given === undefined || given === null || fill === undefined ? given : fill(given)
    if (filled === present) continue
    result ??= copyOf(object)
    define(result, name, filled)
  }
  return result ?? object
}

function stripped(
  object: Readonly<Record<string, unknown>>,
  fields: ReadonlyMap<string, FieldNode>,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(object)
  if (names.every((name) => fields.has(name))) return object
  const copy: Record<string, unknown> = {}
  for (const name of names) if (fields.has(name)) define(copy, name, object[name])
  return copy
}

function copyOf(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(object)) define(copy, name, object[name])
  return copy
}

/** Assigns an own property whatever its name: `__proto__` is a field like any other. */
function define(target: object, name: string, value: unknown): void {
  if (name !== '__proto__') (target as Record<string, unknown>)[name] = value
  else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}
