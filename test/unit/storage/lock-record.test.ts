import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  LockState,
  TAIL_BYTES,
  decodeRecord,
  encodeRecord,
  encodeTail,
  kindOfName,
  recordName,
  isTemporaryName,
  temporaryName,
} from '../../../src/storage/lock/record.js'
import { recordOf } from '../../support/lock/forge.js'
import { count, seed } from '../../support/counts.js'

const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed())
const natural = fc.nat()
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined })
const state = fc.constantFrom(...Object.values(LockState))
const heartbeat = fc.nat(999_999_999)
const record = fc
  .record({
    kind: fc.constantFrom('writer' as const, 'reader' as const),
    since: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(8e15) }),
    path: text,
    descriptor: natural,
    state,
    heartbeat,
    owner: fc.record({
      host: text,
      bootId: optional(text),
      namespace: optional(text),
      pid: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      processStart: optional(text),
      threadId: natural,
      task: optional(fc.record({ id: natural, start: text })),
    }),
  })
  .map((fields) => recordOf(fields))

describe('a lock record', () => {
  it('reads back as it was written', () => {
    const roundTrip = fc.property(record, (one) => {
      expect(decodeRecord(one.kind, encodeRecord(one))).toEqual(one)
    })
    fc.assert(roundTrip, { seed, numRuns: count(500, 20_000) })
  })

  it('is a record whatever mixture of an old and a new tail a reader meets', () => {
    const mixture = fc.property(
      record,
      state,
      heartbeat,
      fc.infiniteStream(fc.boolean()),
      (one, next, beats, takes) => {
        const before = encodeRecord(one)
        const after = before.slice(0, -TAIL_BYTES) + encodeTail(next, beats)
        expect(after).toHaveLength(before.length)
        const mixed = after.split('').map((letter, at) => (takes.next().value === true ? letter : before[at]))
        expect(decodeRecord(one.kind, mixed.join(''))).toMatchObject({ token: one.token, owner: one.owner })
      },
    )
    fc.assert(mixture, { seed, numRuns: count(500, 20_000) })
  })

  it('is never made out of anything else', () => {
    const whole = encodeRecord(recordOf())
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.nat(whole.length - 2).map((length) => whole.slice(0, length)),
    )
    const refused = fc.property(anything, (content) => {
      expect(decodeRecord('writer', content)).toBeUndefined()
    })
    fc.assert(refused, { seed, numRuns: count(2_000, 100_000) })
  })

  it.each([
    ['another kind than its name says', (): string => encodeRecord(recordOf({ kind: 'reader' }))],
    ['of a later version', (): string => encodeRecord(recordOf()).replace('"varveLock":1', '"varveLock":2')],
    ['of process 0', (): string => encodeRecord(recordOf()).replace(/"pid":\d+/u, '"pid":0')],
    ['of a negative process', (): string => encodeRecord(recordOf()).replace(/"pid":\d+/u, '"pid":-1')],
    ['in an unknown state', (): string => encodeRecord(recordOf()).replace('"state":1', '"state":3')],
    ['of an invalid date', (): string => encodeRecord(recordOf()).replace('2024-05', '2024-25')],
  ])('is refused: %s', (_, content) => {
    expect(decodeRecord('writer', content())).toBeUndefined()
  })

  it.each([0, 1, 951_782_400_009, 1_700_000_000_050, 253_402_300_799_999, 253_402_300_800_000])(
    'states its time to the millisecond: %d',
    (ms) => {
      const since = new Date(ms)
      expect(encodeRecord(recordOf({ since }))).toContain(`"since":"${since.toISOString()}"`)
    },
  )

  it('is known by its name', () => {
    const { token } = recordOf()
    expect(kindOfName(recordName('writer', token))).toBe('writer')
    expect(kindOfName(recordName('reader', token))).toBe('reader')
    expect(isTemporaryName(temporaryName(token))).toBe(true)
    const others = [
      'gate',
      temporaryName(token),
      `w-${token}x`,
      `w-${token.slice(1)}`,
      `x-${token}`,
      `W-${token}`,
    ]
    expect(others.map(kindOfName)).toEqual(others.map(() => undefined))
  })
})
