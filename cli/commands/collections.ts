/**
 * `varve collections`: the collections of a database, one line each.
 */
import { dumpCatalog } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { count } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { table } from '../table.js'

export const collectionsCommand: CommandSpec<object> = {
  name: 'collections',
  group: HelpGroup.look,
  summary: 'list the collections with their keys and sizes',
  description:
    'Lists every collection with its primary key, number of rows and the bytes that they take. Needs no lock and ' +
    'changes nothing.',
  examples: ['varve collections library.varve'],
  work,
}

const COLUMNS = [
  { title: 'collection' },
  { title: 'key' },
  { title: 'rows', align: 'right' },
  { title: 'bytes', align: 'right' },
] as const

async function work({ database, signal }: Run<object>): Promise<Outcome> {
  const { path, commitSequence, collections } = await dumpCatalog(database, { signal })
  const list = collections.map(({ name, primaryKey, rows, liveBytes }) => ({
    name,
    primaryKey,
    rows,
    bytes: liveBytes,
  }))
  const rows = list.map(({ name, primaryKey, rows: number, bytes }) => [
    name,
    primaryKey.join(', '),
    count(number),
    count(bytes),
  ])
  return {
    result: { path, commitSequence, collections: list },
    text: list.length === 0 ? `${visible(path)} has no collections.\n` : await table(COLUMNS, rows),
  }
}
