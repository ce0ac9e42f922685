/**
 * A storage that leaves out one kind of sync: what the crash tests must notice.
 *
 * A sync is known by what it is for: what was written to the file since the last one, and which file it is.
 */
import { FrameField, FrameKind } from '../../src/format/frame.js'
import { LOG_START } from '../../src/format/header.js'
import type { FileIdentity, OpenMode, Storage, StorageFile } from '../../src/storage/storage.js'

/** Offset of `cutAt` in a superblock. */
const CUT_AT = 160
/** Offset of the kind in a frame. */
const KIND_AT = FrameField.kind

/** What is lost without it: see where the engine calls it. */
export type SyncKind =
  /** Of a new file's content before it is linked into place, */
  | 'created'
  /** and of its name. */
  | 'createdName'
  /** Of commits. */
  | 'commit'
  /** Of a checkpoint's frames, before a superblock names it. */
  | 'checkpoint'
  /** Of what an open wrote again, past the watermark. */
  | 'rewrite'
  /** Of a superblock: of a session's begin or end, */
  | 'session'
  /** that announces a cut, of the truncation, and that ends the cut. */
  | 'cutBegin'
  | 'cutTruncate'
  | 'cutEnd'
  /** Of what was copied aside, and of its name. */
  | 'quarantine'
  | 'quarantineName'
  /** Of a generation before it gets the database's name, and of that name. */
  | 'compacted'
  | 'compactedName'

export class SyncDropper implements Storage {
  readonly kind = 'sync-dropper'
  /** How many syncs were left out. */
  dropped = 0
  readonly #inner: Storage
  readonly #drop: SyncKind
  /** Whether the last name that changed was that of a compacted generation. */
  #compacted = false

  constructor(inner: Storage, drop: SyncKind) {
    this.#inner = inner
    this.#drop = drop
  }

  /** Counts and tells whether a sync is left out. */
  leavesOut(kind: SyncKind): boolean {
    if (kind !== this.#drop) return false
    this.dropped++
    return true
  }

  open(path: string, mode: OpenMode): StorageFile {
    return new DropperFile(this.#inner.open(path, mode), this)
  }

  syncDirectory(path: string): void {
    const kind = this.#compacted
      ? 'compactedName'
      : path.includes('.quarantine-')
        ? 'quarantineName'
        : 'createdName'
    this.#compacted = false
    if (!this.leavesOut(kind)) this.#inner.syncDirectory(path)
  }

  stat(path: string): FileIdentity | undefined {
    return this.#inner.stat(path)
  }

  resolve(path: string): string {
    return this.#inner.resolve(path)
  }

  siblings(path: string): string[] {
    return this.#inner.siblings(path)
  }

  rename(from: string, to: string): void {
    this.#compacted = from.includes('.compact-')
    this.#inner.rename(from, to)
  }

  link(from: string, to: string): void {
    this.#inner.link(from, to)
  }

  remove(path: string): void {
    this.#inner.remove(path)
  }
}

class DropperFile implements StorageFile {
  readonly #inner: StorageFile
  readonly #dropper: SyncDropper
  /** What the next sync is for. */
  #next: SyncKind = 'commit'
  /** Whether this handle has begun a session: what it wrote to the log before, it wrote again. */
  #inSession = false
  #cutting = false

  constructor(inner: StorageFile, dropper: SyncDropper) {
    this.#inner = inner
    this.#dropper = dropper
  }

  get path(): string {
    return this.#inner.path
  }

  set path(path: string) {
    this.#inner.path = path
  }

  size(): number {
    return this.#inner.size()
  }

  identity(): FileIdentity {
    return this.#inner.identity()
  }

  read(target: Uint8Array, position: number): number {
    return this.#inner.read(target, position)
  }

  write(source: Uint8Array, position: number): number {
    this.#note(source, position)
    return this.#inner.write(source, position)
  }

  async writeAsync(source: Uint8Array, position: number): Promise<number> {
    this.#note(source, position)
    return await this.#inner.writeAsync(source, position)
  }

  sync(): void {
    if (!this.#dropper.leavesOut(this.#next)) this.#inner.sync()
  }

  async syncAsync(): Promise<void> {
    if (!this.#dropper.leavesOut(this.#next)) await this.#inner.syncAsync()
  }

  truncate(sizeBytes: number): void {
    if (this.#cutting) this.#next = 'cutTruncate'
    this.#inner.truncate(sizeBytes)
  }

  close(): void {
    this.#inner.close()
  }

  #note(source: Uint8Array, position: number): void {
    this.#next = this.#kindOf(source, position)
  }

  #kindOf(source: Uint8Array, position: number): SyncKind {
    if (this.path.includes('.new-')) return 'created'
    if (this.path.includes('.quarantine-')) return 'quarantine'
    if (this.path.includes('.compact-')) {
      this.#inSession = true
      return 'compacted'
    }
    if (position >= LOG_START) {
      if (!this.#inSession) return 'rewrite'
      return isOfIndex(source) ? 'checkpoint' : 'commit'
    }
    const cutting = new DataView(source.buffer, source.byteOffset).getBigUint64(CUT_AT, true) !== 0n
    if (cutting) {
      this.#cutting = true
      return 'cutBegin'
    }
    if (this.#cutting) return this.#endOfCut()
    this.#inSession = true
    return 'session'
  }

  /** Two superblocks end a cut; the next one after them begins a session. */
  #ends = 0
  #endOfCut(): SyncKind {
    this.#ends++
    if (this.#ends === 2) {
      this.#ends = 0
      this.#cutting = false
    }
    return 'cutEnd'
  }
}

/** Whether what is written begins with a frame of a checkpoint. */
function isOfIndex(source: Uint8Array): boolean {
  const kind = source[KIND_AT]
  return kind === FrameKind.indexNodes || kind === FrameKind.checkpoint
}
