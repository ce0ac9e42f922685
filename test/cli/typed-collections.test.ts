/** Collections that a program defined: what the commands show of them, convert for them, and refuse to write past. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database, defineCollection, field } from '../../src/index.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { envelopeOf } from './envelope.js'
import { type Ended, varve } from './run.js'

const directory = temporaryDirectory()
const run = async (args: readonly string[], input = ''): Promise<Ended> =>
  await varve(args, { cwd: directory.path, input })

const Plain = defineCollection({
  name: 'plain',
  primaryKey: 'id',
  fields: {
    id: field.int().min(1),
    at: field.object({ day: field.timestamp(), size: field.int64().default(5n) }),
    kind: field.enum(['a', 'b']).optional(),
  },
})
const Coded = defineCollection({
  name: 'coded',
  primaryKey: 'id',
  fields: { id: field.int(), mark: field.string().default(() => 'made') },
})

beforeAll(
  async () => await (await Database.open(directory.file('a.varve'), { collections: [Plain, Coded] })).close(),
)
afterAll(() => directory.remove())

describe('typed collections', () => {
  it('are shown with nested fields, constraints and rules in code', async () => {
    const { stdout } = await run(['dump-catalog', 'a.varve'])
    expect(stdout).toContain('id: int, min 1')
    expect(stdout).toContain('at.day: timestamp')
    expect(stdout).toContain(`kind: enum, 'a' | 'b', optional`)
    expect(stdout).toContain('default of mark')
    const { result } = envelopeOf((await run(['dump-catalog', 'a.varve', '--json'])).stdout)
    expect(result).toMatchObject({
      collections: [
        { name: 'plain', unknownFields: 'refuse' },
        { name: 'coded', codeRules: { defaults: ['mark'], validator: false } },
      ],
    })
  })

  it('have nested fields converted, and rows checked', async () => {
    const header = 'id,at.day,at.size\n'
    const good = await run(
      ['import', 'a.varve', 'plain', '-', '--format', 'csv'],
      `${header}1,2020-01-01T00:00:00Z,\n`,
    )
    expect(good).toMatchObject({ code: 0 })
    const bad = await run(
      ['import', 'a.varve', 'plain', '-', '--format', 'csv'],
      `${header}0,2020-01-01T00:00:00Z,\n`,
    )
    expect(bad.code).toBe(1)
    expect(bad.stderr).toContain('at least 1')
    const exported = await run(['export', 'a.varve', 'plain', '--format', 'csv'])
    expect(exported.stdout.split('\n').slice(0, 2)).toEqual([
      'id,at.day,at.size,kind',
      '1,2020-01-01T00:00:00.000Z,5,',
    ])
  })

  it('with rules in code are written to with --unchecked alone', async () => {
    const refused = await run(['import', 'a.varve', 'coded', '-'], '{"id":1}\n')
    expect(refused.code).toBe(6)
    expect(refused.stderr).toContain('--unchecked')
    expect(await run(['import', 'a.varve', 'coded', '-', '--unchecked'], '{"id":1}\n')).toMatchObject({
      code: 0,
    })
    const bad = await run(['import', 'a.varve', 'coded', '-', '--unchecked'], '{"id":2,"extra":5}\n')
    expect(bad.code).toBe(1)
  })
})
