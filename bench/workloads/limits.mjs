/** What the machine and the libraries below can do at most: no database is faster than these. */
import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { Packr } from 'msgpackr'
import { uniform } from '../harness/choices.mjs'
import { check, measure, memory } from '../harness/measure.mjs'
import { rowAt, rowsFrom } from '../harness/rows.mjs'

const ROW_BYTES = 128
const FILE_BYTES = 64 * 2 ** 20
const LARGE_BYTES = 16 * 2 ** 20
const ROWS = 10_000
const SYNCS = { count: 500, warm: 100 }
const SMALL = { count: 300_000, warm: 100_000 }
const LARGE = { count: 20, warm: 5 }

const rate = async (counts, operation) => ({
  operations: counts.count,
  ...(await measure(counts, operation)),
})

/** Gives the rate in bytes. */
async function throughput(operation) {
  const result = await rate(LARGE, operation)
  return { ...result, operations: result.operations * LARGE_BYTES }
}

async function withFile(folder, run) {
  const file = openSync(join(folder, 'limit'), 'w+')
  try {
    return await run(file)
  } finally {
    closeSync(file)
  }
}

const sync = ({ folder }) =>
  withFile(folder, (file) => {
    const bytes = new Uint8Array(ROW_BYTES)
    return rate(SYNCS, () => {
      writeSync(file, bytes)
      fdatasyncSync(file)
    })
  })

function copy() {
  const [from, to] = [new Uint8Array(LARGE_BYTES).fill(7), new Uint8Array(LARGE_BYTES)]
  return throughput(() => to.set(from))
}

const pageCache = ({ folder }) =>
  withFile(folder, (file) => {
    for (let at = 0; at < FILE_BYTES; at += LARGE_BYTES) writeSync(file, new Uint8Array(LARGE_BYTES))
    const places = uniform(SMALL.count + SMALL.warm, FILE_BYTES / ROW_BYTES, 1)
    const bytes = new Uint8Array(ROW_BYTES)
    return rate(SMALL, (i) => {
      const read = readSync(file, bytes, 0, ROW_BYTES, places[i] * ROW_BYTES)
      check(read === ROW_BYTES, 'bytes of a file')
    })
  })

const packr = () => new Packr({ structures: [] })

function pack() {
  const [rows, packer] = [rowsFrom(0, ROWS, ROWS), packr()]
  return rate(SMALL, (i) => packer.pack(rows[i % ROWS]))
}

function unpack() {
  const packer = packr()
  const packed = rowsFrom(0, ROWS, ROWS).map((row) => packer.pack(row))
  check(packer.unpack(packed[1]).id === rowAt(1, ROWS).id, 'an unpacked row')
  return rate(SMALL, (i) => packer.unpack(packed[i % ROWS]))
}

function checksum(bytes) {
  const from = new Uint8Array(bytes).fill(7)
  const expected = crc32c(from)
  return () => check(crc32c(from) === expected, 'a checksum')
}

export const limits = {
  'limit-sync': { run: sync },
  'limit-copy': { run: copy },
  'limit-page-cache': { run: pageCache },
  'limit-pack': { run: pack },
  'limit-unpack': { run: unpack },
  'limit-crc-row': { run: () => rate(SMALL, checksum(ROW_BYTES)) },
  'limit-crc': { run: () => throughput(checksum(LARGE_BYTES)) },
  'limit-memory': { run: () => ({ operations: 1, seconds: 1, cpuSeconds: 1, ...memory() }) },
}
