/**
 * Declared fields as a tree, by name: the flat and the nested way of writing them come to the same.
 */
import type { FieldDefinition, FieldShape } from './field.js'

/** One field, element or key, with what stands under it. */
export interface FieldNode {
  /** Its own definition, but for `fields`, `element` and `key`. */
  readonly shape: FieldShape
  /** Whether it is only there because fields below it are declared. */
  readonly implied: boolean
  /** The declared fields of an object; undefined if it may have any. */
  fields: Map<string, FieldNode> | undefined
  readonly element: FieldNode | undefined
  readonly key: FieldNode | undefined
}

/** Called for a field that is declared twice, or under one that is no object. */
export type TreeProblem = (path: readonly string[], what: string) => void

function ignore(): void {
  // Of a field declared twice the last counts; what stands under something that is no object is never looked at.
}

/** The tree of a field list. */
export function fieldTree(
  fields: readonly FieldDefinition[],
  problem: TreeProblem = ignore,
): Map<string, FieldNode> {
  const root = new Map<string, FieldNode>()
  // Parents first, so that what stands above a flat path is known whatever their order.
  const ordered = fields.toSorted((a, b) => a.path.length - b.path.length)
  for (const field of ordered) place(root, field, problem)
  return root
}

function place(root: Map<string, FieldNode>, field: FieldDefinition, problem: TreeProblem): void {
  let level = root
  for (const [i, name] of field.path.slice(0, -1).entries()) {
    let parent = level.get(name)
    if (parent === undefined) {
      parent = {
        shape: { type: 'object' },
        implied: true,
        fields: new Map(),
        element: undefined,
        key: undefined,
      }
      level.set(name, parent)
    } else if (parent.shape.type !== 'object') {
      problem(field.path, `lies within '${field.path.slice(0, i + 1).join('.')}', which is no object.`)
      return
    }
    parent.fields ??= new Map()
    level = parent.fields
  }
  const name = field.path.at(-1) ?? ''
  if (level.has(name)) problem(field.path, 'is declared twice.')
  level.set(name, nodeOf(field, problem, field.path))
}

function nodeOf(shape: FieldShape, problem: TreeProblem, path: readonly string[]): FieldNode {
  const inner: TreeProblem = (rest, what) => problem([...path, ...rest], what)
  return {
    shape,
    implied: false,
    fields: shape.fields === undefined ? undefined : fieldTree(shape.fields, inner),
    element: shape.element === undefined ? undefined : nodeOf(shape.element, problem, [...path, '[]']),
    key: shape.key === undefined ? undefined : nodeOf(shape.key, problem, [...path, '[key]']),
  }
}

/** The field declared at a path of names, in either way of writing; undefined if none is. */
export function declaredField(
  fields: readonly FieldDefinition[],
  path: readonly string[],
): FieldShape | undefined {
  for (const field of fields) {
    if (!field.path.every((name, i) => path[i] === name)) continue
    const rest = path.slice(field.path.length)
    if (rest.length === 0) return field
    const found = declaredField(field.fields ?? [], rest)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether a value may be absent without a default standing in for it. */
export function mayBeAbsent({ shape, implied, fields }: FieldNode): boolean {
  if (!implied) return shape.optional === true || shape.generated === true
  // Defaults stand in for fields of an object that is there; they make none.
  return [...(fields?.values() ?? [])].every((node) => node.shape.default !== undefined || mayBeAbsent(node))
}

/** Whether a value may be null. */
export function mayBeNull(node: FieldNode): boolean {
  const { shape } = node
  if (shape.type === 'any') return shape.nullable ?? true
  return shape.nullable ?? mayBeAbsent(node)
}
