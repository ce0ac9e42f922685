/**
 * The values that a dotted path leads to in a row, through lists as well: what an index holds, and what a filter compares.
 */
import { isPlainObject } from '../format/value-kinds.js'

/**
 * Calls `found` with every value at `path`: a list on the way stands for its elements, and a list at its end for its elements too
 * (an empty one for nothing). `undefined` where there is no such field. Returns whether a list was met.
 */
export function valuesAt(row: unknown, path: readonly string[], found: (value: unknown) => void): boolean {
  return walk(row, path, 0, found)
}

function walk(
  value: unknown,
  path: readonly string[],
  depth: number,
  found: (value: unknown) => void,
): boolean {
  const name = path[depth]
  if (name === undefined) {
    if (!Array.isArray(value)) {
      found(value)
      return false
    }
    for (const element of value as unknown[]) found(element)
    return true
  }
  if (Array.isArray(value)) {
    for (const element of value as unknown[]) {
      // A list within a list is no object to look into.
      if (isPlainObject(element)) walk(element, path, depth, found)
    }
    return true
  }
  if (isPlainObject(value) && Object.hasOwn(value, name)) return walk(value[name], path, depth + 1, found)
  found(undefined)
  return false
}

/** Stands for the values that lists lead to. */
export const SEVERAL: unique symbol = Symbol('several')

/** The one value that `valuesAt` finds; `SEVERAL` if a list is on the way or at the end. */
export function singleValueAt(row: unknown, path: readonly string[]): unknown {
  let value = row
  for (const name of path) {
    if (Array.isArray(value)) return SEVERAL
    if (!isPlainObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return Array.isArray(value) ? SEVERAL : value
}

/** Whether there is a field at `path`, in one of the elements where lists are on the way; an empty list is one. */
export function existsAt(value: unknown, path: readonly string[], depth = 0): boolean {
  const name = path[depth]
  if (name === undefined) return value !== undefined
  if (Array.isArray(value)) {
    return (value as unknown[]).some((element) => isPlainObject(element) && existsAt(element, path, depth))
  }
  return isPlainObject(value) && Object.hasOwn(value, name) && existsAt(value[name], path, depth + 1)
}
