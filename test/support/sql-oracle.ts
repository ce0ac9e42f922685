/**
 * What a SELECT means, written again without the database: expressions as trees that have both a text and a truth.
 *
 * The three truths of SQL are true, false and undefined.
 */
import * as fc from 'fast-check'

export type SqlTruth = boolean | undefined
type Fields = Readonly<Record<string, unknown>>

export interface SqlExpression {
  /** The text; values that are put in are added to `values`. */
  readonly write: (values: unknown[]) => string
  readonly truth: (row: Fields) => SqlTruth
}

/** Columns by their paths. `tags` is a list of numbers, `b` true or false, the others scalars of more than one type. */
const COLUMNS = ['n', 's', 'mixed', 'o.x', 'tags'] as const

/** Null where there is nothing. */
export function columnOf(row: Fields, path: string): unknown {
  const [first = '', second] = path.split('.')
  const value = row[first] ?? null
  if (second === undefined || value === null) return value
  return (value as Fields)[second] ?? null
}

const number = fc.integer({ min: -2, max: 5 })
const text = fc.constantFrom('', 'a', 'ab', 'abc', 'b', 'a%', 'a_c', `it's`, 'A')
const scalar = fc.oneof(number, text, fc.boolean())
export const sqlRow: fc.Arbitrary<Fields> = fc.record(
  {
    n: fc.oneof({ weight: 4, arbitrary: number }, fc.constant(null)),
    s: fc.oneof({ weight: 4, arbitrary: text }, fc.constant(null)),
    b: fc.oneof({ weight: 3, arbitrary: fc.boolean() }, fc.constant(null)),
    mixed: fc.oneof(scalar, fc.constant(null)),
    o: fc.oneof(fc.record({ x: scalar }, { requiredKeys: [] }), fc.constant(null)),
    tags: fc.array(number, { maxLength: 3 }),
  },
  { requiredKeys: [], noNullPrototype: true },
)

const literal = fc.oneof({ weight: 9, arbitrary: scalar }, fc.constant(null))

function literalText(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  return value === null ? 'NULL' : JSON.stringify(value).toUpperCase()
}

/** A literal, or a placeholder of the same value. */
function written(value: unknown, isPlaced: boolean, values: unknown[]): string {
  return isPlaced ? `$${values.push(value)}` : literalText(value)
}

/** A column against a value, where both are there; of a list one element must do. */
function holds(value: unknown, fulfils: (element: unknown) => boolean): SqlTruth {
  if (value === null) return undefined
  return Array.isArray(value) ? value.some(fulfils) : fulfils(value)
}

const COMPARISONS = {
  '=': (order: number) => order === 0,
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
} as const

function compares(element: unknown, op: keyof typeof COMPARISONS, value: unknown): boolean {
  if (typeof element !== typeof value) return false
  const order = (element as number) < (value as number) ? -1 : element === value ? 0 : 1
  return COMPARISONS[op](order)
}

function not(truth: SqlTruth): SqlTruth {
  return truth === undefined ? undefined : !truth
}

function and(truths: readonly SqlTruth[]): SqlTruth {
  return truths.includes(false) ? false : truths.includes(undefined) ? undefined : true
}

const column = fc.constantFrom(...COLUMNS)
const operator = fc.constantFrom<keyof typeof COMPARISONS>('=', '<', '<=', '>', '>=')

const comparison = fc
  .tuple(column, operator, literal, fc.boolean(), fc.boolean())
  .map(([path, op, value, isPlaced, isFlipped]): SqlExpression => ({
    write: (values) => {
      const operand = written(value, isPlaced, values)
      const flipped = op.replace(/[<>]/u, (sign) => (sign === '<' ? '>' : '<'))
      return isFlipped ? `${operand} ${flipped} ${path}` : `${path} ${op} ${operand}`
    },
    truth: (row) =>
      value === null ? undefined : holds(columnOf(row, path), (element) => compares(element, op, value)),
  }))

const unequal = fc
  .tuple(column, literal, fc.constantFrom('<>', '!='))
  .map(([path, value, op]): SqlExpression => ({
    write: () => `${path} ${op} ${literalText(value)}`,
    truth: (row) =>
      value === null
        ? undefined
        : not(holds(columnOf(row, path), (element) => compares(element, '=', value))),
  }))

const between = fc
  .tuple(column, literal, literal, fc.boolean())
  .map(([path, low, high, negated]): SqlExpression => ({
    write: () => `${path} ${negated ? 'NOT ' : ''}BETWEEN ${literalText(low)} AND ${literalText(high)}`,
    truth: (row) => {
      const value = columnOf(row, path)
      const parts = [
        low === null ? undefined : holds(value, (element) => compares(element, '>=', low)),
        high === null ? undefined : holds(value, (element) => compares(element, '<=', high)),
      ]
      return negated ? not(and(parts)) : and(parts)
    },
  }))

const membership = fc
  .tuple(column, fc.array(literal, { minLength: 1, maxLength: 3 }), fc.boolean(), fc.boolean())
  .map(([path, members, negated, isPlaced]): SqlExpression => ({
    write: (values) => {
      const list = isPlaced ? `$${values.push(members)}` : `(${members.map(literalText).join(', ')})`
      return `${path} ${negated ? 'NOT ' : ''}IN ${list}`
    },
    truth: (row) => {
      const value = columnOf(row, path)
      const found = holds(value, (element) => members.includes(element as null))
      const truth = found === true ? true : members.includes(null) ? undefined : found
      return negated ? not(truth) : truth
    },
  }))

const pattern = fc
  .array(fc.constantFrom('a', 'b', '%', '_', 'ab'), { maxLength: 4 })
  .map((parts) => parts.join(''))

/** Whether a text matches, by trying every way. */
function like(value: string, wanted: string): boolean {
  const [first, rest] = [wanted[0], wanted.slice(1)]
  if (first === undefined) return value === ''
  if (first === '%') return like(value, rest) || (value !== '' && like(value.slice(1), wanted))
  return value !== '' && (first === '_' || first === value[0]) && like(value.slice(1), rest)
}

const matching = fc
  .tuple(column, pattern, fc.boolean(), fc.boolean())
  .map(([path, wanted, negated, ignoreCase]): SqlExpression => ({
    write: (values) =>
      `${path} ${negated ? 'NOT ' : ''}${ignoreCase ? 'ILIKE' : 'LIKE'} ${written(wanted, !ignoreCase, values)}`,
    truth: (row) => {
      const truth = holds(columnOf(row, path), (element) => {
        if (typeof element !== 'string') return false
        return ignoreCase ? like(element.toLowerCase(), wanted.toLowerCase()) : like(element, wanted)
      })
      return negated ? not(truth) : truth
    },
  }))

const nullness = fc.tuple(column, fc.boolean()).map(([path, negated]): SqlExpression => ({
  write: () => `${path} IS ${negated ? 'NOT ' : ''}NULL`,
  truth: (row) => (columnOf(row, path) === null) !== negated,
}))

const flag = fc.constantFrom<SqlExpression>(
  { write: () => 'b', truth: (row) => (columnOf(row, 'b') ?? undefined) as SqlTruth },
  { write: () => 'NULL', truth: () => undefined },
  { write: () => 'TRUE', truth: () => true },
)

const leaf = fc.oneof(
  { weight: 4, arbitrary: comparison },
  { weight: 2, arbitrary: unequal },
  { weight: 2, arbitrary: membership },
  between,
  matching,
  nullness,
  flag,
)

/** Conditions of any form. */
export const sqlExpression: fc.Arbitrary<SqlExpression> = fc.letrec<{ tree: SqlExpression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc.tuple(tie('tree'), tie('tree'), fc.boolean()).map(([a, b, isAnd]) => ({
      write: (values: unknown[]) => `(${a.write(values)} ${isAnd ? 'AND' : 'OR'} ${b.write(values)})`,
      truth: (row: Fields) =>
        isAnd ? and([a.truth(row), b.truth(row)]) : not(and([not(a.truth(row)), not(b.truth(row))])),
    })),
    tie('tree').map((a) => ({
      write: (values: unknown[]) => `NOT (${a.write(values)})`,
      truth: (row: Fields) => not(a.truth(row)),
    })),
    fc.tuple(tie('tree'), fc.boolean(), fc.boolean()).map(([a, negated, wanted]) => ({
      write: (values: unknown[]) =>
        `(${a.write(values)}) IS ${negated ? 'NOT ' : ''}${wanted ? 'TRUE' : 'FALSE'}`,
      truth: (row: Fields) => (a.truth(row) === wanted) !== negated,
    })),
  ),
})).tree

/** Null, numbers, texts, false, true: the order of scalars across types. */
export function compareScalars(a: unknown, b: unknown): number {
  const rank = (value: unknown): number =>
    value === null ? 0 : typeof value === 'number' ? 1 : typeof value === 'string' ? 2 : 3
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  return a === b ? 0 : (a as number) < (b as number) ? -1 : 1
}
