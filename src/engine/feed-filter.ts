/**
 * Which collections a feed tells of: asked for by name, and followed by id, so that a collection goes on under another name.
 */
import type { CatalogEntry } from '../catalog/entry.js'

export class FeedFilter {
  readonly #names: ReadonlySet<string> | undefined
  readonly #ids = new Set<number>()

  /** `names` undefined for all collections; `present` says which id each name has now. */
  constructor(names: readonly string[] | undefined, present: ReadonlyMap<string, number>) {
    this.#names = names === undefined ? undefined : new Set(names)
    for (const name of names ?? []) {
      const id = present.get(name)
      if (id !== undefined) this.#ids.add(id)
    }
  }

  /** Whether a collection is wanted: it has, or had, one of the names. */
  wants(id: number): boolean {
    return this.#names === undefined || this.#ids.has(id)
  }

  /** Whether a catalog entry is told of. One that gives a collection a wanted name is the first of many. */
  wantsEntry(entry: CatalogEntry): boolean {
    if (entry.kind === 'collection') {
      if (entry.definition !== undefined && this.#names?.has(entry.definition.name) === true)
        this.#ids.add(entry.id)
      return this.wants(entry.id)
    }
    if (entry.kind !== 'migration') return false
    return (
      this.#names === undefined || (entry.record !== undefined && this.#names.has(entry.record.collection))
    )
  }
}
