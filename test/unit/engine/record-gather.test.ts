/** How a copy reads the records of a tree: by pieces of the file, where they lie near each other. */
import { describe, expect, it, vi } from 'vitest'
import { RecordGather } from '../../../src/engine/record-gather.js'
import { viewOf } from '../../../src/format/integers.js'
import { LogBuffer } from '../../../src/log/log-buffer.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { runSync } from '../../../src/storage/task.js'
import { RecordRef, Tree, TreeEditor } from '../../../src/tree/index.js'
import { randomFrom } from '../../support/random.js'
import { runSeed } from '../../support/seed.js'

const START = 12_288
const PIECE = 64 * 1024
const random = randomFrom(runSeed())

const byteAt = (position: number): number => (position + Math.floor(position / 251)) & 255

/** Gathers records of one length, whose keys are in this order, and says how often the file was read. */
function readsOf(positions: readonly number[], lengthBytes: number): number {
  const editor = new TreeEditor(Tree.empty)
  for (const [i, position] of positions.entries()) {
    const key = new Uint8Array(4)
    viewOf(key).setUint32(0, i)
    editor.set(key, position, lengthBytes, i, new RecordRef())
  }
  const file = new MemoryStorage().open('x', 'create')
  vi.spyOn(file, 'size').mockReturnValue(2 ** 46)
  const reads = vi.spyOn(file, 'read').mockImplementation((target, position) => {
    for (let i = 0; i < target.length; i++) target[i] = byteAt(position + i)
    return target.length
  })
  const gather = new RecordGather({ file, checksum: () => 0, tree: editor.freeze(), collectionId: 1 })
  let gathered = 0
  while (runSync(gather.next())) {
    const buffer = new LogBuffer(0)
    for (let i = 0; i < gather.count; i++) gather.places[i] = buffer.grow(lengthBytes)
    runSync(gather.readTo(buffer))
    for (let i = 0; i < gather.count; i++) {
      const from = positions[gather.crcs[i] ?? 0] ?? 0
      const place = gather.places[i] ?? 0
      for (const at of [0, 1, lengthBytes - 1]) {
        if (buffer.bytes[place + at] !== byteAt(from + at))
          throw new Error(`byte ${at} of the record at ${from}`)
      }
    }
    gathered += gather.count
  }
  expect(gathered).toBe(positions.length)
  return reads.mock.calls.length
}

function shuffled(positions: readonly number[]): number[] {
  return positions
    .map((position) => [random.next(), position] as const)
    .sort(([a], [b]) => a - b)
    .map(([, position]) => position)
}

const dense = (count: number, lengthBytes: number): number[] =>
  Array.from({ length: count }, (_, i) => START + i * lengthBytes)

describe('the records of a copy', () => {
  it.each([100, 120, 500, 1000, 4000])(
    'are read a piece at a time where they lie close: %d bytes each',
    (length) => {
      const count = Math.floor(2e6 / length)
      const pieces = Math.ceil((START + count * length) / PIECE)
      expect(readsOf(shuffled(dense(count, length)), length)).toBeLessThanOrEqual(pieces)
    },
  )

  it.each([2 ** 35, 2 ** 36 + PIECE, 2 ** 45])('are so whatever lies far away from them: at %d', (far) => {
    const positions = shuffled(dense(10_000, 120))
    positions[777] = far
    expect(readsOf(positions, 120)).toBeLessThanOrEqual(Math.ceil((START + 1_200_000) / PIECE) + 1)
  })

  it('are read one by one where a piece holds few of them', () => {
    const positions = shuffled(Array.from({ length: 500 }, (_, i) => START + i * 50_000))
    expect(readsOf(positions, 200)).toBe(500)
  })
})
