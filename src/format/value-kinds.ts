/** Which objects are taken for what: by their prototype exactly, so that no class instance loses its class unnoticed. */

/** An object whose own enumerable properties are its content. */
export type PlainObject = Record<string, unknown>

/** Whether `value` is an object made by a literal, or one without a prototype. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether `value` is an array and of no subclass. An own `constructor` would mislead the packer. */
export function isPlainArray(value: object): value is unknown[] {
  return (
    Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype && value.constructor === Array
  )
}

/** Whether `value` is bytes: a `Uint8Array` or, as Node's buffers are, of a subclass. */
export function isBytes(value: object): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array
}

/** Whether `value` is a date and of no subclass. */
export function isPlainDate(value: object): value is Date {
  return Object.getPrototypeOf(value) === Date.prototype
}

/** Whether `value` is a map and of no subclass. */
export function isPlainMap(value: object): value is Map<unknown, unknown> {
  return Object.getPrototypeOf(value) === Map.prototype && hasSlots(value, Map.prototype)
}

/** Whether `value` is a set and of no subclass. */
export function isPlainSet(value: object): value is Set<unknown> {
  return Object.getPrototypeOf(value) === Set.prototype && hasSlots(value, Set.prototype)
}

/** Whether `value` is what its prototype says, and not an object that merely inherits from it. */
function hasSlots(value: object, prototype: object): boolean {
  try {
    Reflect.get(prototype, 'size', value)
    return true
  } catch {
    return false
  }
}
