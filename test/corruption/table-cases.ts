/**
 * Files for every row of the recovery table: made by hand, and real ones that were cut or flipped. Each says what an
 * open must find.
 */
import { FrameKind } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import type { RecoveryClass } from '../../src/log/recovery-info.js'
import { COLLECTION, flipped, LogImage, rowRecord, zeroed } from '../support/log-images.js'
import { fileBytes, openOn, storageWith } from './databases.js'

export interface TableCase {
  readonly name: string
  readonly bytes: Uint8Array
  readonly classification: RecoveryClass
  /** X. Undefined for a clean log. */
  readonly breakOffset: number | undefined
  readonly watermark: number
  /** Ids of the rows that stand before X. */
  readonly ids: readonly string[]
  /** Whole commits behind X. */
  readonly cut?: readonly number[] | undefined
}

/** A log of the commits `register`, `a`, `b`, `c`. */
function threeRows(): { image: LogImage; ends: readonly [number, number, number, number]; starts: number[] } {
  const image = new LogImage()
  const catalog = image.register()
  const [a, b, c] = image.rows('a', 'b', 'c')
  if (a === undefined || b === undefined || c === undefined) throw new TypeError('three rows')
  return {
    image,
    ends: [catalog.end, a.end, b.end, c.end],
    starts: [catalog.offset, a.offset, b.offset, c.offset],
  }
}

const ALL = ['a', 'b', 'c']

function cleanCases(): TableCase[] {
  const plain = threeRows()
  const whole = { classification: 'clean', breakOffset: undefined, ids: ALL } as const
  const watermark = plain.image.last.end
  const behind = { watermark: LOG_START, watermarkSequence: 0 }
  const ahead = threeRows().image
  ahead.zeros(4096)
  const index = threeRows().image
  index.frame(FrameKind.indexNodes, new Uint8Array(100).fill(7))
  index.frame(FrameKind.checkpoint, new Uint8Array(20).fill(7))
  const named = threeRows().image
  named.frame(FrameKind.indexNodes, new Uint8Array(100).fill(7))
  const { offset: checkpoint, end: checkpointEnd } = named.frame(
    FrameKind.checkpoint,
    new Uint8Array(20).fill(7),
  )
  const marked = threeRows().image
  marked.mark(marked.last.end)
  const between = threeRows().image
  const { offset } = between.mark(LOG_START)
  between.rows('d')
  return [
    { name: 'ends with a commit at W', bytes: plain.image.file(), watermark, ...whole },
    { name: 'ends with a commit past W', bytes: plain.image.file(behind), ...whole, watermark: LOG_START },
    { name: 'goes on with zeros laid ahead', bytes: ahead.file(), watermark, ...whole },
    { name: 'zeros laid ahead, past W', bytes: ahead.file(behind), ...whole, watermark: LOG_START },
    { name: 'ends with complete frames of no commit', bytes: index.file(), watermark, ...whole },
    {
      name: 'ends with a bad header of the checkpoint that is named',
      bytes: flipped(named.file({ checkpoint, checkpointEnd }), checkpoint + 20),
      watermark,
      ...whole,
    },
    { name: 'ends with a mark', bytes: marked.file(behind), watermark, ...whole },
    {
      name: 'holds bad bytes that cost no commit',
      bytes: flipped(between.file(), offset + 20),
      ...whole,
      watermark: between.last.end,
      ids: [...ALL, 'd'],
    },
  ]
}

function shortCases(): TableCase[] {
  const { image, ends, starts } = threeRows()
  const bytes = image.file()
  const watermark = ends[3]
  const short = { classification: 'shortFile', watermark } as const
  const inC = (starts[3] ?? 0) + 60
  return [
    {
      name: 'cut at the end of a commit before W',
      bytes: bytes.slice(0, ends[2]),
      ...short,
      breakOffset: ends[2],
      ids: ['a', 'b'],
    },
    {
      name: 'cut within a commit before W',
      bytes: bytes.slice(0, inC),
      ...short,
      breakOffset: ends[2],
      ids: ['a', 'b'],
    },
    {
      name: 'cut at the begin of the log',
      bytes: bytes.slice(0, LOG_START),
      ...short,
      breakOffset: LOG_START,
      ids: [],
    },
    {
      name: 'zeros from a commit before W on',
      bytes: zeroed(bytes, ends[1], ends[3]),
      ...short,
      breakOffset: ends[1],
      ids: ['a'],
    },
    {
      name: 'zeros from a commit before W to past it',
      bytes: zeroed(bytes, ends[1], ends[3] + 4096),
      ...short,
      breakOffset: ends[1],
      ids: ['a'],
    },
    {
      name: 'cut within the second superblock',
      bytes: bytes.slice(0, 9000),
      ...short,
      watermark: LOG_START,
      breakOffset: LOG_START,
      ids: [],
    },
  ]
}

function uncommittedCases(): TableCase[] {
  const tail = (lists: number, zeros: number): TableCase => {
    const { image, ends } = threeRows()
    image.several(
      Array.from({ length: lists }, (_, i) => [rowRecord(`x${i}`)]),
      { committed: false },
    )
    image.zeros(zeros)
    return {
      name: `${lists} frames of records without their commit, and ${zeros} zeros`,
      bytes: image.file(),
      classification: 'uncommittedTail',
      breakOffset: ends[3],
      watermark: ends[3],
      ids: ALL,
    }
  }
  return [tail(0, 0), tail(1, 0), tail(3, 0), tail(2, 4096)]
}

function tornCases(): TableCase[] {
  const torn = (name: string, change: (image: LogImage) => void, cut?: number[]): TableCase => {
    const { image, ends } = threeRows()
    const durable = { watermark: ends[3], watermarkSequence: image.last.sequence }
    change(image)
    return {
      name,
      bytes: image.file(durable),
      classification: 'tornTail',
      breakOffset: ends[3],
      watermark: ends[3],
      ids: ALL,
      cut,
    }
  }
  const whole = (image: LogImage, ...ids: string[]): Uint8Array => {
    const from = image.end
    image.rows(...ids)
    return image.file().slice(from)
  }
  const cases = [
    torn('bytes that are no frame', (image) => image.raw(new Uint8Array(40).fill(0xa5))),
    torn('garbage, then zeros', (image) => (image.raw(new Uint8Array(64).fill(1)), image.zeros(4096))),
    torn(
      'a commit without its begin',
      (image) => {
        const from = image.end
        image.several([[rowRecord('x')]])
        return strip(image, from, 72)
      },
      [5],
    ),
    torn(
      'a commit whose frames are fewer than it says',
      (image) => {
        image.several([[rowRecord('x')]], { block: (block) => void (block.frames += 1) })
      },
      [5],
    ),
    torn(
      'a commit whose frames are others than it says',
      (image) => {
        image.several([[rowRecord('x')]], { block: (block) => void (block.framesCrc ^= 1) })
      },
      [5],
    ),
    torn('records without their transaction', (image) => {
      image.frame(FrameKind.txnRecords, new Uint8Array(0))
    }),
    torn('an uncommitted transaction, then an incomplete frame', (image) => {
      image.several([[rowRecord('x')]], { committed: false })
      image.raw(whole(new LogImage(), 'y').slice(0, 30))
    }),
    torn('an incomplete frame of index nodes', (image) => {
      const from = image.end
      image.frame(FrameKind.indexNodes, new Uint8Array(500).fill(3))
      image.truncate(from + 300)
    }),
    torn(
      'a commit that names another one',
      (image) => {
        image.commit([rowRecord('x')], { previous: { ...image.last, crc: image.last.crc ^ 1 } })
      },
      [5],
    ),
  ]
  return [...cases, ...tornFrames()]
}

/** The last commit, past W, wrong in several places; and a hole with whole commits behind it. */
function tornFrames(): TableCase[] {
  const { image, ends, starts } = threeRows()
  const [offset, end] = [starts[3] ?? 0, ends[3]]
  const bytes = image.file({ watermark: ends[2], watermarkSequence: 3 })
  const torn = {
    classification: 'tornTail',
    breakOffset: ends[2],
    watermark: ends[2],
    ids: ['a', 'b'],
  } as const
  const at = (name: string, changed: Uint8Array): TableCase => ({ name, bytes: changed, ...torn })
  const hole = {
    classification: 'tornTail',
    breakOffset: ends[0],
    watermark: ends[0],
    ids: [],
    cut: [3, 4],
  } as const
  const early = image.file({ watermark: ends[0], watermarkSequence: 1 })
  return [
    at('a frame cut within its header', bytes.slice(0, offset + 20)),
    at('a frame cut within its payload', bytes.slice(0, offset + 70)),
    at('a frame with a bad header', flipped(bytes, offset + 9)),
    at('a frame with a bad payload', flipped(bytes, end - 8)),
    at('a frame whose end is zeros', zeroed(bytes, offset + 64, end)),
    at('a frame whose begin is zeros', zeroed(bytes, offset, offset + 48)),
    {
      name: 'a hole, then whole commits, none acknowledged',
      bytes: zeroed(early, ends[0], ends[1]),
      ...hole,
    },
    {
      name: 'bad bytes, then whole commits, none acknowledged',
      bytes: flipped(early, ends[0] + 60),
      ...hole,
    },
  ]
}

function damageCases(): TableCase[] {
  const { image, ends, starts } = threeRows()
  const bytes = image.file()
  const [, a = 0, b = 0, c = 0] = starts
  const damage = { classification: 'damage', watermark: ends[3] } as const
  const first = { ...damage, breakOffset: a, ids: [], cut: [3, 4] }
  const last = { ...damage, breakOffset: c, ids: ['a', 'b'] }
  const older = image.file({ watermark: LOG_START, watermarkSequence: 0 })
  return [
    { name: 'a bad header before W', bytes: flipped(bytes, a + 9), ...first },
    { name: 'a bad payload before W', bytes: flipped(bytes, a + 60), ...first },
    { name: 'a hole before W', bytes: zeroed(bytes, ends[0], ends[1]), ...first },
    { name: 'bad bytes in the last commit, at W', bytes: flipped(bytes, c + 100), ...last },
    { name: 'a flipped length that looks like a tail', bytes: flipped(bytes, c + 9, 6), ...last },
    {
      name: 'the middle one bad',
      bytes: flipped(bytes, b + 70),
      ...damage,
      breakOffset: b,
      ids: ['a'],
      cut: [4],
    },
    statedBehind(
      'a commit',
      (behind, durable) => void behind.commit([rowRecord('d')], { watermark: durable }),
    ),
    statedBehind('a mark', (behind, durable) => void behind.mark(durable)),
    { ...missingBegin(), name: 'a commit without its begin before W' },
    {
      ...first,
      name: 'W that no frame states',
      bytes: flipped(older, a + 60),
      classification: 'tornTail',
      watermark: LOG_START,
    },
  ]
}

/** The superblock is behind; what stands behind the break says that it was acknowledged. */
function statedBehind(what: string, append: (image: LogImage, durable: number) => void): TableCase {
  const { image, ends, starts } = threeRows()
  append(image, ends[3])
  const bytes = flipped(image.file({ watermark: LOG_START, watermarkSequence: 0 }), (starts[1] ?? 0) + 60)
  return {
    name: `W stated by ${what} behind the break`,
    bytes,
    classification: 'damage',
    watermark: ends[3],
    breakOffset: ends[0],
    ids: [],
    cut: what === 'a commit' ? [3, 4, 5] : [3, 4],
  }
}

function missingBegin(): Omit<TableCase, 'name'> {
  const { image, ends } = threeRows()
  image.several([[rowRecord('x')], [rowRecord('y')]])
  const bytes = image.file()
  return {
    bytes: zeroed(bytes, ends[3], ends[3] + 72),
    classification: 'damage',
    breakOffset: ends[3],
    watermark: image.last.end,
    ids: ALL,
    cut: [5],
  }
}

/** A real database of four commits, as its writer's death leaves it and as a clean close does. */
function realCases(): TableCase[] {
  const storage = storageWith({})
  const db = openOn(storage)
  db.transactionSync((tx) => tx.registerCollection(COLLECTION, [], 'id'))
  const sizes = ALL.map((id) => {
    db.collection(COLLECTION).insertSync({ id, text: 'x'.repeat(300) })
    return logEnd(fileBytes(storage))
  })
  const killed = fileBytes(storage)
  db.closeSync()
  const closed = fileBytes(storage)
  const [a = 0, b = 0, c = 0] = sizes
  const whole = { ids: ALL, breakOffset: undefined, classification: 'clean' } as const
  const broken = { ids: ['a', 'b'], breakOffset: b }
  return [
    { name: 'real, closed', bytes: closed, watermark: c, ...whole },
    { name: 'real, killed, zeros laid ahead', bytes: killed, watermark: b, ...whole },
    {
      name: 'real, closed, cut',
      bytes: closed.slice(0, c - 100),
      watermark: c,
      classification: 'shortFile',
      ...broken,
    },
    {
      name: 'real, closed, flipped',
      bytes: flipped(closed, c - 100),
      watermark: c,
      classification: 'damage',
      ...broken,
    },
    {
      name: 'real, killed, cut',
      bytes: killed.slice(0, c - 100),
      watermark: a,
      classification: 'tornTail',
      ...broken,
    },
    {
      name: 'real, killed, flipped',
      bytes: flipped(killed, c - 100),
      watermark: a,
      classification: 'tornTail',
      ...broken,
    },
    {
      name: 'real, killed, flipped before W',
      bytes: flipped(killed, b - 100),
      watermark: b,
      classification: 'damage',
      ids: ['a'],
      breakOffset: a,
      cut: [4],
    },
  ]
}

/** Behind the last byte that is not zero, at a multiple of 8. */
function logEnd(bytes: Uint8Array): number {
  return Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / 8) * 8
}

/** Takes `length` bytes out of the log at `from` by zeroing them. */
function strip(image: LogImage, from: number, length: number): void {
  const rest = image.file().slice(from + length)
  image.truncate(from)
  image.zeros(length)
  image.raw(rest)
}

export const TABLE: readonly TableCase[] = [
  ...cleanCases(),
  ...shortCases(),
  ...uncommittedCases(),
  ...tornCases(),
  ...damageCases(),
  ...realCases(),
]
