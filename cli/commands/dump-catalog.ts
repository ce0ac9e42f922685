/**
 * `varve dump-catalog`: what collections a database has, and how their rows are stored.
 */
import type { FieldDefinition } from '../../src/index.js'
import {
  type CatalogCollection,
  type CatalogIndex,
  type CatalogReport,
  dumpCatalog,
} from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { count, counted, facts, quoted, size } from '../format.js'
import { HelpGroup } from '../help-groups.js'

export const dumpCatalogCommand: CommandSpec<object> = {
  name: 'dump-catalog',
  group: HelpGroup.look,
  summary: 'show the collections in full: keys, fields, structures',
  description:
    'Shows every collection with its schema version, primary key, declared fields, indexes, record structures, ' +
    'number of rows and state digest. Reads the file as it is, needs no lock and changes nothing.',
  examples: ['varve dump-catalog library.varve', 'varve dump-catalog library.varve --output catalog.json'],
  work,
}

async function work({ database, signal }: Run<object>): Promise<Outcome> {
  const result = await dumpCatalog(database, { signal })
  return { result, text: reportText(result) }
}

function reportText({ path, commitSequence, collections }: CatalogReport): string {
  const title = `${counted(collections.length, 'collection')} of ${visible(path)} as of commit ${commitSequence}\n`
  return [title, ...collections.map(collectionText)].join('\n')
}

function collectionText(collection: CatalogCollection): string {
  const { name, id, version, primaryKey, fields, indexes, structures, rows, liveBytes, digest } = collection
  const { nextGenerated } = collection
  return facts(`Collection ${quoted(name)}`, [
    ['id', String(id)],
    ['schema version', String(version)],
    ['primary key', primaryKey.map(visible).join(', ')],
    ...listed('fields', fields.map(fieldText), 'none declared: any field is taken'),
    ...listed('indexes', indexes.map(indexText), 'none'),
    ...listed('structures', structures.map(structureText), 'none'),
    ...(nextGenerated === undefined ? [] : [['next number', count(nextGenerated)] as const]),
    ['rows', `${count(rows)} (${size(liveBytes)} live)`],
    ['state digest', digest],
  ])
}

/** One line an item, the label on the first. */
function listed(label: string, items: readonly string[], none: string): (readonly [string, string])[] {
  if (items.length === 0) return [[label, none]]
  return items.map((item, index) => [index === 0 ? label : '', item])
}

function fieldText({ path, type, optional, generated }: FieldDefinition): string {
  const notes = [...(optional === true ? ['optional'] : []), ...(generated === true ? ['generated'] : [])]
  return `${visible(path.join('.'))}: ${[type, ...notes].join(', ')}`
}

function indexText({ name, on, unique, where, building, rows, entries }: CatalogIndex): string {
  const notes = [
    ...(unique ? ['unique'] : []),
    ...(where === undefined ? [] : ['partial']),
    ...(building ? ['being built'] : []),
    `${count(rows)} rows`,
    ...(entries === rows ? [] : [`${count(entries)} entries`]),
  ]
  return `${visible(name)} on ${on.map(visible).join(', ')}: ${notes.join(', ')}`
}

function structureText(names: readonly string[], id: number): string {
  return `${id}: ${names.length === 0 ? '(no field)' : names.map(visible).join(', ')}`
}
