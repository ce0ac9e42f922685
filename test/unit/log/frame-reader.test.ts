/** Reading frames that something points at. */
import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.js'
import { FRAME_HEADER_BYTES } from '../../../src/format/frame.js'
import { FrameReader } from '../../../src/log/frame-reader.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import type { StorageFile } from '../../../src/storage/storage.js'
import { crc32c } from '../../../native-free/crc32c.js'
import { flipped, LogImage, rowRecord } from '../../support/log-images.js'

const WINDOW_BYTES = 1024

function readerOf(image: LogImage, bytes: Uint8Array = image.file()): [FrameReader, StorageFile] {
  const file = new MemoryStorage().open('frames', 'create')
  file.write(bytes, 0)
  return [new FrameReader({ file, checksum: crc32c, header: image.header }, WINDOW_BYTES), file]
}

const corruption = (offset: number): Error =>
  expect.objectContaining({ code: 'VARVE_CORRUPTION', details: expect.objectContaining({ offset }) }) as Error

describe('a reader of frames', () => {
  it('gives the frame that was asked for, whatever it read before', () => {
    const image = new LogImage()
    const [a, b] = image.rows('a', 'b')
    image.commit([rowRecord('c', 'x'.repeat(WINDOW_BYTES))])
    const [d] = image.rows('d')
    if (a === undefined || b === undefined || d === undefined) throw new TypeError('commits')
    const [reader] = readerOf(image)
    const sequenceOf = (read: () => void): number => {
      read()
      return reader.header.sequence
    }
    expect(sequenceOf(() => reader.readFrame(b.offset, b.end))).toBe(2)
    expect(sequenceOf(() => reader.readHeader(a.offset, b.end))).toBe(1)
    expect(sequenceOf(() => reader.readFrame(b.offset, b.end))).toBe(2)
    reader.frameOf(d.offset + 120)
    expect(sequenceOf(() => reader.readFrame(b.offset, b.end))).toBe(2)
    expect(reader.bytes.subarray(reader.payloadStart, reader.payloadEnd)).toEqual(
      image
        .file()
        .subarray(b.offset + FRAME_HEADER_BYTES, b.offset + FRAME_HEADER_BYTES + reader.header.payloadLength),
    )
    expect(reader.end).toBe(b.end)
  })

  it('reads frames larger than its window, and small ones after them', () => {
    const image = new LogImage()
    const one = image.commit([rowRecord('a')])
    const large = image.commit([rowRecord('b', 'x'.repeat(5000))])
    const [reader] = readerOf(image)
    reader.readFrame(large.offset, large.end)
    expect(reader.frameOf(large.offset + 120)).toBe(large.offset)
    reader.readFrame(one.offset, large.offset)
    expect(reader.header.sequence).toBe(1)
  })

  it('says where a payload fails', () => {
    const image = new LogImage()
    const { offset, end } = image.commit([rowRecord('a')])
    const [reader] = readerOf(image, flipped(image.file(), end - 20))
    expect(reader.readPayload(offset, end)).toBe(false)
    expect(reader.readPayload(offset, end)).toBe(false)
    expect(() => reader.readFrame(offset, end)).toThrow(corruption(offset))
  })

  it('takes no frame from outside the log, and none that the file does not hold', () => {
    const image = new LogImage()
    const [a, b] = image.rows('a', 'b')
    if (a === undefined || b === undefined) throw new TypeError('commits')
    const [reader, file] = readerOf(image)
    for (const offset of [0, 8, a.offset + 4, b.end, 2 ** 40])
      expect(() => reader.readHeader(offset, b.end)).toThrow(corruption(offset))
    reader.readFrame(a.offset, a.end)
    file.truncate(b.offset + 20)
    expect(() => reader.readHeader(b.offset, b.end)).toThrow('the end of the file')
    expect(() => reader.frameOf(b.offset + 120)).toThrow(VarveError)
    // What it holds already is as it was read.
    expect(() => reader.readFrame(a.offset, a.end)).not.toThrow()
  })
})
