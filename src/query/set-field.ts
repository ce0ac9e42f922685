/** Setting fields of rows that are built here. */
import type { Row } from '../format/value.js'

/** Sets an own field, whatever its name. */
export function setField(row: Row, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
  else row[name] = value
}
