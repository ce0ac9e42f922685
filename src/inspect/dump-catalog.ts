/**
 * `dump-catalog`: what collections a database has, and how their rows are stored.
 */
import { generatedKey } from '../catalog/definition.js'
import type { CodeRules, FieldDefinition, UnknownFields } from '../catalog/field.js'
import type { IndexWhere } from '../catalog/index-where.js'
import { digestText } from '../format/digest.js'
import type { Platform } from '../storage/platform.js'
import { analyse, type AnalysedFile, type InspectOptions } from './analysed-file.js'
import type { RowCodecs } from '../engine/row-codecs.js'
import type { DatabaseState, IndexState } from '../engine/state.js'
import type { Task } from '../storage/task.js'

/** A secondary index. */
export interface CatalogIndex {
  readonly name: string
  /** Dotted paths of its parts. */
  readonly on: readonly string[]
  readonly unique: boolean
  /** Conditions of the rows that it holds; undefined if it holds all. */
  readonly where: IndexWhere | undefined
  /** Whether it is still being built: no query uses it. */
  readonly building: boolean
  /** Rows that have entries, and entries: more than rows where lists are indexed by their elements. */
  readonly rows: number
  readonly entries: number
}

export interface CatalogCollection {
  readonly id: number
  readonly name: string
  /** Schema version: rises by one with every change of the definition. */
  readonly version: number
  /** Dotted paths of the primary key's parts. */
  readonly primaryKey: readonly string[]
  readonly fields: readonly FieldDefinition[]
  /** What is done with fields that are not declared. */
  readonly unknownFields: UnknownFields
  /** Which of its rules are code, so that no tool can keep them; undefined for none. */
  readonly codeRules: CodeRules | undefined
  readonly indexes: readonly CatalogIndex[]
  /** Record structures: the field names of each, by id. */
  readonly structures: readonly (readonly string[])[]
  readonly rows: number
  readonly liveBytes: number
  /** The next generated number; undefined if the collection does not count. */
  readonly nextGenerated: number | undefined
  /** State digest: 16 hex digits. */
  readonly digest: string
}

export interface CatalogReport {
  readonly path: string
  readonly databaseId: string
  readonly generationId: string
  readonly commitSequence: number
  readonly collections: readonly CatalogCollection[]
}

/** Reads the catalog of a database file, as of the last commit in its chain. Needs no lock, and changes nothing. */
export async function dumpCatalogFile(
  path: string,
  options: InspectOptions,
  platform: Platform,
): Promise<CatalogReport> {
  return await analyse(path, options, platform, catalogReport)
}

function* catalogReport(analysed: AnalysedFile): Task<CatalogReport> {
  const { state } = yield* analysed.replay()
  const { databaseId, generationId } = analysed.blocks.header
  return {
    path: analysed.path,
    databaseId,
    generationId,
    commitSequence: state.commit.sequence,
    collections: collectionsOf(state, analysed.codecs),
  }
}

function collectionsOf(state: DatabaseState, codecs: RowCodecs): CatalogCollection[] {
  const ids = [...state.names.values()].sort((a, b) => a - b)
  return ids.flatMap((id) => {
    const collection = state.collections.get(id)
    if (collection === undefined) return []
    const { definition, tree, liveBytes, counter, digest, structuresLogged, indexes } = collection
    const codec = codecs.of(id)
    const counts = generatedKey(definition) === 'int'
    return [
      {
        id,
        name: definition.name,
        version: definition.version,
        primaryKey: definition.primaryKey.map((path) => path.join('.')),
        fields: definition.fields,
        unknownFields: definition.unknownFields ?? 'keep',
        codeRules: definition.codeRules,
        indexes: indexes.map(indexOf),
        structures: Array.from({ length: structuresLogged }, (_, structure) => codec.structure(structure)),
        rows: tree.count,
        liveBytes,
        nextGenerated: counts ? counter : undefined,
        digest: digestText(digest),
      },
    ]
  })
}

function indexOf({ definition, tree, rows }: IndexState): CatalogIndex {
  const { name, on, unique, where, builtTo } = definition
  return {
    name,
    on: on.map((path) => path.join('.')),
    unique,
    where,
    building: builtTo !== undefined,
    rows,
    entries: tree.count,
  }
}
