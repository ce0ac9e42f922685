/**
 * `varve dump-catalog`: what collections a database has, and how their rows are stored.
 */
import type { CodeRules, FieldDefinition } from '../../src/index.js'
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
import { stringify } from '../typed-json.js'

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
  const { nextGenerated, unknownFields, codeRules } = collection
  return facts(`Collection ${quoted(name)}`, [
    ['id', String(id)],
    ['schema version', String(version)],
    ['primary key', primaryKey.map(visible).join(', ')],
    ...listed(
      'fields',
      fields.flatMap((field) => fieldTexts(field)),
      NO_FIELDS,
    ),
    ...(unknownFields === 'keep' ? [] : [['other fields', UNKNOWN[unknownFields]] as const]),
    ...(codeRules === undefined ? [] : [['rules in code', codeText(codeRules)] as const]),
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

const NO_FIELDS = 'none declared: any field is taken'
const UNKNOWN = { refuse: 'refused', strip: 'left out' } as const

/** A line for the field, and one for each field in it. */
function fieldTexts({ path, type, ...shape }: FieldDefinition, above: readonly string[] = []): string[] {
  const whole = [...above, ...path]
  const { optional, generated, element, values, default: standIn, fields = [] } = shape
  const notes = [
    ...(element === undefined ? [] : [`of ${element.type}`]),
    ...(values === undefined ? [] : [values.map(quoted).join(' | ')]),
    ...(optional === true ? ['optional'] : []),
    ...(generated === true ? ['generated'] : []),
    ...(standIn === undefined ? [] : [`default ${visible(stringify(standIn, 'line'))}`]),
    ...CONSTRAINTS.filter((name) => shape[name] !== undefined).map((name) => {
      return `${name} ${visible(stringify(shape[name], 'line'))}`
    }),
  ]
  const line = `${visible(whole.join('.'))}: ${[type, ...notes].join(', ')}`
  return [line, ...fields.flatMap((field) => fieldTexts(field, whole))]
}

const CONSTRAINTS = [
  'min',
  'max',
  'length',
  'minLength',
  'maxLength',
  'nonempty',
  'pattern',
  'email',
  'url',
] as const

function codeText({ defaults, validator }: CodeRules): string {
  return [
    ...(validator ? ['a validator'] : []),
    ...defaults.map((field) => `default of ${visible(field)}`),
  ].join(', ')
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
