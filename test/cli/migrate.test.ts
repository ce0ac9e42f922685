/** `varve migrate`: what ran, what would, and doing it. */
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/index.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { envelopeOf } from './envelope.js'
import { type Ended, varve } from './run.js'

const directory = temporaryDirectory()
const NAME = 'shop.varve'
const run = async (...args: string[]): Promise<Ended> =>
  await varve(['migrate', NAME, ...args], { cwd: directory.path, input: '' })

const module = (max: number): string => `export const migrations = [
  { version: 1, name: 'cents', collection: 'goods', steps: [
    { transform: (row) => ({ ...row, price: row.price * 100 }) },
    { changeField: { path: ['price'], type: 'int', max: ${max} } },
    { addIndex: 'byPrice', index: { on: 'price' } },
  ] },
]
`

beforeAll(async () => {
  const db = await Database.open(directory.file(NAME))
  await db.registerCollection('goods', [{ path: ['price'], type: 'int' }], 'id')
  for (const id of [1, 2, 3]) await db.put('goods', { id, price: id })
  await db.close()
  writeFileSync(directory.file('steps.mjs'), module(1000))
  writeFileSync(directory.file('tight.mjs'), module(200))
  writeFileSync(directory.file('none.mjs'), 'export const other = 1\n')
})
afterAll(() => directory.remove())

describe('migrate', () => {
  it('says what would happen, does it once, and says what has happened', async () => {
    expect((await run('status')).stdout).toBe('No migration has run.\n')
    const tight = await run('plan', 'tight.mjs', '--json')
    expect(tight.code).toBe(1)
    expect(envelopeOf(tight.stdout).result).toMatchObject({
      migrations: [{ rows: 3, changed: 3, misfits: 1 }],
    })
    const plan = await run('plan', 'steps.mjs')
    expect(plan.code).toBe(0)
    expect(plan.stdout).toContain('would change  3')
    const failing = await run('apply', 'tight.mjs')
    expect(failing.code).toBe(2)
    expect(failing.stderr).toContain('price')
    const applied = await run('apply', 'steps.mjs', '--json')
    expect(envelopeOf(applied.stdout).result).toMatchObject({ dryRun: false, migrations: [{ changed: 3 }] })
    expect((await run('apply', 'steps.mjs')).stdout).toBe('Nothing to do: 1 migration ran before.\n')
    expect((await run('status')).stdout).toContain('Migration 1: cents')
    const db = await Database.open(directory.file(NAME), { mode: 'readOnly' })
    expect(db.get('goods', 2)).toEqual({ id: 2, price: 200 })
    expect(db.collection('goods').definition.indexes.map(({ name }) => name)).toEqual(['byPrice'])
    await db.close()
  })

  it.each([
    [['begin'], 2, "no action 'begin'"],
    [['plan'], 2, 'needs the module'],
    [['status', 'steps.mjs'], 2, 'takes no module'],
    [['apply', 'none.mjs'], 1, 'exports no array'],
    [['apply', 'missing.mjs'], 1, 'cannot be loaded'],
  ])('refuses %j', async (args, exitCode, message) => {
    const ended = await run(...args)
    expect(ended.stderr).toContain(message)
    expect(ended.code).toBe(exitCode)
  })
})
