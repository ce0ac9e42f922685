/**
 * One physical file as an engine holds it: what was read from it, and what reads and writes it.
 *
 * A compaction ends by giving the engine another one, whole, between two turns of the event loop. What was made from the
 * one before (a snapshot, a range, a query) keeps its trees and its `rows`, and with them its file, which nobody changes any more.
 */
import type { Checksum } from '../format/checksum.js'
import type { Header } from '../format/header.js'
import type { LogWriter } from '../log/log-writer.js'
import type { RecoveredLog } from '../log/recover.js'
import type { PageCache } from '../storage/page-cache.js'
import type { StorageFile } from '../storage/storage.js'
import type { NodeStore } from '../tree/index.js'
import type { EngineParts } from './engine-parts.js'
import { FreeMemory } from './free-memory.js'
import type { Head } from './head.js'
import { logPages } from './log-pages.js'
import { RecordSource } from './record-source.js'
import { ReplacedRecords } from './replaced-records.js'
import { RowCache } from './row-cache.js'
import type { RowCodecs } from './row-codecs.js'
import { RowReader } from './row-reader.js'
import type { VisibleState } from './state.js'

/** What opening a file brings. */
export interface OpenedFile {
  readonly file: StorageFile
  /** What the recovery found. */
  readonly log: RecoveredLog
  readonly head: Head
  readonly nodes: NodeStore
  readonly visible: VisibleState
  /** Absent when the file is only read. */
  readonly writer: LogWriter | undefined
}

export interface Generation extends OpenedFile {
  readonly header: Header
  readonly checksum: Checksum
  /** Absent for a database in memory. */
  readonly pages: PageCache | undefined
  readonly source: RecordSource
  readonly rows: RowReader
  /** What its records are decoded by: those of the database, but for a follower that had to read a file anew. */
  readonly codecs: RowCodecs
  /** The one that came after it; undefined while it is the newest. Whoever reads on in an old one comes to the newest by these. */
  successor: Generation | undefined
}

/** Gives the memory of its caches back: others read another file now, and who still reads this one reads it from the disk. */
export function letGo({ nodes, source, rows }: Generation): void {
  nodes.letGo()
  rows.cache?.letGo()
  source.dropPages()
}

/** A file that was opened, with what reads its rows. */
export function newGeneration(
  parts: Pick<EngineParts, 'storage' | 'platform' | 'path' | 'codecs' | 'cacheBytes'>,
  opened: OpenedFile,
): Generation {
  const { storage, platform, path, codecs, cacheBytes } = parts
  const { file, visible, head, log, nodes } = opened
  const pages = logPages({ storage, file, visible, cacheBytes })
  const source = new RecordSource(file, platform.checksum, pages)
  const cache = new RowCache(cacheBytes, () => visible.commit.end)
  nodes.shareWith(new FreeMemory({ cacheBytes, pages, rows: cache, end: () => visible.commit.end }))
  const replaced = new ReplacedRecords(() => visible.commit.end)
  const rows = new RowReader(source, codecs, path, cache, replaced)
  const { writer } = opened
  // A reader's head applies what the log holds: nothing is refused.
  if (writer === undefined) head.observe(rows)
  else {
    head.serve(rows, (cause) => writer.abandon('a rollback failed', cause, visible.commit))
    nodes.editsInPlace = true
  }
  return {
    ...opened,
    header: log.header,
    checksum: platform.checksum,
    pages,
    source,
    rows,
    codecs,
    successor: undefined,
  }
}
