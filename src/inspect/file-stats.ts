/**
 * `stats`: the figures of a file, from what an open reads of it. `inspect` reads all of the file and tells more.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import type { DatabaseState } from '../engine/state.js'
import type { RecoveryClass } from '../log/recovery-info.js'
import type { Platform } from '../storage/platform.js'
import type { Task } from '../storage/task.js'
import { type AnalysedFile, analyse, type InspectOptions } from './analysed-file.js'
import { type UseReport, useReport } from './index-report.js'
import { besideReport, type InspectReport, isoTime } from './inspect.js'

/** Figures of a database file. */
export interface StatsReport
  extends
    UseReport,
    Pick<InspectReport, 'path' | 'fileBytes' | 'oldestSequence' | 'lockHolders' | 'quarantines'> {
  readonly databaseId: string
  readonly generationId: string
  /** How an open finds the log to end. */
  readonly classification: RecoveryClass
  /** Sequence of the last commit, and when it was made; 0 and undefined if there is none. */
  readonly commitSequence: number
  readonly commitTime: string | undefined
  readonly collections: number
  readonly rows: number
}

/** Takes the figures of a database file. Needs no lock, and changes nothing. */
export async function fileStats(
  path: string,
  options: InspectOptions,
  platform: Platform,
): Promise<StatsReport> {
  return await analyse(path, options, platform, (analysed) => figures(analysed, options))
}

function* figures(analysed: AnalysedFile, { storage }: InspectOptions): Task<StatsReport> {
  const { path, file, blocks, platform } = analysed
  const { databaseId, generationId, parentSequence } = blocks.header
  const replayed = yield* analysed.replay()
  const { sequence, time } = replayed.state.commit
  return {
    path,
    fileBytes: file.size(),
    databaseId,
    generationId,
    classification: replayed.judgement.classification,
    commitSequence: sequence,
    commitTime: sequence === 0 ? undefined : isoTime(time),
    oldestSequence: parentSequence,
    collections: replayed.state.names.size,
    rows: rowsIn(replayed.state),
    ...useReport(replayed),
    ...besideReport(analysed, storage ?? platform.storage),
  }
}

/** Rows of all collections but the catalog. */
function rowsIn({ collections }: DatabaseState): number {
  let rows = 0
  for (const [id, { tree }] of collections) if (id !== CATALOG_ID) rows += tree.count
  return rows
}
