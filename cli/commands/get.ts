/**
 * `varve get`: one row, by its key.
 */
import type { Command } from 'commander'
import { openFrozen } from '../../src/tools.js'
import { collectionOf } from '../collection.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { ExitCode } from '../exit-codes.js'
import { HelpGroup } from '../help-groups.js'
import { readKey } from '../key.js'
import { collect } from '../options.js'
import { stringify } from '../typed-json.js'

interface Options {
  readonly keyType?: readonly string[] | undefined
}

export const getCommand: CommandSpec<Options> = {
  name: 'get',
  group: HelpGroup.rows,
  summary: 'print the row of a key',
  description:
    'Prints one row as JSON. A composite key is given part by part. Each part is read as the type that the ' +
    'collection declares for it, else as the type that it has in the first row; --key-type says otherwise. ' +
    'Prints nothing and exits 1 if there is no such row. Needs no lock and changes nothing.',
  operands: [
    ['<collection>', 'name of the collection'],
    ['<key...>', 'the key, or the parts of a composite key'],
  ],
  examples: ['varve get library.varve books Dune', 'varve get cities.varve cities CH Bern 46.94809 7.44744'],
  addOptions(command: Command) {
    command.option(
      '--key-type <type>',
      'type of the key; once for each part of a composite one (string, int, int64, uint64, float64, timestamp, uuid, bytes)',
      collect,
    )
  },
  work,
}

async function work({ database, operands, options }: Run<Options>): Promise<Outcome> {
  const [name = '', ...parts] = operands
  const db = await openFrozen(database)
  try {
    const collection = collectionOf(db, name)
    const key = readKey(collection, parts, options.keyType)
    const row = collection.get(key) ?? null
    if (row === null) return { result: { row }, exitCode: ExitCode.findings }
    return { result: { row }, data: `${stringify(row, 'pretty')}\n` }
  } finally {
    await db.close()
  }
}
