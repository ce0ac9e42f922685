/**
 * The collection that the command line names.
 */
import type { Collection, Database } from '../src/index.js'
import { visible } from './escape.js'
import { usageError } from './failure.js'
import { quoted } from './format.js'

/** Throws `CLI_USAGE` if there is none of this name. */
export function collectionOf(database: Database, name: string): Collection {
  const names = database.collectionNames()
  if (names.includes(name)) return database.collection(name)
  const known = names.length === 0 ? 'It has none' : `It has: ${names.slice(0, 20).map(visible).join(', ')}`
  throw usageError(`${visible(database.path)} has no collection ${quoted(name)}. ${known}.`)
}
