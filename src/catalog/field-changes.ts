/**
 * What becomes of stored rows when declared fields change: each difference with its kind and its reason.
 *
 * A change is safe if every row that fits the old fields fits the new ones; else rows need a migration. Only what says
 * under which key a row is found breaks more than that.
 */
import { compareBytes } from '../format/key-order.js'
import { RowCodec } from '../format/value.js'
import type { CodeRules, FieldDefinition, FieldShape, FieldType, UnknownFields } from './field.js'
import { type FieldNode, fieldTree, mayBeAbsent, mayBeNull } from './field-tree.js'
import { joinSteps } from './row-check.js'

/** One difference between two definitions. */
export interface DefinitionReason {
  readonly kind: 'safe' | 'migration' | 'breaking'
  readonly reason: string
}

/** What of two definitions is compared here. */
interface Compared {
  readonly primaryKey: readonly (readonly string[])[]
  readonly fields: readonly FieldDefinition[]
  readonly unknownFields?: UnknownFields | undefined
  readonly codeRules?: CodeRules | undefined
}

/** Every difference of the fields of two definitions, and of the rules that go with them. */
export function compareFieldLists(present: Compared, wanted: Compared): readonly DefinitionReason[] {
  const comparison = new Comparison(present, wanted)
  comparison.fields(fieldTree(present.fields), fieldTree(wanted.fields), '')
  comparison.rules(present, wanted)
  return comparison.reasons
}

const NO_FIELD: FieldNode = {
  shape: { type: 'object' },
  implied: true,
  fields: new Map(),
  element: undefined,
  key: undefined,
}

/** Types whose every value is one of another type. */
const WIDER: Readonly<Partial<Record<FieldType, readonly FieldType[]>>> = {
  int: ['float64'],
  uuid: ['string'],
  enum: ['string'],
}

type Names = ReadonlySet<string>

class Comparison {
  readonly reasons: DefinitionReason[] = []
  readonly #keys: Names
  readonly #oldCode: Names
  readonly #newCode: Names
  readonly #refusesUnknown: boolean

  constructor(present: Compared, wanted: Compared) {
    this.#keys = new Set(wanted.primaryKey.map((path) => path.join('.')))
    this.#oldCode = new Set(present.codeRules?.defaults)
    this.#newCode = new Set(wanted.codeRules?.defaults)
    this.#refusesUnknown = wanted.unknownFields === 'refuse'
  }

  /** Of the collection itself. */
  rules(present: Compared, wanted: Compared): void {
    const old = present.unknownFields ?? 'keep'
    const now = wanted.unknownFields ?? 'keep'
    if (old !== now)
      this.#add(now !== 'refuse', `fields that are not declared are now ${PAST[now]}, no longer ${PAST[old]}`)
    const had = present.codeRules?.validator === true
    const has = wanted.codeRules?.validator === true
    if (had !== has) this.#add(had, had ? 'the validator goes' : 'a validator is new')
  }

  fields(old: ReadonlyMap<string, FieldNode>, now: ReadonlyMap<string, FieldNode>, where: string): void {
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const at = joinSteps(where, name)
      const before = old.get(name)
      const after = now.get(name)
      if (before?.implied === true && after === undefined) this.#node(before, NO_FIELD, at)
      else if (after?.implied === true && before === undefined) this.#node(NO_FIELD, after, at)
      else if (before === undefined && after !== undefined) this.#added(after, at)
      else if (before !== undefined && after === undefined) this.#removed(at)
      else if (before !== undefined && after !== undefined) this.#node(before, after, at)
    }
  }

  #added(node: FieldNode, at: string): void {
    const filled = node.shape.default !== undefined || this.#newCode.has(at)
    if (filled || mayBeAbsent(node)) this.#add(true, `field '${at}' is new`)
    else this.#add(this.#keys.has(at), `field '${at}' is new, not optional, and has no default`)
  }

  #removed(at: string): void {
    const reason = `field '${at}' is no longer declared`
    if (this.#keys.has(at)) this.#break(`${reason}, and part of the primary key`)
    else this.#add(!this.#refusesUnknown, reason)
  }

  #node(old: FieldNode, now: FieldNode, at: string): void {
    const name = `field '${at}'`
    if (old !== NO_FIELD && now !== NO_FIELD) this.#presence(old, now, at)
    if (old.shape.type !== now.shape.type) return this.#type(old, now, at)
    this.#constraints(old.shape, now.shape, name)
    this.#content(old, now, at)
  }

  #type(old: FieldNode, now: FieldNode, at: string): void {
    const [from, to] = [old.shape.type, now.shape.type]
    const reason = `field '${at}' changes from ${from} to ${to}`
    const wider = to === 'any' || WIDER[from]?.includes(to) === true
    if (this.#keys.has(at) && (!wider || from === 'uuid' || to === 'uuid')) return this.#break(reason)
    this.#add(wider, reason)
    // What the wider type asks for besides, which the old one may not have.
    if (wider) this.#constraints({ ...old.shape, type: to }, now.shape, `field '${at}'`)
  }

  #presence(old: FieldNode, now: FieldNode, at: string): void {
    const name = `field '${at}'`
    const had = old.shape.default !== undefined || this.#oldCode.has(at)
    const has = now.shape.default !== undefined || this.#newCode.has(at)
    const mayLack = mayBeAbsent(old)
    if (mayBeAbsent(now) && !mayLack) this.#add(true, `${name} becomes optional`)
    if (!mayBeAbsent(now) && mayLack) this.#add(has || this.#keys.has(at), `${name} is no longer optional`)
    if (mayBeNull(now) !== mayBeNull(old)) {
      const may = mayBeNull(now)
      this.#add(may, may ? `${name} may be null` : `${name} may no longer be null`)
    }
    // Rows written before the default was there may lack the field.
    if (had && !has) this.#add(mayBeAbsent(now), `${name} has a default no longer`)
    else if (!had && has) this.#add(true, `${name} has a default`)
    else if (this.#oldCode.has(at) !== this.#newCode.has(at) || !isSame(old.shape.default, now.shape.default))
      this.#add(true, `${name} has another default`)
    if ((now.shape.generated === true) !== (old.shape.generated === true))
      this.#add(true, `${name} changes whether it is generated`)
  }

  #constraints(old: FieldShape, now: FieldShape, name: string): void {
    this.#bound(old.min, now.min, 'least', `${name}: min`)
    this.#bound(old.max, now.max, 'most', `${name}: max`)
    const [before, after] = [lengths(old), lengths(now)]
    this.#bound(before.least, after.least, 'least', `${name}: the least length`)
    this.#bound(before.most, after.most, 'most', `${name}: the greatest length`)
    this.#rule(patternText(old), patternText(now), `${name}: pattern`)
    this.#rule(old.email, now.email, `${name}: email`)
    this.#rule(old.url, now.url, `${name}: url`)
    if (now.type === 'enum') this.#values(old.values ?? [], now.values ?? [], name)
    this.#other(old.levels, now.levels, `${name}: levels`)
  }

  #bound(old: Bound, now: Bound, side: 'least' | 'most', what: string): void {
    if (old === undefined && now === undefined) return
    const order = old === undefined || now === undefined ? undefined : orderOf(old, now)
    if (order === 0) return
    const wanted = side === 'least' ? 1 : -1
    const looser = now === undefined || order === wanted
    this.#add(looser, `${what} changes from ${text(old)} to ${text(now)}`)
  }

  /** A rule that is there or not, and as another one asks for something else. */
  #rule(old: string | boolean | undefined, now: string | boolean | undefined, what: string): void {
    if (old === now) return
    this.#add(now === undefined, `${what} changes from ${text(old)} to ${text(now)}`)
  }

  #other(old: number | undefined, now: number | undefined, what: string): void {
    if (old !== now) this.#add(false, `${what} changes from ${text(old)} to ${text(now)}`)
  }

  #values(old: readonly string[], now: readonly string[], name: string): void {
    const added = now.filter((value) => !old.includes(value))
    const gone = old.filter((value) => !now.includes(value))
    if (added.length > 0) this.#add(true, `${name}: new values ${listed(added)}`)
    if (gone.length > 0) this.#add(false, `${name}: the values ${listed(gone)} go`)
  }

  #content(old: FieldNode, now: FieldNode, at: string): void {
    if (old.fields !== undefined && now.fields !== undefined) this.fields(old.fields, now.fields, at)
    else if (now.fields !== undefined) {
      if (this.#refusesUnknown) this.#add(false, `field '${at}' is limited to declared fields`)
      this.fields(new Map(), now.fields, at)
    } else if (old.fields !== undefined) this.#add(true, `field '${at}' may have any fields`)
    this.#inner(old.element, now.element, joinSteps(at, '[]'))
    this.#inner(old.key, now.key, joinSteps(at, '[key]'))
  }

  #inner(old: FieldNode | undefined, now: FieldNode | undefined, at: string): void {
    if (old !== undefined && now !== undefined) this.#node(old, now, at)
    else if (old !== undefined) this.#add(true, `'${at}' may be anything`)
    else if (now !== undefined) this.#add(isAnything(now), `'${at}' must be ${now.shape.type}`)
  }

  #add(safe: boolean, reason: string): void {
    this.reasons.push({ kind: safe ? 'safe' : 'migration', reason })
  }

  #break(reason: string): void {
    this.reasons.push({ kind: 'breaking', reason })
  }
}

const PAST: Readonly<Record<UnknownFields, string>> = {
  refuse: 'refused',
  strip: 'left out',
  keep: 'kept',
}

type Bound = number | bigint | Date | undefined

function orderOf(a: number | bigint | Date, b: number | bigint | Date): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

/** The lengths that a shape allows, however it says so. */
function lengths({ length, minLength, maxLength, nonempty }: FieldShape): {
  readonly least: number | undefined
  readonly most: number | undefined
} {
  const least = Math.max(length ?? 0, minLength ?? 0, nonempty === true ? 1 : 0)
  const most = Math.min(length ?? Infinity, maxLength ?? Infinity)
  return { least: least === 0 ? undefined : least, most: most === Infinity ? undefined : most }
}

function patternText({ pattern, patternFlags }: FieldShape): string | undefined {
  return pattern === undefined ? undefined : `/${pattern}/${patternFlags ?? ''}`
}

function isAnything(node: FieldNode): boolean {
  return node.shape.type === 'any' && mayBeNull(node)
}

function text(value: Bound | string | boolean): string {
  if (value === undefined) return 'none'
  return value instanceof Date ? value.toISOString() : String(value)
}

function listed(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ')
}

const codec = new RowCodec({ structures: false })

/** Whether two defaults are stored as the same bytes. */
function isSame(a: unknown, b: unknown): boolean {
  // The encoder's buffer is used again.
  const first = codec.encode({ value: a }).slice()
  const second = codec.encode({ value: b })
  return compareBytes(first, 0, first.length, second, 0, second.length) === 0
}
