/**
 * A replay that keeps the catalog alone: rows are counted and forgotten, so that a log of any length takes the same memory.
 */
import { emptyState } from '../engine/empty-state.js'
import { Head, type PlacedRecord, type RowsOfRecords } from '../engine/head.js'
import { RowCodecs } from '../engine/row-codecs.js'
import type { Checkpoint } from '../format/checkpoint.js'
import type { CommitPosition } from '../log/commit-position.js'
import { memoryOnly, type NodeSource, Tree } from '../tree/index.js'

/** Every root is an empty leaf: of a checkpoint's trees nothing is read. */
const withoutNodes: NodeSource = { ...memoryOnly, loadRoot: () => Tree.empty.root }

/** Rows are counted, and never asked for. */
const withoutRows: RowsOfRecords = {
  read: noRows,
  decodeRecord: noRows,
  replaced: () => undefined,
}

function noRows(): never {
  throw new TypeError('A replay of the catalog reads no rows.')
}

export class CatalogHead extends Head {
  /** Bytes of the records of all commits so far, those before the checkpoint that it started from included. */
  recordBytes = 0
  #before = 0

  constructor(start: CommitPosition, path: string) {
    super(emptyState(start, withoutNodes), new RowCodecs(), path, withoutNodes, withoutRows)
  }

  override start(checkpoint: Checkpoint | undefined, parent: CommitPosition): void {
    super.start(checkpoint, parent)
    this.recordBytes = checkpoint?.recordBytes ?? 0
  }

  override begin(speculative: boolean): void {
    this.#before = this.recordBytes
    super.begin(speculative)
  }

  override rollback(): void {
    this.recordBytes = this.#before
    super.rollback()
  }

  protected override build(): void {
    // There are no rows to build it from.
  }

  override beginsWith(): undefined {
    // No row is kept to be compared.
  }

  override putRow(_collectionId: number, _key: Uint8Array, { lengthBytes }: PlacedRecord): void {
    this.recordBytes += lengthBytes
  }

  override deleteRow(_collectionId: number, _key: Uint8Array, { lengthBytes }: PlacedRecord): void {
    this.recordBytes += lengthBytes
  }
}
