/**
 * What queries must give, written as plainly as possible and apart from the query layer: rows in an array, every operator by its
 * definition, sorting by comparing.
 */

export type Value = unknown
export type Doc = Readonly<Record<string, unknown>>

const kind = (value: Value): string => {
  if (value === null || value === undefined) return '0null'
  if (typeof value === 'number' || typeof value === 'bigint') return '1number'
  if (typeof value === 'string') return '2string'
  if (typeof value === 'boolean') return '4boolean'
  if (value instanceof Uint8Array) return '3bytes'
  return value instanceof Date ? '5date' : '6other'
}

/** Order of two values of any types. */
export function order(a: Value, b: Value): number {
  const [x, y] = [kind(a), kind(b)]
  if (x !== y) return x < y ? -1 : 1
  switch (x) {
    case '1number': {
      const [m, n] = [a as number, b as number]
      if (Number.isNaN(m) || Number.isNaN(n)) return Number(Number.isNaN(n)) - Number(Number.isNaN(m))
      return m < n ? -1 : m > n ? 1 : 0
    }
    case '2string': {
      const [m, n] = [Array.from(a as string), Array.from(b as string)].map((text) =>
        text.map((c) => c.codePointAt(0) ?? 0),
      )
      for (let i = 0; i < Math.min(m?.length ?? 0, n?.length ?? 0); i++) {
        const difference = (m?.[i] ?? 0) - (n?.[i] ?? 0)
        if (difference !== 0) return difference
      }
      return (m?.length ?? 0) - (n?.length ?? 0)
    }
    case '3bytes':
      return Buffer.compare(a as Uint8Array, b as Uint8Array)
    case '4boolean':
      return Number(a) - Number(b)
    case '5date':
      return (a as Date).getTime() - (b as Date).getTime()
    default:
      return 0
  }
}

export function same(a: Value, b: Value): boolean {
  if (kind(a) !== kind(b)) return false
  if (kind(a) !== '6other') return order(a, b) === 0
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const names = Object.keys(x)
  return (
    names.length === Object.keys(y).length &&
    names.every((name) => Object.hasOwn(y, name) && same(x[name], y[name]))
  )
}

const isObject = (value: Value): value is Record<string, unknown> =>
  kind(value) === '6other' && !Array.isArray(value)

/** What a path leads to; a list on the way stands for the objects in it. */
export function reach(value: Value, path: readonly string[]): Value[] {
  const [name, ...rest] = path
  if (name === undefined) return [value]
  if (Array.isArray(value)) return value.filter(isObject).flatMap((element) => reach(element, path))
  return isObject(value) && Object.hasOwn(value, name) ? reach(value[name], rest) : [undefined]
}

const spread = (value: Value): Value[] => (Array.isArray(value) ? [value, ...(value as Value[])] : [value])

function holds(operator: string, operand: Value, value: Value): boolean {
  const comparable = kind(value) === kind(operand) && kind(value) !== '6other'
  const bothNan = Number.isNaN(value) && Number.isNaN(operand)
  const ordered = comparable && kind(value) !== '0null' && !Number.isNaN(value) && !Number.isNaN(operand)
  switch (operator) {
    case '$eq':
      return same(value, operand)
    case '$gt':
      return ordered && order(value, operand) > 0
    case '$gte':
      return (ordered && order(value, operand) >= 0) || bothNan || (comparable && kind(value) === '0null')
    case '$lt':
      return ordered && order(value, operand) < 0
    case '$lte':
      return (ordered && order(value, operand) <= 0) || bothNan || (comparable && kind(value) === '0null')
    case '$in':
      return (operand as Value[]).some((one) => same(value, one))
    case '$startsWith':
      return typeof value === 'string' && value.startsWith(operand as string)
    case '$regex':
      return typeof value === 'string' && new RegExp(operand as string, 'u').test(value)
    default:
      throw new Error(`no oracle for ${operator}`)
  }
}

function field(path: string, operator: string, operand: Value, doc: Value): boolean {
  const found = reach(doc, path.split('.'))
  switch (operator) {
    case '$ne':
      return !field(path, '$eq', operand, doc)
    case '$nin':
      return !field(path, '$in', operand, doc)
    case '$not':
      return !Object.entries(operand as object).every(([inner, value]) => field(path, inner, value, doc))
    case '$exists':
      return found.some((value) => value !== undefined) === operand
    case '$size':
      return found.some((value) => Array.isArray(value) && value.length === operand)
    case '$all':
      return (
        (operand as Value[]).length > 0 && (operand as Value[]).every((one) => field(path, '$eq', one, doc))
      )
    case '$elemMatch':
      return found.some(
        (value) =>
          Array.isArray(value) &&
          value.some((element) =>
            Object.entries(operand as object).every(([inner, wanted]) => holds(inner, wanted, element)),
          ),
      )
    default:
      return found.flatMap(spread).some((value) => holds(operator, operand, value))
  }
}

export function matches(filter: Doc, doc: Value): boolean {
  return Object.entries(filter).every(([name, condition]) => {
    const all = condition as Doc[]
    if (name === '$and') return all.every((part) => matches(part, doc))
    if (name === '$or') return all.some((part) => matches(part, doc))
    if (name === '$nor') return !all.some((part) => matches(part, doc))
    const isOperators = isObject(condition) && Object.keys(condition).some((key) => key.startsWith('$'))
    if (!isOperators) return field(name, '$eq', condition, doc)
    return Object.entries(condition).every(([operator, operand]) => field(name, operator, operand, doc))
  })
}

/** What a document sorts by: of a list the smallest element, or the greatest. */
function sortValue(doc: Doc, path: string, descending: boolean): Value {
  const values = reach(doc, path.split('.')).flatMap((value) =>
    Array.isArray(value) ? (value as Value[]) : [value],
  )
  const ascending = values.map((value) => value ?? null).sort(order)
  return descending ? ascending.at(-1) : ascending[0]
}

/** Sorted by fields, then by `id`, in the direction of the last field. */
export function sorted(docs: readonly Doc[], fields: readonly (readonly [string, 'asc' | 'desc'])[]): Doc[] {
  const all = [...fields, ['id', fields.at(-1)?.[1] ?? 'asc'] as const]
  return [...docs].sort((a, b) => {
    for (const [path, direction] of all) {
      const descending = direction === 'desc'
      const difference = order(sortValue(a, path, descending), sortValue(b, path, descending))
      if (difference !== 0) return descending ? -difference : difference
    }
    return 0
  })
}
