/** Notes of where records are: of use until the record was replaced, or too many were. */
import { describe, expect, it } from 'vitest'
import { RecordSource } from '../../../src/engine/record-source.js'
import { MOST_REPLACED, ReplacedRecords } from '../../../src/engine/replaced-records.js'
import { RowCodecs } from '../../../src/engine/row-codecs.js'
import { RowReader } from '../../../src/engine/row-reader.js'
import { RulesOf } from '../../../src/engine/row-rules.js'
import { MemoryStorage } from '../../../src/storage/memory-storage.js'
import { nodePlatform } from '../../../src/storage/node-platform.js'
import { RecordRef, Tree, type TreeCursor, TreeEditor } from '../../../src/tree/index.js'
import { ViewRows } from '../../../src/view-rows.js'

const ENTRIES = 300

/** An index over some leaves. */
function indexOf(entries: number): Tree {
  const editor = new TreeEditor(Tree.emptyOfKeys)
  for (let i = 0; i < entries; i++) editor.set(Uint8Array.of(i >> 8, i & 255), 0, 0, 0, new RecordRef())
  return editor.freeze()
}

function at(tree: Tree, rank: number): TreeCursor {
  const cursor = tree.cursor({}, { offset: rank })
  cursor.next()
  return cursor
}

function refOf(position: number, lengthBytes = 200): RecordRef {
  return Object.assign(new RecordRef(), { position, lengthBytes, crc: 0xffff_ffff - position })
}

function viewOf(replaced: ReplacedRecords | undefined): ViewRows {
  const file = new MemoryStorage().open('x', 'create')
  const source = new RecordSource(file, nodePlatform().checksum)
  const definition = { id: 1, name: 't', primaryKey: [['id']], fields: [], indexes: [], version: 1 }
  const reader = new RowReader(source, new RowCodecs(), 'x', undefined, replaced)
  return new ViewRows(reader, new RulesOf().of(definition), replaced)
}

describe('notes of index entries', () => {
  it('say where each record was found, until it is replaced', () => {
    const tree = indexOf(ENTRIES)
    const replaced = new ReplacedRecords(() => 2 ** 40)
    const view = viewOf(replaced)
    const found = new RecordRef()
    const positionOf = (rank: number): number => 2 ** 33 + rank * 200
    for (let rank = 0; rank < ENTRIES; rank += 3) view.note(at(tree, rank), refOf(positionOf(rank)))
    replaced.add(positionOf(6))
    replaced.settle()
    for (let rank = 0; rank < ENTRIES; rank++) {
      expect(view.recall(at(tree, rank), found)).toBe(rank % 3 === 0 && rank !== 6)
      if (rank % 3 === 0) expect(found).toEqual(refOf(positionOf(rank)))
    }
    expect(viewOf(undefined).recall(at(tree, 3), found)).toBe(false)
  })

  it('are none for a record too long to note, and none in a leaf that was copied', () => {
    const replaced = new ReplacedRecords(() => 1e9)
    const view = viewOf(replaced)
    const tree = indexOf(10)
    view.note(at(tree, 0), refOf(4096, 2 ** 21))
    view.note(at(tree, 1), refOf(4096, 2 ** 21 - 1))
    expect(view.recall(at(tree, 0), new RecordRef())).toBe(false)
    const found = new RecordRef()
    expect(view.recall(at(tree, 1), found)).toBe(true)
    expect(found).toEqual(refOf(4096, 2 ** 21 - 1))
    const editor = new TreeEditor(tree)
    editor.set(Uint8Array.of(0, 0, 1), 0, 0, 0, new RecordRef())
    const next = editor.freeze()
    for (let rank = 0; rank < 11; rank++) expect(view.recall(at(next, rank), found)).toBe(false)
    expect(view.recall(at(tree, 1), found)).toBe(true)
  })

  it('I29: hold for an older commit that has the record, and are made by nobody who reads one', () => {
    let end = 5000
    const replaced = new ReplacedRecords(() => end)
    const tree = indexOf(10)
    const older = viewOf(replaced)
    end = 9000
    const newer = viewOf(replaced)
    newer.note(at(tree, 0), refOf(4096))
    newer.note(at(tree, 1), refOf(6000))
    older.note(at(tree, 2), refOf(4500))
    const recalled = (view: ViewRows): boolean[] =>
      [0, 1, 2].map((rank) => view.recall(at(tree, rank), new RecordRef()))
    expect(recalled(newer)).toEqual([true, true, false])
    expect(recalled(older)).toEqual([true, false, false])
  })

  it('end all at once when many records were replaced, but not before these commits are visible', () => {
    const tree = indexOf(10)
    const replaced = new ReplacedRecords(() => 1e9)
    const view = viewOf(replaced)
    const found = new RecordRef()
    view.note(at(tree, 0), refOf(4096))
    for (let i = 1; i <= MOST_REPLACED; i++) replaced.add(10_000 + i * 100)
    expect(replaced.mayHave(10_100)).toBe(true)
    const taken = Array.from({ length: 4000 }, (_, i) => replaced.mayHave(1e8 + i * 100))
    expect(taken.filter(Boolean).length).toBeLessThan(800)
    replaced.settle()
    expect(replaced.mayHave(10_100)).toBe(false)
    expect(view.recall(at(tree, 0), found)).toBe(false)
    view.note(at(tree, 1), refOf(4096))
    expect(view.recall(at(tree, 0), found)).toBe(false)
    expect(view.recall(at(tree, 1), found)).toBe(true)
  })
})
