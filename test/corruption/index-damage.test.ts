/**
 * Damage below the newest checkpoint, and in it: every part of a node, of an old record and of the checkpoint's frame.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { CorruptionError } from '../../src/errors.js'
import { count, sampled, seed, UNHURRIED_MS } from '../support/counts.js'
import { FaultyStorage } from '../support/faulty-storage.js'
import { flipped } from '../support/log-images.js'
import { type Random, randomFrom } from '../support/random.js'
import { openOn, PATH, storageWith } from './databases.js'
import { type IndexCase, indexViolations } from './index-harness.js'
import {
  type IndexSample,
  indexSample,
  type Part,
  rowsIn,
  type SampleNode,
  type SampleRecord,
  SMALL,
  TALL,
} from './index-sample.js'

/** Flips in each part. */
const FLIPS: number = count(1, 40)

let settled: IndexSample
let withTail: IndexSample
beforeAll(async () => {
  settled = await indexSample(0)
  withTail = await indexSample(6)
})

function flipIn(
  sample: IndexSample,
  { name, start, end }: Part,
  random: Random,
): Pick<IndexCase, 'bytes' | 'fault'> {
  const offset = start + random.below(end - start)
  const bit = random.below(8)
  return {
    bytes: flipped(sample.bytes, offset, bit),
    fault: `bit ${bit} of byte ${offset} flipped, in ${name}`,
  }
}

function some<T>(items: readonly T[], random: Random): T {
  const item = items[random.below(items.length)]
  if (item === undefined) throw new TypeError('a sample with something to choose from')
  return item
}

/** A flip in each of the parts, as often as this run asks for. */
async function violationsOf(
  parts: readonly Part[],
  make: (part: Part, random: Random) => IndexCase,
): Promise<string[]> {
  const random = randomFrom(seed)
  const violations: string[] = []
  for (let i = 0; i < FLIPS; i++)
    for (const part of sampled(parts, 2)) violations.push(...(await indexViolations(make(part, random))))
  console.log(`${FLIPS * sampled(parts, 2).length} flips, VARVE_SEED=${seed}`)
  return violations
}

const newestOf = ({ checkpoints }: IndexSample): number | undefined => checkpoints.at(-1)

/** The node cannot be read, and nothing below it. */
function damagedNode(sample: IndexSample, node: SampleNode, part: Part, random: Random): IndexCase {
  return {
    sample,
    ...flipIn(sample, part, random),
    unreadable: new Map(node.rows.map((row) => [row, node.position])),
    from: newestOf(sample),
    listed: { kind: 'node', offset: node.position },
    kinds: ['node', 'frame'],
  }
}

const below = ({ nodes }: IndexSample, height: number): SampleNode[] =>
  nodes.filter((node) => node.collection === TALL && node.height === height && !node.isRoot)

/** What a point read checks: not the place of the record's frame, nor that of the row's previous version. */
const isChecked = ({ name }: Part): boolean => name !== 'distance' && name !== 'previous'

function damagedRecord(sample: IndexSample, record: SampleRecord, part: Part, random: Random): IndexCase {
  const { row, position, frame } = record
  return {
    sample,
    ...flipIn(sample, part, random),
    unreadable: new Map(isChecked(part) ? [[row, position]] : []),
    from: newestOf(sample),
    // The frame fails its checksum whatever the part; the record only where its own covers it.
    listed: isChecked(part) ? { kind: 'record', offset: position } : { kind: 'chain', offset: frame },
    kinds: isChecked(part) ? ['record', 'frame', 'chain'] : ['frame', 'chain'],
  }
}

describe('the sample', () => {
  it('has several checkpoints and a tree of three levels, with nodes of each of them', async () => {
    const { checkpoints, nodes, model } = settled
    expect(checkpoints).toHaveLength(3)
    expect(
      new Set(nodes.filter(({ collection }) => collection === TALL).map(({ height }) => height)),
    ).toEqual(new Set([0, 1, 2]))
    expect(new Set(nodes.map(({ storedBy }) => storedBy))).toEqual(new Set([1, 2, 3]))
    expect(nodes.find(({ isRoot }) => isRoot)?.rows.length).toBeGreaterThan(190)
    expect(model.size).toBeGreaterThan(190)
  })
})

describe('damage below the newest checkpoint', { timeout: UNHURRIED_MS }, () => {
  it.each([
    ['a leaf', 0],
    ['an inner node', 1],
  ])('in each part of %s costs the rows below it, and nothing else', async (_what, height) => {
    for (const sample of [settled, withTail]) {
      const random = randomFrom(seed + height)
      // What the commits behind the checkpoint need is another case.
      const node = some(
        below(sample, height).filter(({ rows }) => !rows.some((row) => sample.tail.includes(row))),
        random,
      )
      expect(
        await violationsOf(node.parts, (part, chance) => damagedNode(sample, node, part, chance)),
      ).toEqual([])
    }
  })

  it('in each part of an old record costs that row, and nothing else', async () => {
    for (const sample of [settled, withTail]) {
      const random = randomFrom(seed)
      const record = some(
        sample.records.filter(({ row }) => !sample.tail.includes(row)),
        random,
      )
      const parts = record.parts.filter(isChecked)
      expect(
        await violationsOf(parts, (part, chance) => damagedRecord(sample, record, part, chance)),
      ).toEqual([])
    }
  })
})

describe('damage that an open meets', { timeout: UNHURRIED_MS }, () => {
  it.each([
    ['at the end of the log', () => settled],
    ['with commits behind it', () => withTail],
  ])(
    'in each part of the newest checkpoint, %s, has it start from the one before that',
    async (_where, sampleOf) => {
      const sample = sampleOf()
      const make = (part: Part, random: Random): IndexCase => ({
        sample,
        ...flipIn(sample, part, random),
        unreadable: new Map(),
        from: sample.checkpoints.at(-2),
        listed: { kind: 'checkpoint', offset: newestOf(sample) ?? 0 },
        kinds: ['checkpoint', 'frame', 'chain'],
      })
      expect(await violationsOf(sample.frame, make)).toEqual([])
    },
  )

  it('in a node that a replay needs has it start from one before that node, or go back to one when the tree is needed', async () => {
    const sample = withTail
    const newest = sample.checkpoints.at(-1)
    const needed = sample.nodes.filter(
      ({ isRoot, rows }) => isRoot || rows.some((row) => sample.tail.includes(row)),
    )
    expect(new Set(needed.map(({ height }) => height))).toEqual(new Set([0, 1, 2]))
    for (const node of needed) {
      const make = (part: Part, random: Random): IndexCase => ({
        ...damagedNode(sample, node, part, random),
        unreadable: new Map(),
        from: node.isRoot ? sample.checkpoints[node.storedBy - 2] : newest,
        kinds: ['checkpoint', 'node', 'frame'],
      })
      const random = randomFrom(seed)
      const parts = [some(node.parts, random), some(node.parts, random), some(node.parts, random)]
      expect(await violationsOf(parts, make)).toEqual([])
    }
  })
})

describe('damage that is met behind an open', () => {
  it('has trees taken from an older checkpoint while nobody waits for them', async () => {
    const [sample, random] = [withTail, randomFrom(seed)]
    const isNeeded = ({ rows }: SampleNode): boolean => rows.some((row) => sample.tail.includes(row))
    const node = sample.nodes.find((one) => one.height === 1 && one.storedBy === 3 && isNeeded(one))
    if (node === undefined) throw new TypeError('a sample with a node that is needed')
    const storage = new FaultyStorage(
      storageWith({ [PATH]: flipIn(sample, some(node.parts, random), random).bytes }),
    )
    const db = openOn(storage, { mode: 'readWrite' })
    expect(db.recoveryInfo.checkpointOffset).toBe(sample.checkpoints.at(-1))
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    const { read } = storage.calls
    const { unstoredBytes } = db.stats().index
    expect(unstoredBytes).toBeGreaterThan(0)
    // Nothing is left to be made: counting reads what the tree does not have in memory, and the log no more.
    expect(db.count(TALL, { gte: '' })).toBe(
      [...sample.model.keys()].filter((row) => row.startsWith(TALL)).length,
    )
    expect(db.stats().index.unstoredBytes).toBe(unstoredBytes)
    expect(storage.calls.read - read).toBeLessThan(4)
    for (const [row, text] of rowsIn(db, TALL)) expect(text).toBe(sample.model.get(row))
    await db.close()
  })
})

describe('damage that nothing can do without', () => {
  it('costs what needs the tree, each time at once, and not the rows that an open deferred', () => {
    const [sample, random] = [withTail, randomFrom(seed)]
    const [, second = 0, newest = 0] = sample.checkpoints
    const isNeeded = ({ rows }: SampleNode): boolean => rows.some((row) => sample.tail.includes(row))
    const node = sample.nodes.find((one) => one.height === 1 && one.storedBy === 3 && isNeeded(one))
    // Without it the tree cannot be built anew from the checkpoint before the node.
    const record = sample.records.find(({ frame }) => frame > second && frame < newest)
    if (node === undefined || record === undefined) throw new TypeError('a sample with both')
    const { bytes } = flipIn(sample, some(node.parts, random), random)
    const file = flipIn({ ...sample, bytes }, some(record.parts, random), random).bytes
    const storage = new FaultyStorage(storageWith({ [PATH]: file }))
    const db = openOn(storage, { mode: 'readOnly' })
    for (let i = 0; i < 2; i++) {
      const { read } = storage.calls
      expect(() => [...rowsIn(db, TALL)]).toThrow(CorruptionError)
      const snapshot = db.snapshot()
      expect(() => [...snapshot.collection(TALL).range()]).toThrow(CorruptionError)
      snapshot.close()
      if (i > 0) expect(storage.calls.read).toBe(read)
      for (const row of sample.tail)
        expect(db.get(TALL, row.slice(TALL.length + 1))?.['text']).toBe(sample.model.get(row))
      expect(db.count(TALL)).toBe([...sample.model.keys()].filter((row) => row.startsWith(TALL)).length)
      expect([...rowsIn(db, SMALL)]).toHaveLength(5)
    }
    db.closeSync()
  })
})

describe('the harness', () => {
  it('canary: with a checksum that always agrees, wrong values are seen', async () => {
    const platform = { checksum: () => 0 }
    const sample = await indexSample(0, platform)
    const random = randomFrom(seed)
    const record = some(sample.records, random)
    const value = record.parts.at(-1)
    if (value === undefined) throw new TypeError('a record with a value')
    const last = { ...value, start: value.end - 1 }
    // The last letter of a text becomes another one, so that the row can still be decoded.
    const bytes = flipped(sample.bytes, last.start, random.below(7))
    const one = { ...damagedRecord(sample, record, last, random), bytes, platform }
    const violations = await indexViolations(one)
    expect(violations.join('\n')).toMatch(/row .* is .*, not /u)
    expect(violations.join('\n')).toContain('verify lists nothing')
  })

  it('canary: an error with another offset, or from another checkpoint, is seen', async () => {
    const sample = settled
    const random = randomFrom(seed)
    const node = some(below(sample, 0), random)
    const part = some(node.parts, random)
    const one = damagedNode(sample, node, part, random)
    const elsewhere = { ...one, unreadable: new Map(node.rows.map((row) => [row, node.position + 1])) }
    expect((await indexViolations(elsewhere)).join('\n')).toContain('threw CorruptionError')
    expect((await indexViolations({ ...one, from: undefined })).join('\n')).toContain('it opened from')
    expect((await indexViolations({ ...one, unreadable: new Map() })).length).toBeGreaterThan(
      node.rows.length,
    )
  })
})
