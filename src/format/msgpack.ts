/**
 * The one place that touches msgpackr: packers with the options that rows need.
 *
 * msgpackr keeps its buffer, its position and its extensions in its module. Registered are extension types and a class
 * of ours alone, so nothing changes for others who use the same copy of it.
 */
/* oxlint-disable typescript/no-unsafe-type-assertion -- msgpackr's own declarations say less than it does */
import { addExtension, Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from 'msgpackr/pack'
import { MAX_ROW_BYTES, MAX_STRUCTURES } from './limits.js'
import { PACKER_NOTE, structureProblem } from './structures.js'
import { decodeUtf8 } from './utf8.js'
import { bytesToBigint } from './value-bigint.js'
import { ExtensionType, readDateMs } from './value-extensions.js'
import { limitError, ROW_LIMIT } from './value-findings.js'
import { Wrapped, type Allocate, type Pack } from './value-wrapped.js'

/** msgpackr's table of record structures: field names by id, and what it notes there. */
export type StructureTable = string[][] & {
  /** How many may be referred to by id; here always all. */
  sharedLength?: number
  /** A trie of every shape packed, also of those without an id. Null makes it anew from the table. */
  transitions?: object | null
}

/** Fields after which the trie of shapes is made anew: it must not grow with the number of shapes ever seen. */
const TRIE_FIELDS = 65_536

/** After a longer row msgpackr's buffer, which is several times as long, is let go. */
const LARGE_BYTES = 1024 * 1024

/** Packs prepared rows, and unpacks checked bytes, of one collection. */
export class Packer {
  /** Only its length and its entries may be used, and only `define` may add to it. */
  readonly structures: StructureTable = []
  readonly #packr: Packr
  readonly #shares: boolean
  #usesRecords = false
  #trieFields = 0

  /** `shares`: whether shapes become record structures. */
  constructor(shares: boolean) {
    registerExtensions()
    this.#shares = shares
    this.#packr = new Packr({
      structures: this.structures,
      maxSharedStructures: MAX_STRUCTURES,
      // Beyond the shared ones, plain maps: no definition ever stands inside a row.
      maxOwnStructures: 0,
      // Not `false`, which would give integers the tokens of records.
      useRecords: (object: Record<string, unknown>) => this.#usesRecord(object),
      shouldShareStructure: (names: string[]) => structureProblem(names) === undefined,
      mapsAsObjects: true,
      variableMapSize: true,
      useToJSON: false,
      copyBuffers: true,
      // Large bigints are prepared; one that a getter gives later is written, for the check afterwards to refuse.
      useBigIntExtension: true,
    })
  }

  /** Adds the next structure. */
  define(names: string[]): void {
    this.structures.push(names)
    this.structures.sharedLength = this.structures.length
    this.structures.transitions = null
  }

  /**
   * Packs a prepared row with `fields` fields in all. The bytes hold until anything is packed again. A getter of the
   * row may pack with this or another packer: msgpackr keeps apart what it packs at once.
   */
  pack(row: unknown, fields: number): Uint8Array {
    this.#limitTrie(fields)
    running++
    let size = Infinity
    try {
      const whole = this.#packr.pack(row, WHOLE_BUFFER) as WholeBuffer
      size = whole.end - whole.start
      return plainView(whole).subarray(whole.start, whole.end)
    } finally {
      running--
      if (size > LARGE_BYTES) this.#releaseLargeBuffer()
    }
  }

  /** Unpacks bytes that `checkObject` found sound. */
  unpack(bytes: Uint8Array, start: number, end: number): unknown {
    range.start = start
    range.end = end
    return this.#packr.unpack(bytes, range)
  }

  #limitTrie(fields: number): void {
    this.#usesRecords = this.#shares && fields <= TRIE_FIELDS
    this.#trieFields += fields
    if (this.#trieFields <= TRIE_FIELDS || running > 0) return
    this.#trieFields = fields
    this.structures.transitions = null
  }

  /** msgpackr goes back to a small buffer; a result given before stays in the large one. */
  #releaseLargeBuffer(): void {
    if (running > 0 || smallBuffer === undefined) return
    this.#packr.useBuffer(smallBuffer)
    view = new Uint8Array()
  }

  /** Asked by msgpackr for each object; also stops a row that grows far beyond the limit while it is packed. */
  #usesRecord(object: Readonly<Record<string, unknown>>): boolean {
    if (this.#packr.position > MAX_ROW_BYTES * 2) throw limitError(ROW_LIMIT, '')
    return this.#usesRecords && object[PACKER_NOTE] === undefined
  }
}

/** Makes `pack` return its whole buffer, and begin at the same place the next time. */
const WHOLE_BUFFER = REUSE_BUFFER_MODE | RESET_BUFFER_MODE

/** msgpackr's buffer, which says where the last result lies. */
type WholeBuffer = Uint8Array & { readonly start: number; readonly end: number }

/** The bytes of msgpackr's buffer as no subclass; kept because it hardly ever changes. */
let view: Uint8Array = new Uint8Array()

function plainView(whole: Uint8Array): Uint8Array {
  if (view.buffer !== whole.buffer) view = new Uint8Array(whole.buffer, whole.byteOffset, whole.length)
  return view
}

/** Reused: msgpackr reads it and lets it go. */
const range = { start: 0, end: 0 }

/** How many packs run; more than one if a getter packs. */
let running = 0
let registered = false
let smallBuffer: Uint8Array | undefined

function registerExtensions(): void {
  if (registered) return
  registered = true
  // Given this mode, msgpackr returns its whole buffer.
  smallBuffer = new Packr({ useRecords: false }).pack(null, REUSE_BUFFER_MODE)
  register({ Class: Wrapped, type: ExtensionType.negativeZero, pack: packWrapped, unpack: () => -0 })
  register({ type: ExtensionType.date, unpack: (payload) => new Date(readDateMs(payload, 0)) })
  register({ type: ExtensionType.bigint, unpack: bytesToBigint })
  register({ type: ExtensionType.text, unpack: decodeUtf8 })
  register({ type: ExtensionType.map, read: readMap })
  register({ type: ExtensionType.set, read: (items) => new Set(items) })
  register({ type: ExtensionType.object, read: readObject })
}

/** What `addExtension` takes: `unpack` gets a payload, `read` the value after a prefix. */
interface Extension {
  readonly Class?: abstract new () => Wrapped
  readonly type: ExtensionType
  pack?(value: Wrapped, allocate: Allocate, nested: Pack): void
  unpack?(payload: Uint8Array): unknown
  read?(items: readonly unknown[]): unknown
}

function register(extension: Extension): void {
  addExtension(extension as Parameters<typeof addExtension>[0])
}

function packWrapped(value: Wrapped, allocate: Allocate, nested: Pack): void {
  value.writeTo(allocate, nested)
}

function readMap(items: readonly unknown[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>()
  for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1])
  return map
}

/** Defines each field, which for `__proto__` is not the same as assigning it. */
function readObject(items: readonly unknown[]): object {
  const object = {}
  for (let i = 0; i < items.length; i += 2) {
    const property = { value: items[i + 1], enumerable: true, configurable: true, writable: true }
    Object.defineProperty(object, items[i] as string, property)
  }
  return object
}
