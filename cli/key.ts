/**
 * Keys as they are written on the command line.
 */
import type { CollectionDefinition, CollectionReader, Key, KeyPart } from '../src/index.js'
import { declaredAt } from './declared-fields.js'
import { counted, quoted } from './format.js'
import { usageError } from './failure.js'
import { converterOf, NotConvertible, type TextType, textTypeOf, valueAt } from './text-types.js'

/** The key of a collection that `parts` write. `types` are those of `--key-type`. */
export function readKey(
  collection: CollectionReader,
  parts: readonly string[],
  types: readonly string[] | undefined,
): Key {
  const { definition } = collection
  const paths = definition.primaryKey
  const names = paths.map((path) => path.join('.')).join(', ')
  if (parts.length !== paths.length) {
    const given = `${parts.length} ${parts.length === 1 ? 'was' : 'were'} given`
    throw usageError(
      `A key of ${quoted(definition.name)} has ${counted(paths.length, 'part')} (${names}); ${given}.`,
    )
  }
  if (types !== undefined && types.length !== paths.length) {
    throw usageError(`Give --key-type once for each part of the key (${names}), or not at all.`)
  }
  const example = types === undefined ? collection.range({ limit: 1 }).first() : undefined
  const read = paths.map((path, index) => {
    const given = types?.[index]
    const type = given === undefined ? typeOfPart(definition, path, example) : keyType(given)
    return readPart(parts[index] ?? '', type, path.join('.'))
  })
  const [only] = read
  return read.length === 1 && only !== undefined ? only : read
}

const KEY_TYPES = ['string', 'int', 'int64', 'uint64', 'float64', 'timestamp', 'uuid', 'bytes'] as const

function keyType(text: string): TextType {
  const type = KEY_TYPES.find((known) => known === text)
  if (type !== undefined) return type
  throw usageError(`--key-type ${quoted(text)} is not known. Known are ${KEY_TYPES.join(', ')}.`)
}

function typeOfPart(
  definition: CollectionDefinition,
  path: readonly string[],
  example: object | undefined,
): TextType {
  const declared = declaredAt(definition.fields, path)
  const type = declared === undefined ? undefined : textTypeOf(declared.type)
  if (type !== undefined) return type
  const value = example === undefined ? undefined : valueAt(example, path)
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'bigint') return 'integer'
  if (value instanceof Date) return 'timestamp'
  return value instanceof Uint8Array ? 'bytes' : 'string'
}

function readPart(text: string, type: TextType, name: string): KeyPart {
  try {
    return converterOf(type)(text) as KeyPart // Each of the types of keys converts to a part of one.
  } catch (error) {
    if (!(error instanceof NotConvertible)) throw error
    throw usageError(`The key's part ${quoted(name)} must be ${error.expected}, not ${quoted(text)}.`)
  }
}
