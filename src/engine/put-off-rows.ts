/**
 * Rows of a replay that are put into their trees later, many at once in the order of keys.
 *
 * Rows in no order lie in a leaf each: one after the other, each costs a way through the tree, and a leaf is read and rearranged
 * for each of its rows. What is put off is certain: it is of commits that follow one another. A collection with secondary indexes puts nothing
 * off, because the row before has to be read for these.
 */
import { Operation, type RecordView } from '../format/record.js'
import { PAUSE, type Task } from '../storage/task.js'
import { GatheredPuts } from '../tree/index.js'
import type { WorkingCollection } from './working-collection.js'

/** So many rows say whether those that follow come in order. */
const SAMPLE_ROWS = 64
/** In order, far fewer of them belong into another leaf than the row before. */
const MOST_DESCENTS = SAMPLE_ROWS / 4
/** Rows between two places where a task may be interrupted. */
const ROWS_PER_PAUSE = 512

interface PutOff {
  readonly working: WorkingCollection
  /** Rows since the last look, and the descents of the collection by then. */
  rows: number
  descents: number
  /** Undefined while rows are not put off. */
  puts: GatheredPuts | undefined
}

export class PutOffRows {
  readonly #collections = new Map<number, PutOff>()
  /** That of the record before. */
  #last: PutOff | undefined

  /** Takes a record of a row, unless it is to be carried out at once. */
  takes(working: WorkingCollection, bytes: Uint8Array, record: RecordView, position: number): boolean {
    const putOff = this.#last?.working === working ? this.#last : this.#of(working)
    this.#last = putOff
    if (putOff.puts === undefined && ++putOff.rows === SAMPLE_ROWS) this.#look(putOff)
    const { puts } = putOff
    if (puts?.hasRoom !== true) return false
    const { keyStart, keyEnd, crc } = record
    const lengthBytes = record.operation === Operation.put ? record.end - record.start : 0
    puts.add(bytes, keyStart, keyEnd, position, lengthBytes, crc)
    return true
  }

  /** Puts off what follows, if the rows since the last look came in no order. */
  #look(putOff: PutOff): void {
    const { working, descents } = putOff
    if (working.indexes.length === 0 && working.descents - descents > MOST_DESCENTS)
      putOff.puts = new GatheredPuts()
    putOff.rows = 0
    putOff.descents = working.descents
  }

  #of(working: WorkingCollection): PutOff {
    const { id } = working.definition
    const known = this.#collections.get(id)
    if (known?.working === working) return known
    const putOff = { working, rows: 0, descents: working.descents, puts: undefined }
    this.#collections.set(id, putOff)
    return putOff
  }

  /** Whether there is so much of one collection that it should be carried out. */
  get areMany(): boolean {
    for (const { puts } of this.#collections.values()) if (puts?.areMany === true) return true
    return false
  }

  /** Carries out what was put off. */
  *settle(): Task<void> {
    for (const id of this.#collections.keys()) yield* this.settleOf(id)
  }

  /** The same of one collection. */
  *settleOf(id: number): Task<void> {
    const putOff = this.#collections.get(id)
    if (putOff?.puts === undefined) return
    const { working, puts } = putOff
    putOff.puts = undefined
    puts.sort()
    for (let at = 0; at < puts.count; at += ROWS_PER_PAUSE) {
      working.merge(puts, at, Math.min(puts.count, at + ROWS_PER_PAUSE))
      yield PAUSE
    }
    for (const [at, key] of puts.deleted.entries()) {
      working.delete(key)
      if (at % ROWS_PER_PAUSE === 0) yield PAUSE
    }
    putOff.descents = working.descents
  }

  /** Whether there is anything of a collection. */
  has(id: number): boolean {
    return this.#collections.get(id)?.puts !== undefined
  }
}
