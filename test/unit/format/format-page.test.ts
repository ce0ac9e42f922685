/**
 * The format page and the code say the same: every field of a table is a constant with that offset and size, and every
 * constant is in a table.
 */
import { BaseCollectionField, BaseField } from '../../../src/format/base.js'
import { describe, expect, it } from 'vitest'
import {
  CheckpointEntryField,
  CheckpointField,
  CheckpointIndexField,
} from '../../../src/format/checkpoint.js'
import { COMMIT_BLOCK_BYTES, CommitField } from '../../../src/format/commit.js'
import { FRAME_HEADER_BYTES, FRAME_MAGIC, FrameField, FrameKind } from '../../../src/format/frame.js'
import {
  BLOCK_BYTES,
  BLOCK_CRC_OFFSET,
  FORMAT_MAJOR,
  FORMAT_MINOR,
  HEADER_MAGIC,
  HeaderField,
  IDENTITY_BYTES,
  IDENTITY_START,
  LOG_START,
} from '../../../src/format/header.js'
import {
  DELTA_BASE_BYTES,
  DeltaField,
  MAX_NODE_IMAGE_BYTES,
  MAX_TREE_HEIGHT,
  NODE_ENTRY_BYTES,
  NODE_HEAD_BYTES,
  NodeField,
  NodeKind,
} from '../../../src/format/index-node.js'
import { KeyTag } from '../../../src/format/key-tag.js'
import {
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_KEY_BYTES,
  MAX_ROW_BYTES,
  MAX_STRUCTURES,
} from '../../../src/format/limits.js'
import { MARK_BYTES, MarkField } from '../../../src/format/mark.js'
import {
  QUARANTINE_HEAD_BYTES,
  QUARANTINE_MAGIC,
  QUARANTINE_VERSION,
  QuarantineField,
  QuarantineReason,
} from '../../../src/format/quarantine.js'
import { EXPIRY_FLAG, Operation, RECORD_BODY, RecordField } from '../../../src/format/record.js'
import { SUPERBLOCK_MAGIC, SUPERBLOCK_OFFSETS, SuperblockField } from '../../../src/format/superblock.js'
import { TXN_BEGIN_BYTES, TxnBeginField } from '../../../src/format/txn-begin.js'
import { ExtensionType } from '../../../src/format/value-extensions.js'
import { type FieldPlace, fieldsOf, fieldsUnder, formatPage, tableUnder } from '../../support/format-page.js'

const page = formatPage()

/** The tables of fields, by heading, with the constants that they describe. */
const FIELD_TABLES: readonly [heading: string, offsets: Readonly<Record<string, number>>][] = [
  ['### Header block', HeaderField],
  ['### Superblock', SuperblockField],
  ['### Frame header', FrameField],
  ['### TxnBegin payload', TxnBeginField],
  ['### Base payload', BaseField],
  ['### Base collection', BaseCollectionField],
  ['### Commit block', CommitField],
  ['### Mark payload', MarkField],
  ['## Records', { ...RecordField, end: RecordField.operation + 1 }],
  ['### Node image', NodeField],
  ['### Delta base', DeltaField],
  ['### Checkpoint payload', CheckpointField],
  ['### Checkpoint entry', CheckpointEntryField],
  ['### Checkpoint index entry', CheckpointIndexField],
  ['### Quarantine head', QuarantineField],
]

function differences(text: string, heading: string, offsets: Readonly<Record<string, number>>): string[] {
  const show = ({ field, offset, size }: FieldPlace): string => `${field} at ${offset}, ${size} bytes`
  const stated = fieldsUnder(text, heading).map(show)
  const coded = fieldsOf(offsets).map(show)
  return [
    ...stated.filter((one) => !coded.includes(one)).map((one) => `only on the page: ${one}`),
    ...coded.filter((one) => !stated.includes(one)).map((one) => `only in the code: ${one}`),
  ]
}

describe('the format page', () => {
  it.each(FIELD_TABLES)('has the fields of %s where the code has them', (heading, offsets) => {
    expect(differences(page, heading, offsets)).toEqual([])
    expect(fieldsUnder(page, heading).length).toBeGreaterThan(1)
  })

  it.each(FIELD_TABLES)('lists the fields of %s in order, none twice, without gaps', (heading) => {
    const fields = fieldsUnder(page, heading)
    expect(new Set(fields.map(({ field }) => field)).size).toBe(fields.length)
    let end = 0
    for (const { field, offset, size } of fields) {
      expect(offset, field).toBe(end)
      end = offset + size
    }
  })

  it('has every table of offsets that it shows compared', () => {
    const tables = page.split('\n').filter((line) => /^\| offset *\| size *\| field/.test(line))
    expect(tables).toHaveLength(FIELD_TABLES.length)
  })

  describe('canary', () => {
    const frame = ['### Frame header', FrameField] as const
    const doctored = (find: RegExp, replacement: string): string => {
      const changed = page.replace(find, replacement)
      expect(changed).not.toBe(page)
      return changed
    }

    it('sees a moved field', () => {
      expect(differences(doctored(/\| 32( *\| 4 *\| epoch)/, '| 33$1'), ...frame)).toHaveLength(2)
    })

    it('sees a field of another size', () => {
      expect(differences(doctored(/(\| 44 *)\| 4( *\| headerCrc)/, '$1| 8$2'), ...frame)).toHaveLength(2)
    })

    it('sees a field that is missing, renamed, or made up', () => {
      expect(differences(doctored(/\| 5 *\| 1 *\| flags.*\n/, ''), ...frame)).toEqual([
        'only in the code: flags at 5, 1 bytes',
      ])
      expect(differences(doctored(/\| flags /, '| switches '), ...frame)).toHaveLength(2)
      expect(
        differences(doctored(/(\| 5 *\| 1 *\| flags.*\n)/, '$1| 48 | 4 | more | x |\n'), ...frame),
      ).toEqual(['only on the page: more at 48, 4 bytes'])
    })
  })

  it('has the kinds of frames', () => {
    const kinds = tableUnder(page, '### Frame header', ['kind', 'name', 'payload'])
    expect(Object.fromEntries(kinds.map((row) => [row['name'], Number(row['kind'])]))).toEqual(FrameKind)
  })

  it('has the columns of an index node, of as many bytes an entry as the code has', () => {
    const kinds = ['leaf of records', 'leaf of keys', 'inner node'] as const
    const columns = tableUnder(page, '### Node image', ['column', 'size', ...kinds])
    const bytes = kinds.map((kind) =>
      columns.reduce((sum, row) => sum + (row[kind] === '' ? 0 : Number(row['size'])), 0),
    )
    const { recordsLeaf, keysLeaf, inner } = NodeKind
    expect(bytes).toEqual([recordsLeaf, keysLeaf, inner].map((kind) => NODE_ENTRY_BYTES[kind]))
    expect(page).toContain(
      `takes ${bytes[0]} bytes in a leaf of records, ${bytes[1]} in a leaf of keys and ${bytes[2]}\nin an inner node`,
    )
  })

  it('has the tags of key parts', () => {
    const tags = tableUnder(page, '## Keys', ['tag', 'type', 'after the tag'])
    const stated = tags.map((row) => [row['type']?.toLowerCase(), Number.parseInt(row['tag'] ?? '', 16)])
    expect(Object.fromEntries(stated)).toEqual(KeyTag)
  })

  it('has the extension types of values', () => {
    const types = tableUnder(page, '## Values', ['type', 'name', 'form'])
    const stated = types.map((row) => [row['name'], Number.parseInt(row['type'] ?? '', 16)])
    expect(Object.fromEntries(stated)).toEqual(ExtensionType)
  })

  it('has the sizes of fixed parts', () => {
    expect(CommitField.end).toBe(COMMIT_BLOCK_BYTES)
    expect(FrameField.end).toBe(FRAME_HEADER_BYTES)
    expect(MarkField.end).toBe(MARK_BYTES)
    expect(NodeField.end).toBe(NODE_HEAD_BYTES)
    expect(DeltaField.end).toBe(DELTA_BASE_BYTES)
    expect(TxnBeginField.end).toBe(TXN_BEGIN_BYTES)
    expect(RECORD_BODY).toBe(RecordField.operation)
    expect([IDENTITY_START, IDENTITY_START + IDENTITY_BYTES]).toEqual([16, HeaderField.end])
    const from = tableUnder(page, '## The file', ['from', 'what']).map((row) =>
      Number(row['from']?.replaceAll(',', '')),
    )
    expect(from).toEqual([0, ...SUPERBLOCK_OFFSETS, LOG_START])
    expect([BLOCK_BYTES, BLOCK_CRC_OFFSET]).toEqual([4096, 4092])
  })

  it.each([
    [`${FORMAT_MAJOR}.${FORMAT_MINOR}`, '# The file format, version 1.0'],
    ['header magic', `\`${HEADER_MAGIC.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}\``],
    ['superblock magic', `\`${String.fromCharCode(...SUPERBLOCK_MAGIC)}\``],
    ['quarantine magic', `\`${String.fromCharCode(...QUARANTINE_MAGIC)}\``],
    ['frame magic', `\`${String.fromCharCode(...new Uint8Array(new Uint32Array([FRAME_MAGIC]).buffer))}\``],
    ['block CRC', `at ${BLOCK_CRC_OFFSET.toLocaleString('en')}`],
    ['payload limit', `at most ${MAX_FRAME_PAYLOAD_BYTES.toLocaleString('en')}`],
    ['key limit', `at most ${MAX_KEY_BYTES.toLocaleString('en')} bytes`],
    ['value limit', `at most\n${MAX_ROW_BYTES.toLocaleString('en')}`],
    ['operations', `${Operation.put} put, ${Operation.delete} delete; bit ${Math.log2(EXPIRY_FLAG)}`],
    ['first record', `place the first record ${FRAME_HEADER_BYTES + COMMIT_BLOCK_BYTES} bytes behind`],
    [
      'node kinds',
      `${NodeKind.recordsLeaf} leaf of records, ${NodeKind.keysLeaf} leaf of keys, ${NodeKind.inner} inner node, ${NodeKind.recordsDelta} delta of a leaf of records, ${NodeKind.keysDelta} delta of a leaf of keys`,
    ],
    ['node limit', `this head included; at most ${MAX_NODE_IMAGE_BYTES.toLocaleString('en')} `],
    ['tree height', `0 in a leaf, 1 to ${MAX_TREE_HEIGHT} in an inner node`],
    ['structures of a checkpoint', `number of record structures, at most ${MAX_STRUCTURES} `],
    ['quarantine head', `A head of ${QUARANTINE_HEAD_BYTES} bytes`],
    ['quarantine version', `| version      | ${QUARANTINE_VERSION} `],
    [
      'quarantine reasons',
      `${QuarantineReason.uncommittedTail} uncommitted tail, ${QuarantineReason.tornTail} torn tail, ` +
        `${QuarantineReason.damage} damage, ${QuarantineReason.shortFile} short file`,
    ],
  ])('states the %s of the code', (_what, text) => {
    expect(page).toContain(text)
  })
})
