/**
 * Reads one file into what an engine holds of it, whatever its name: the database itself, or a generation that is to replace it.
 */
import { LOG_START } from '../format/header.js'
import type { CommitPosition } from '../log/commit-position.js'
import { LogWriter } from '../log/log-writer.js'
import { type RecoveredLog, recoverForReading, recoverForWriting, type WritableLog } from '../log/recover.js'
import type { RecoveryMode } from '../log/recovery-info.js'
import type { StorageFile } from '../storage/storage.js'
import type { Task } from '../storage/task.js'
import { NodeStore } from '../tree/index.js'
import { DEFERRED_SHARE, MOST_DEFERRED_BYTES, NODE_SHARE } from './checkpoint-policy.js'
import { Deferral } from './deferral.js'
import { emptyState } from './empty-state.js'
import type { EngineParts } from './engine-parts.js'
import type { OpenedFile } from './generation.js'
import { Head } from './head.js'
import { RecordSource } from './record-source.js'
import { RowReader } from './row-reader.js'
import { VisibleState } from './state.js'

/** Of what an engine is made of, what opening a file takes. `path` is the database's, for messages. */
export type FileParts = Pick<
  EngineParts,
  'path' | 'storage' | 'platform' | 'codecs' | 'durability' | 'cacheBytes'
> & {
  /** Whether rows may be deferred, for `bringUpToDate`. Default false. */
  readonly defers?: boolean
}

/** For so many milliseconds a check that a file is still this session's holds, where no commit waits for a sync. */
const TRUST_MS = 1

/** Opens for reading: never writes a byte. */
export function* openToRead(parts: FileParts, file: StorageFile, mode: RecoveryMode): Task<OpenedFile> {
  const { head, nodes, finish } = replayHead(parts, file)
  const log = yield* recoverForReading(file, parts.platform.checksum, mode, head)
  return { file, log, head, nodes, visible: finish(log), writer: undefined }
}

/** Opens for writing: recovers, and begins a session. `recovered` is called between the two. */
export function* openToWrite(
  parts: FileParts,
  file: StorageFile,
  mode: RecoveryMode,
  recovered: (log: WritableLog) => void = () => undefined,
): Task<OpenedFile> {
  const { storage, platform, durability } = parts
  const { head, nodes, finish } = replayHead(parts, file)
  const log: WritableLog = yield* recoverForWriting(storage, file, platform.checksum, mode, head)
  recovered(log)
  const layAhead = durability === 'commit' && storage === platform.storage
  // Between a check and its write anything may happen anyway. Where no sync is waited for, checks are most of a small commit.
  const trustMs = durability === 'commit' || storage !== platform.storage ? 0 : TRUST_MS
  const writer = yield* LogWriter.begin({ storage, file, platform, layAhead, trustMs }, log)
  return { file, log, head, nodes, visible: finish(log), writer }
}

/** A head to be filled by a replay, and the store of the nodes that it begins with. */
function replayHead(
  { path, platform, codecs, cacheBytes, defers = false }: FileParts,
  file: StorageFile,
): { head: Head; nodes: NodeStore; finish: (log: RecoveredLog) => VisibleState } {
  const nodes = new NodeStore(file, platform.checksum, Math.floor(cacheBytes * NODE_SHARE))
  nodes.replays = true
  const start: CommitPosition = { sequence: 0, time: 0, offset: 0, crc: 0, end: LOG_START, epoch: 0 }
  const rows = new RowReader(new RecordSource(file, platform.checksum), codecs, path)
  const head = new Head(emptyState(start, nodes), codecs, path, nodes, rows)
  if (defers) head.defer(new Deferral(Math.min(cacheBytes * DEFERRED_SHARE, MOST_DEFERRED_BYTES), nodes))
  const finish = (log: RecoveredLog): VisibleState => {
    nodes.replays = false
    const visible = new VisibleState(head.base)
    visible.apply(head.takeChange(), log.last)
    return visible
  }
  return { head, nodes, finish }
}
