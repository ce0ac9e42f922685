/**
 * Sampled databases of odd content: every value type, every key type, composite keys, odd names; rows put, replaced and
 * deleted, in transactions and alone; collections renamed and dropped; sessions ended and begun again; checkpoints taken,
 * alone and while commits go on.
 */
import * as fc from 'fast-check'
import type { Database } from '../../src/database.js'
import type { FieldDefinition } from '../../src/catalog/field.js'
import type { KeyPart } from '../../src/format/key.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import { nodePlatform } from '../../src/storage/node-platform.js'
import { databaseOn, fileBytes, fixedPlatform } from '../corruption/databases.js'
import { IMAGE } from './engine-facts.js'
import { objectOf } from './typed-json.js'

/** How the key of a sampled collection looks. */
interface KeyShape {
  readonly primaryKey: readonly string[]
  readonly fields: readonly FieldDefinition[]
  readonly keys: fc.Arbitrary<readonly KeyPart[]>
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', '\ufeffmarked', '\u0000', 'a\u0000b', '\u{10ffff}', '__proto__'),
)
const bigint = fc.oneof(
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  fc.constantFrom(0n, -1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n, 2n ** 64n, 2n ** 53n + 1n),
)
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    -0,
    63,
    64,
    -32,
    -33,
    127,
    128,
    65_536,
    2 ** 32,
    2 ** 53,
    1e308,
    5e-324,
    0.5,
    Math.fround(0.1),
  ),
)
const date = fc.date({ noInvalidDate: true, min: new Date(-8.64e15), max: new Date(8.64e15) })
const bytes = fc.uint8Array({ maxLength: 20 })
const uuid = fc.uuid()

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'd', 'e') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('__proto__', 'constructor', '', '$date', '0', '17', 'toString', 'x.y'),
  },
  { weight: 1, arbitrary: text },
)

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(fc.constantFrom(null, true, false), number, bigint, text, date, bytes),
    fc.array(tie('value'), { maxLength: 4 }),
    objects(tie('value')),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map((members) => new Set(members)),
  ),
}))

function objects(content: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> {
  const entry = fc.tuple(name, content)
  return fc.uniqueArray(entry, { maxLength: 4, selector: ([field]) => field }).map(objectOf)
}

const single = (arbitrary: fc.Arbitrary<KeyPart>): fc.Arbitrary<readonly KeyPart[]> =>
  arbitrary.map((part) => [part])
const keyNumber = number.filter((one) => !Number.isNaN(one))
const keyBigint = fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n })

/** Few different keys, so that rows are replaced and deleted. */
const SHAPES: readonly KeyShape[] = [
  { primaryKey: ['k'], fields: [], keys: single(fc.oneof(fc.nat(9), keyNumber)) },
  { primaryKey: ['k'], fields: [], keys: single(fc.oneof(fc.constantFrom('a', 'b', 'ab'), text)) },
  { primaryKey: ['k'], fields: [], keys: single(fc.oneof(fc.bigInt(-3n, 3n), keyBigint)) },
  { primaryKey: ['k'], fields: [], keys: single(fc.oneof(date, bytes, keyNumber, text)) },
  { primaryKey: ['k'], fields: [{ path: ['k'], type: 'uuid' }], keys: single(uuid) },
  {
    primaryKey: ['k', 'at.l', 'm'],
    fields: [{ path: ['m'], type: 'uuid' }],
    keys: fc.tuple(fc.oneof(fc.constantFrom('', 'x'), bytes), fc.oneof(fc.nat(3), date), uuid),
  },
]

interface RowStep {
  readonly collection: number
  readonly action: 'put' | 'delete'
  readonly key: readonly KeyPart[]
  readonly row: Record<string, unknown>
}

type Step =
  | { readonly kind: 'rows'; readonly rows: readonly RowStep[]; readonly fails: boolean }
  | { readonly kind: 'generated' | 'reopen' | 'rename' | 'drop' | 'checkpoint'; readonly collection: number }

export type DatabaseScript = readonly Step[]

const rowStep: fc.Arbitrary<RowStep> = fc.nat(SHAPES.length - 1).chain((collection) =>
  fc.record({
    collection: fc.constant(collection),
    action: fc.constantFrom('put', 'put', 'put', 'delete'),
    key: SHAPES[collection]?.keys ?? fc.constant([]),
    row: objects(value),
  }),
)

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('rows' as const),
      rows: fc.array(rowStep, { minLength: 1, maxLength: 5 }),
      fails: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('generated' as const, 'reopen' as const, 'rename' as const, 'drop' as const),
      collection: fc.nat(SHAPES.length - 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), collection: fc.nat(SHAPES.length - 1) }),
  },
)

/** What happens to a sampled database. */
export const databaseScript: fc.Arbitrary<DatabaseScript> = fc.array(anyStep, { minLength: 1, maxLength: 14 })

/** The longest of some scripts, most of them with a checkpoint after every third step. */
export function scriptsWithCheckpoints(seed: number, howMany: number): DatabaseScript[] {
  const scripts = fc.sample(databaseScript, { seed, numRuns: 4 * howMany })
  const longest = scripts.toSorted((a, b) => b.length - a.length).slice(0, howMany)
  return longest.map((script, i) => {
    if (i % 4 === 0) return script
    return script.flatMap((step, n): Step[] =>
      n % 3 === 2 ? [step, { kind: 'checkpoint', collection: n % SHAPES.length }] : [step],
    )
  })
}

/** Carries a script out; the bytes of the closed file. */
export async function buildDatabase(script: DatabaseScript): Promise<Uint8Array> {
  const storage = new MemoryStorage()
  const { randomBytes } = nodePlatform()
  // A checkpoint writes one node at a time, and no two databases have the same generation.
  const Sampled = databaseOn(fixedPlatform(storage, { checkpointSliceBytes: 1, randomBytes }))
  let db = await Sampled.open(IMAGE)
  for (const next of script) {
    if (next.kind === 'reopen') {
      await db.close()
      db = await Sampled.open(IMAGE, { recovery: 'strict' })
    } else await carryOut(db, next)
  }
  await db.close()
  return fileBytes(storage, IMAGE)
}

async function carryOut(db: Database, step: Step): Promise<void> {
  if (step.kind === 'rows') return await writeRows(db, step.rows, step.fails)
  if (step.kind === 'generated') return await insertGenerated(db)
  if (step.kind === 'checkpoint') return await takeCheckpoint(db, step.collection)
  const { collection, kind } = step
  const present = await register(db, collection)
  if (kind === 'drop') await db.dropCollection(present)
  if (kind === 'rename') await db.renameCollection(present, `${present}, then ${db.collectionNames().length}`)
}

async function register(db: Database, collection: number): Promise<string> {
  const shape = SHAPES[collection]
  if (shape === undefined) throw new TypeError(`There is no shape ${collection}.`)
  const called = `collection ${collection}`
  const indexes = { byKey: { on: shape.primaryKey }, byField: { on: 'a' } }
  await db.registerCollection(called, shape.fields, shape.primaryKey, collection === 0 ? {} : { indexes })
  return called
}

class OnPurpose extends Error {}

/** One transaction; with `fails`, its rows are first written in one that rolls back. */
async function writeRows(db: Database, rows: readonly RowStep[], fails: boolean): Promise<void> {
  for (const { collection } of rows) await register(db, collection)
  const attempt = (give: boolean): Promise<void> =>
    db.transaction((tx) => {
      for (const { collection, action, key, row } of rows) {
        const target = tx.collection(`collection ${collection}`)
        const parts = key.length === 1 && key[0] !== undefined ? key[0] : key
        if (action === 'put') target.put(withKey(row, SHAPES[collection]?.primaryKey ?? [], key))
        else target.delete(parts)
      }
      if (!give) throw new OnPurpose()
    })
  if (fails) await attempt(false).catch((error: unknown) => expectOnPurpose(error))
  await attempt(true)
}

function expectOnPurpose(error: unknown): void {
  if (!(error instanceof OnPurpose)) throw error
}

async function insertGenerated(db: Database): Promise<void> {
  await db.registerCollection('counted', [{ path: ['n'], type: 'int', generated: true }], 'n')
  await db.registerCollection('named', [{ path: ['u'], type: 'uuid', generated: true }], 'u')
  await db.insert('counted', { text: 'one more' })
  await db.insert('named', { text: 'one more' })
}

/** A checkpoint; some of them with commits between the one that it describes, its nodes, and its own frame. */
async function takeCheckpoint(db: Database, commitsMeanwhile: number): Promise<void> {
  const taken = db.checkpoint()
  if (commitsMeanwhile > 1 && db.collectionNames().includes('counted')) {
    for (let i = 0; i < commitsMeanwhile; i++) db.collection('counted').insertSync({ text: 'meanwhile' })
  }
  await taken
}

/** The row with the parts of its key where the definition looks for them. */
function withKey(
  row: Record<string, unknown>,
  primaryKey: readonly string[],
  key: readonly KeyPart[],
): Record<string, unknown> {
  const whole = { ...row }
  for (const [i, path] of primaryKey.entries()) {
    const [outer = '', inner] = path.split('.')
    whole[outer] = inner === undefined ? key[i] : { [inner]: key[i] }
  }
  return whole
}
