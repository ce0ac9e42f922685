/**
 * The tree alone: nanoseconds per operation on random 16-byte keys, beside a `Map` as a measure of the machine.
 *
 *     node --expose-gc bench/tree-micro.mjs                  1,000,000 keys
 *     node --expose-gc bench/tree-micro.mjs --keys 100000    another number
 *     node --expose-gc bench/tree-micro.mjs --rounds 5       the best of so many rounds
 *
 * CPU time, garbage collection in other threads included. Every answer is checked.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { rolldown } from 'rolldown'

const KEY_BYTES = 16
const BATCH = 1000
const SINGLE_COUNT = 100_000

const { values } = parseArgs({ options: { keys: { type: 'string' }, rounds: { type: 'string' } } })
const count = Number(values.keys ?? 1_000_000)
const rounds = Number(values.rounds ?? 3)

const { Tree, TreeEditor, RecordRef, checkTree, treeShape } = await bundled()

async function bundled() {
  const folder = mkdtempSync(join(tmpdir(), 'varve-tree-'))
  try {
    const bundle = await rolldown({ input: join(import.meta.dirname, '../src/tree/index.ts') })
    await bundle.write({ dir: folder, entryFileNames: 'tree.mjs' })
    return await import(join(folder, 'tree.mjs'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** All keys in one piece of memory, as a million small objects would be what is measured: a tag, then 15 characters. */
function randomKeys() {
  let state = 88_172_645
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  const letters = new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz0123456789')
  const bytes = new Uint8Array(count * KEY_BYTES)
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = i % KEY_BYTES === 0 ? 0x20 : letters[next() % letters.length]
  return bytes
}

function sorted(bytes) {
  const buffer = Buffer.from(bytes.buffer)
  const order = Array.from({ length: count }, (_, i) => i * KEY_BYTES)
  order.sort((a, b) => buffer.compare(buffer, b, b + KEY_BYTES, a, a + KEY_BYTES))
  const result = new Uint8Array(bytes.length)
  for (const [i, at] of order.entries()) result.set(bytes.subarray(at, at + KEY_BYTES), i * KEY_BYTES)
  return result
}

const random = randomKeys()
const ascending = sorted(random)
const scratch = new Uint8Array(KEY_BYTES)
const previous = new RecordRef()

function key(bytes, i) {
  const start = i * KEY_BYTES
  for (let k = 0; k < KEY_BYTES; k++) scratch[k] = bytes[start + k]
  return scratch
}

const results = new Map()
function timed(label, operations, run) {
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  results.set(label, [...(results.get(label) ?? []), ((user + system) * 1000) / operations])
}

function check(holds, what) {
  if (!holds) throw new Error(`The benchmark found something wrong: ${what}`)
}

function memoryBytes() {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Sets all keys, and freezes after every `batch`. */
function load(editor, bytes, batch) {
  for (let i = 0; i < count; i++) {
    editor.set(key(bytes, i), i * 4096, 200, i, previous)
    if ((i + 1) % batch === 0) editor.freeze()
  }
  return editor.freeze()
}

function measureMap() {
  const texts = Array.from({ length: count }, (_, i) => String.fromCharCode(...key(random, i)))
  const map = new Map(texts.map((text, i) => [text, i]))
  for (let round = 0; round < rounds; round++) {
    timed('Map get', count, () => {
      let sum = 0
      for (const text of texts) sum += map.get(text)
      check(sum === (count * (count - 1)) / 2, 'map')
    })
  }
}

function measureReads(tree) {
  for (const [label, bytes] of Object.entries({ random, ascending })) {
    timed(`find, ${label}`, count, () => {
      let found = 0
      for (let i = 0; i < count; i++) if (tree.find(key(bytes, i), previous)) found++
      check(found === count, 'find')
    })
  }
  for (const reverse of [false, true]) {
    timed(reverse ? 'scan, reverse' : 'scan', count, () => {
      const cursor = tree.cursor({}, { reverse })
      let seen = 0
      while (cursor.next()) seen++
      check(seen === count, 'scan')
    })
  }
  timed('rankOf', SINGLE_COUNT, () => {
    for (let i = 0; i < SINGLE_COUNT; i++) check(tree.rankOf(key(random, (i * 7919) % count)) < count, 'rank')
  })
}

function measureWrites(editor) {
  timed('replace, freeze each', SINGLE_COUNT, () => {
    for (let i = 0; i < SINGLE_COUNT; i++) {
      check(editor.set(key(random, (i * 7919) % count), i, 200, i, previous), 'replace')
      editor.freeze()
    }
  })
  timed(`replace, freeze every ${BATCH}`, count, () => load(editor, random, BATCH))
  timed('delete, random', count, () => {
    for (let i = 0; i < count; i++) check(editor.delete(key(random, i), previous), 'delete')
  })
  check(editor.count === 0, 'deleted all')
}

const shapes = {}
function measureLoad(label, bytes, batch) {
  const before = memoryBytes()
  const editor = new TreeEditor(Tree.empty)
  timed(label, count, () => load(editor, bytes, batch))
  const tree = editor.freeze()
  const bytesPerKey = Math.round((memoryBytes() - before) / count)
  shapes[label] = { ...treeShape(tree), bytesPerKey }
  check(checkTree(tree).length === 0, 'damage')
  return editor
}

measureMap()
for (let round = 0; round < rounds; round++) {
  measureLoad('insert, ascending', ascending, Infinity)
  measureLoad(`insert, random, freeze every ${BATCH}`, random, BATCH)
  const editor = measureLoad('insert, random', random, Infinity)
  measureReads(editor.freeze())
  measureWrites(editor)
}
for (const [label, all] of results) {
  const best = Math.min(...all)
    .toFixed(0)
    .padStart(6)
  console.log(`  ${label.padEnd(36)} ${best} ns   (${all.map((ns) => ns.toFixed(0)).join(', ')})`)
}
for (const [label, shape] of Object.entries(shapes)) console.log(label, shape)
