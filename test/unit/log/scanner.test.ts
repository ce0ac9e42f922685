import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Checksum } from '../../../src/format/checksum.js'
import {
  alignUp,
  FRAME_HEADER_BYTES,
  FrameHeader,
  FrameKind,
  shortGeneration,
  writeFrameHeader,
} from '../../../src/format/frame.js'
import { LOG_START } from '../../../src/format/header.js'
import { viewOf } from '../../../src/format/integers.js'
import { MAX_FRAME_PAYLOAD_BYTES } from '../../../src/format/limits.js'
import { LogScanner, type ScanOptions } from '../../../src/log/scanner.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { storageWith } from '../../corruption/databases.js'
import { checksum } from '../../support/decoding.js'
import { flipped, GENERATION_ID, LogImage, overwritten } from '../../support/log-images.js'
import { randomFrom } from '../../support/random.js'
import { seed } from '../../support/counts.js'

const { mark, indexNodes, checkpoint, transaction } = FrameKind

function fileOf(bytes: Uint8Array): StorageFile {
  return storageWith({ log: bytes }).open('log', 'read')
}

function scannerOf(bytes: Uint8Array, options: Partial<ScanOptions> = {}): LogScanner {
  const generation = shortGeneration(GENERATION_ID)
  return new LogScanner({
    file: fileOf(bytes),
    checksum,
    generation,
    maxEpoch: 9,
    from: LOG_START,
    ...options,
  })
}

/** Every event as text: what, from where, to where (both from the log's begin), and why. */
function scan(bytes: Uint8Array, options: Partial<ScanOptions> = {}): string[] {
  const scanner = scannerOf(bytes, options)
  const events: string[] = []
  for (;;) {
    const event = scanner.next()
    if (event === 'end') return events
    const place = `${scanner.offset - LOG_START}-${scanner.end - LOG_START}`
    const detail =
      event === 'gap'
        ? ` ${scanner.reason}`
        : event === 'frame' || event === 'badPayload'
          ? ` kind ${scanner.header.kind}${event === 'frame' && !scanner.paddingOk ? ' padding' : ''}`
          : ''
    events.push(`${event} ${place}${detail}`)
  }
}

/** Two frames of 56 and 64 bytes. */
function twoFrames(): LogImage {
  const image = new LogImage()
  image.frame(mark, new Uint8Array([1, 2, 3]))
  image.frame(transaction, new Uint8Array(16).fill(7))
  return image
}

describe('the log scanner', () => {
  it('meets the end of an empty log', () => {
    expect(scan(new LogImage().file())).toEqual([])
    expect(scan(new Uint8Array(100))).toEqual([])
  })

  it('meets frame after frame, and knows their payloads', () => {
    const bytes = twoFrames().file()
    expect(scan(bytes)).toEqual(['frame 0-56 kind 8', 'frame 56-120 kind 1'])
    const scanner = scannerOf(bytes)
    scanner.next()
    expect(scanner.bytes.slice(scanner.payloadStart, scanner.payloadEnd)).toEqual(new Uint8Array([1, 2, 3]))
    scanner.next()
    expect(scanner.bytes.slice(scanner.payloadStart, scanner.payloadEnd)).toEqual(new Uint8Array(16).fill(7))
    expect([scanner.next(), scanner.next()]).toEqual(['end', 'end'])
  })

  it('reads frames larger than its window, and frames across its edge', () => {
    const image = new LogImage()
    const random = randomFrom(3)
    const payloads = [1_048_500, 3_000_001, 40, 700_000, 700_001].map((length) => random.bytes(length))
    for (const payload of payloads) image.frame(transaction, payload)
    const scanner = scannerOf(image.file())
    for (const payload of payloads) {
      expect(scanner.next()).toBe('frame')
      const read = scanner.bytes.subarray(scanner.payloadStart, scanner.payloadEnd)
      expect(Buffer.compare(read, payload)).toBe(0)
    }
    expect(scanner.next()).toBe('end')
  })

  it.each([1, 8, 47, 48, 5000, 2_200_000])('takes %i zeros at the end for zeros laid ahead', (length) => {
    const image = twoFrames()
    image.zeros(length)
    expect(scan(image.file()).slice(2)).toEqual([`zeros 120-${120 + length}`])
  })

  it('does not take zeros for the end where something follows them', () => {
    const image = twoFrames()
    image.zeros(2_200_000)
    image.raw(new Uint8Array([1]))
    expect(scan(image.file()).slice(2)).toEqual(['gap 120-2200121 noFrame'])
    const found = twoFrames()
    found.zeros(2_200_000)
    found.frame(mark, new Uint8Array(16))
    expect(scan(found.file()).slice(2)).toEqual(['gap 120-2200120 noFrame', 'frame 2200120-2200184 kind 8'])
  })

  it('reports padding that is not zero, of a frame all the same', () => {
    expect(scan(flipped(twoFrames().file(), LOG_START + 53))).toEqual([
      'frame 0-56 kind 8 padding',
      'frame 56-120 kind 1',
    ])
  })

  it('takes a frame whose padding is cut off', () => {
    const image = new LogImage()
    image.frame(mark, new Uint8Array(3))
    expect(scan(image.file().slice(0, -5))).toEqual(['frame 0-56 kind 8'])
    expect(scan(image.file().slice(0, -6))).toEqual(['gap 0-50 incomplete'])
  })

  describe('meets a gap up to the next frame', () => {
    const behind = 'frame 64-120 kind 7'
    /** A first frame of 64 bytes that is wrong somehow, and one of 56 behind it. */
    const wrong = (make: (image: LogImage) => void): Uint8Array => {
      const image = new LogImage()
      make(image)
      image.frame(checkpoint, new Uint8Array(8))
      return image.file()
    }
    const payload = new Uint8Array(16).fill(9)

    it.each([
      ['no magic', 'noFrame', wrong((image) => image.raw(new Uint8Array(64).fill(0x56)))],
      [
        'a header that fails its checksum',
        'headerChecksum',
        flipped(
          wrong((image) => image.frame(mark, payload)),
          LOG_START + 40,
        ),
      ],
      [
        'the offset of another place',
        'wrongOffset',
        wrong((image) => image.frame(mark, payload, { offset: LOG_START + 8 })),
      ],
      [
        'another generation',
        'wrongGeneration',
        wrong((image) => image.frame(mark, payload, { generationId: '11'.repeat(16) })),
      ],
      [
        'an epoch that no superblock allows',
        'wrongEpoch',
        wrong((image) => image.frame(mark, payload, { epoch: 10 })),
      ],
    ])('over bytes with %s', (_what, reason, bytes) => {
      expect(scan(bytes)).toEqual([`gap 0-64 ${reason}`, behind])
    })

    it('over a header whose payload is longer than a frame may hold', () => {
      const bytes = wrong((image) => image.frame(mark, payload))
      expect(scan(withLength(bytes, MAX_FRAME_PAYLOAD_BYTES + 1))).toEqual(['gap 0-64 payloadLength', behind])
    })

    it('over a header whose payload is longer than the file', () => {
      expect(
        scan(
          withLength(
            wrong((image) => image.frame(mark, payload)),
            4000,
          ),
        ),
      ).toEqual(['gap 0-64 incomplete', behind])
    })

    it('over a frame of a lower epoch than one before it', () => {
      const image = new LogImage()
      image.frame(mark, payload, { epoch: 4 })
      image.frame(mark, payload, { epoch: 3 })
      image.frame(mark, payload, { epoch: 4 })
      image.frame(mark, payload, { epoch: 9 })
      expect(scan(image.file())).toEqual([
        'frame 0-64 kind 8',
        'gap 64-128 wrongEpoch',
        'frame 128-192 kind 8',
        'frame 192-256 kind 8',
      ])
    })

    it('of any length, though frames stand at multiples of 8 alone', () => {
      for (let length = 8; length <= 64; length += 8) {
        const image = new LogImage()
        image.raw(new Uint8Array(length).fill(1))
        image.frame(mark, payload)
        expect(scan(image.file())).toEqual([
          `gap 0-${length} noFrame`,
          `frame ${length}-${length + 64} kind 8`,
        ])
      }
      const image = new LogImage()
      image.raw(new Uint8Array(12).fill(1))
      image.frame(mark, payload)
      expect(scan(image.file())).toEqual(['gap 0-76 noFrame'])
    })
  })

  describe('meets a bad payload', () => {
    it('and looks for frames inside it, because a torn write may have left some', () => {
      const image = new LogImage()
      const { offset } = image.frame(transaction, new Uint8Array(200).fill(1))
      const inner = new LogImage()
      inner.zeros(offset + 96 - LOG_START)
      inner.frame(mark, new Uint8Array(16))
      const torn = overwritten(image.file(), offset + 96, inner.file().slice(offset + 96))
      expect(scan(torn)).toEqual(['badPayload 0-96 kind 1', 'frame 96-160 kind 8', 'gap 160-248 noFrame'])
    })

    it.each([indexNodes, checkpoint])('and goes on behind it where its kind is %i, of no commit', (kind) => {
      const image = new LogImage()
      image.frame(kind, new Uint8Array(33).fill(1))
      image.frame(mark, new Uint8Array(16))
      const bytes = flipped(image.file(), LOG_START + FRAME_HEADER_BYTES + 5)
      expect(scan(bytes)).toEqual([`badPayload 0-88 kind ${kind}`, 'frame 88-152 kind 8'])
    })

    it('with the header that it had', () => {
      const image = new LogImage()
      image.frame(transaction, new Uint8Array(16), { sequence: 77 })
      image.frame(mark, new Uint8Array(16), { sequence: 1 })
      const scanner = scannerOf(flipped(image.file(), LOG_START + FRAME_HEADER_BYTES))
      expect(scanner.next()).toBe('badPayload')
      expect(scanner.header).toMatchObject({ kind: transaction, sequence: 77, payloadLength: 16 })
      expect(scanner.next()).toBe('frame')
      expect(scanner.header).toMatchObject({ kind: mark, sequence: 1 })
    })
  })

  it('does not believe a database that is the content of a value', () => {
    const inner = new LogImage({ generationId: 'aa'.repeat(16) })
    inner.register()
    inner.rows('a', 'b')
    const same = new LogImage()
    same.register()
    const image = new LogImage()
    image.frame(transaction, inner.file())
    const torn = flipped(image.file(), LOG_START + FRAME_HEADER_BYTES)
    expect(scan(torn)).toEqual([`badPayload 0-${torn.length - LOG_START} kind 1`])
    const copy = new LogImage()
    copy.frame(transaction, same.file())
    const tornCopy = flipped(copy.file(), LOG_START + FRAME_HEADER_BYTES)
    expect(scan(tornCopy)).toEqual([`badPayload 0-${tornCopy.length - LOG_START} kind 1`])
  })

  it('ends where it is told to', () => {
    const bytes = twoFrames().file()
    expect(scan(bytes, { to: LOG_START + 56 })).toEqual(['frame 0-56 kind 8'])
    expect(scan(bytes, { to: LOG_START + 112 })).toEqual(['frame 0-56 kind 8', 'gap 56-112 incomplete'])
    expect(scan(bytes, { to: LOG_START + 100 })).toEqual(['frame 0-56 kind 8', 'gap 56-100 noFrame'])
    expect(scan(bytes, { from: LOG_START + 56 })).toEqual(['frame 56-120 kind 1'])
  })

  it('meets every byte once, in order, whatever the bytes are', () => {
    const image = twoFrames()
    image.frame(indexNodes, new Uint8Array(100).fill(3))
    image.rows('a', 'b', 'c')
    const whole = image.file()
    const length = whole.length - LOG_START
    const damage = fc.array(fc.tuple(fc.nat(length - 1), fc.uint8Array({ minLength: 1, maxLength: 60 })), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(damage, fc.nat(length), (patches, cut) => {
        let bytes: Uint8Array = whole.slice(0, LOG_START + cut)
        for (const [at, patch] of patches) bytes = overwritten(bytes, LOG_START + at, patch)
        const scanner = scannerOf(bytes)
        let at = LOG_START
        for (let event = scanner.next(); event !== 'end'; event = scanner.next()) {
          expect(scanner.offset).toBe(at)
          expect(scanner.end).toBeGreaterThan(at)
          at = scanner.end
        }
        expect(alignUp(at)).toBe(alignUp(bytes.length))
      }),
      { seed, numRuns: 500 },
    )
  })

  it('computes checksums over at most about four times the bytes, whatever they claim to be', () => {
    const size = 3_000_000
    const bytes = new Uint8Array(LOG_START + size)
    const header = Object.assign(new FrameHeader(), {
      kind: transaction,
      generationLow: shortGeneration(GENERATION_ID).low,
      generationHigh: shortGeneration(GENERATION_ID).high,
    })
    // Sound headers every 48 bytes, each claiming all that follows as its payload.
    for (let offset = LOG_START; offset + 96 < bytes.length; offset += FRAME_HEADER_BYTES) {
      Object.assign(header, { offset, payloadLength: bytes.length - offset - FRAME_HEADER_BYTES })
      writeFrameHeader(bytes, viewOf(bytes), offset, header, checksum)
    }
    let work = 0
    const counting: Checksum = (of, start, end, before) => {
      work += end - start
      return checksum(of, start, end, before)
    }
    const scanner = scannerOf(bytes, { checksum: counting })
    while (scanner.next() !== 'end');
    expect(work).toBeGreaterThan(size)
    expect(work).toBeLessThan(6 * size)
  })
})

/** States another payload length in the header at `offset`, in place, with a header checksum that holds. */
function withLength(bytes: Uint8Array, length: number, offset: number = LOG_START): Uint8Array {
  const view = viewOf(bytes)
  view.setUint32(offset + 8, length, true)
  view.setUint32(offset + 44, checksum(bytes, offset, offset + 44), true)
  return bytes
}
