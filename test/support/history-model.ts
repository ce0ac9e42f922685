/**
 * What time travel and histories must give: every commit's state and every record of every row, kept in plain maps.
 *
 * It knows collections by identity: one that was dropped and registered again is another, one that was renamed is not.
 */
import type { Row } from '../../src/format/value.js'
import { collectionText, textOf } from './model-text.js'

export type RowWrite =
  | { readonly kind: 'put'; readonly name: string; readonly key: string; readonly value: number }
  | { readonly kind: 'update'; readonly name: string; readonly key: string; readonly value: number }
  | { readonly kind: 'delete'; readonly name: string; readonly key: string }

/** One change of the database, as data. */
export type Change =
  | RowWrite
  | { readonly kind: 'register' | 'drop'; readonly name: string }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }

/** What an operation cannot do; the database must refuse it too. */
export class Refusal extends Error {}

/** One record of a row. */
interface RowEvent {
  readonly row: Row | undefined
  /** Its commit, as an index into all commits; undefined until there is one. */
  readonly commit: number | undefined
}

interface State {
  readonly names: ReadonlyMap<string, number>
  /** Rows and events by collection and key, as `id/key`. */
  readonly rows: ReadonlyMap<string, Row>
  readonly events: ReadonlyMap<string, readonly RowEvent[]>
  /** How many records were written since the last commit. */
  readonly records: number
}

/** A commit and the state after it. */
export interface PastCommit {
  readonly index: number
  /** NaN until it is known. */
  readonly sequence: number
  readonly time: number
  readonly text: string
  readonly names: ReadonlyMap<string, number>
}

export interface PastVersion {
  readonly sequence: number
  readonly time: Date
  readonly operation: 'put' | 'delete'
  readonly row: Row | undefined
}

export class HistoryModel {
  /** Oldest first; the first is the state before any commit. */
  readonly commits: PastCommit[] = [{ index: 0, sequence: 0, time: 0, text: '', names: new Map() }]
  #state: State = { names: new Map(), rows: new Map(), events: new Map(), records: 0 }
  #nextId = 1

  save(): State {
    return this.#state
  }

  restore(saved: State): void {
    this.#state = saved
  }

  /** Whether anything was written since the last commit. */
  get wrote(): boolean {
    return this.#state.records > 0
  }

  /** The row of a value, of one of several shapes; `pad` makes it large. */
  static row(key: string, value: number, pad = 0): Row {
    return { id: key, value, [`shape${value % 5}`]: true, pad: 'x'.repeat(pad) }
  }

  apply(change: Change, pad = 0): void {
    switch (change.kind) {
      case 'put':
        return this.#write(change.name, change.key, HistoryModel.row(change.key, change.value, pad))
      case 'update':
        return this.#update(change.name, change.key, change.value)
      case 'delete':
        if (this.#row(change.name, change.key) !== undefined) this.#write(change.name, change.key, undefined)
        return
      case 'register':
        if (!this.#state.names.has(change.name)) this.#rename(undefined, change.name, this.#nextId++)
        return
      case 'drop':
        if (this.#state.names.has(change.name)) this.#rename(change.name, undefined, 0)
        return
      case 'rename': {
        const id = this.#id(change.name)
        if (change.to === change.name) return
        if (this.#state.names.has(change.to)) throw new Refusal('taken')
        return this.#rename(change.name, change.to, id)
      }
    }
  }

  #id(name: string): number {
    const id = this.#state.names.get(name)
    if (id === undefined) throw new Refusal('no collection')
    return id
  }

  #row(name: string, key: string): Row | undefined {
    return this.#state.rows.get(`${this.#id(name)}/${key}`)
  }

  #update(name: string, key: string, value: number): void {
    const row = this.#row(name, key)
    if (row !== undefined) this.#write(name, key, { ...row, value })
  }

  #write(name: string, key: string, row: Row | undefined): void {
    const place = `${this.#id(name)}/${key}`
    const rows = new Map(this.#state.rows)
    if (row === undefined) rows.delete(place)
    else rows.set(place, row)
    const events = new Map(this.#state.events)
    events.set(place, [...(events.get(place) ?? []), { row, commit: undefined }])
    this.#state = { ...this.#state, rows, events, records: this.#state.records + 1 }
  }

  #rename(from: string | undefined, to: string | undefined, id: number): void {
    const names = new Map(this.#state.names)
    if (from !== undefined) names.delete(from)
    if (to !== undefined) names.set(to, id)
    this.#state = { ...this.#state, names, records: this.#state.records + 1 }
  }

  /** Makes what was written a commit. */
  commit(time: number): void {
    const index = this.commits.length
    const events = new Map<string, readonly RowEvent[]>()
    for (const [place, list] of this.#state.events)
      events.set(
        place,
        list.map(({ row, commit = index }) => ({ row, commit })),
      )
    this.#state = { ...this.#state, events, records: 0 }
    const { names } = this.#state
    this.commits.push({ index, sequence: Number.NaN, time, text: this.#text(), names })
  }

  /** The newest commits got these sequences: the last one this, those before it one less each. */
  number(last: number): void {
    const first = this.commits.findIndex(({ sequence }) => Number.isNaN(sequence))
    if (first < 0) return
    const newest = this.commits.length - 1
    for (const commit of this.commits.splice(first))
      this.commits.push({ ...commit, sequence: last - (newest - commit.index) })
  }

  #text(): string {
    const { names, rows } = this.#state
    return [...names.keys()]
      .toSorted()
      .map((name) => {
        const mine = [...rows].filter(([place]) => place.startsWith(`${names.get(name)}/`))
        return collectionText(
          name,
          mine.map(([, row]) => textOf(row)),
        )
      })
      .join('\n')
  }

  // What must be found

  /** The last commit with a sequence up to this. */
  atSequence(sequence: number): PastCommit | undefined {
    return this.commits.findLast((commit) => commit.sequence <= sequence)
  }

  /** The last commit made up to this time; the state before any, if there was none. */
  atTime(time: number): PastCommit | undefined {
    return this.commits.findLast((commit) => commit.sequence === 0 || commit.time <= time)
  }

  /** The versions of a row as of a commit, newest first. */
  history(asOf: PastCommit, name: string, key: string, scan: boolean): PastVersion[] {
    const all = this.#state.events.get(`${asOf.names.get(name)}/${key}`) ?? []
    const events = all.filter(({ commit = 0 }) => commit <= asOf.index)
    const begin = scan ? 0 : events.findLastIndex(({ row }) => row === undefined) + 1
    const versions: PastVersion[] = []
    let present = false
    for (const [i, { row, commit = 0 }] of events.entries()) {
      if (events[i + 1]?.commit === commit) continue
      const seen = present || row !== undefined
      present = row !== undefined
      if (!seen || i < begin) continue
      const { sequence = 0, time = 0 } = this.commits[commit] ?? {}
      versions.push({ sequence, time: new Date(time), operation: present ? 'put' : 'delete', row })
    }
    return versions.toReversed()
  }
}
