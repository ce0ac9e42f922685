/** Says in a few words what a value is, for `found` in validation errors. Calls no code of the value's own. */
import { isWellFormed } from './well-formed.js'

/** What `value` is: `undefined`, `a function`, `an invalid Date`, `an instance of Point`. Never its content. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? 'a number' : String(value)
    case 'string':
      return isWellFormed(value) ? 'a string' : 'a string with a lone surrogate'
    case 'object':
      return describeObject(value)
    default:
      return `a ${typeof value}`
  }
}

function describeObject(value: object): string {
  if (value instanceof Date) return Number.isNaN(timeOf(value)) ? 'an invalid Date' : 'a Date'
  const name = constructorName(value)
  if (name === undefined) return 'an object'
  return name === 'Object' ? 'a plain object' : `an instance of ${name}`
}

/** The time value of a date; NaN for an invalid one and for an object that only inherits from `Date`. */
export function timeOf(value: Date): number {
  try {
    return Date.prototype.getTime.call(value)
  } catch {
    return Number.NaN
  }
}

/** The class's name, read without running a getter. */
function constructorName(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof prototype !== 'object' || prototype === null) return undefined
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof constructor !== 'function') return undefined
  const name: unknown = Object.getOwnPropertyDescriptor(constructor, 'name')?.value
  return typeof name === 'string' && name !== '' ? name : undefined
}
