/**
 * Whether a row has a field of one of some names, at any depth.
 */
export function mentions(value: unknown, names: ReadonlySet<string>): boolean {
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (typeof next !== 'object' || next === null || next instanceof Uint8Array) continue
    if (Array.isArray(next) || next instanceof Set) waiting.push(...next)
    else if (next instanceof Map) waiting.push(...[...next].flat())
    else {
      for (const [name, inner] of Object.entries(next)) {
        if (names.has(name)) return true
        waiting.push(inner)
      }
    }
  }
  return false
}
