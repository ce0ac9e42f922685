/**
 * The entry `varve/tools`: analysis of database files, which none of it changes. What these functions resolve to is what the commands
 * of the same names print with `--json`.
 */
export { dumpCatalog, inspect, openFrozen, salvage, stats, verify } from './node-tools.js'
export type { SalvageOptions } from './backup/salvage.js'
export type {
  DamagedRange,
  LostTransaction,
  RecoveredCollection,
  SalvagedRow,
  SalvagedSource,
  SalvageReport,
  UnreadableRow,
} from './backup/salvage-report.js'
export type { CatalogCollection, CatalogIndex, CatalogReport } from './inspect/dump-catalog.js'
export type { InspectOptions } from './inspect/analysed-file.js'
export type { FrameCount } from './inspect/frame-counter.js'
export type { ByteUse } from './engine/byte-use.js'
export type { Reclaim } from './engine/reclaim.js'
export type { StatsReport } from './inspect/file-stats.js'
export type { CheckpointReport, IndexReport, TreeReport, UseReport } from './inspect/index-report.js'
export type { CommitsReport, InspectReport, SuperblockReport } from './inspect/inspect.js'
export type { VerifyFinding } from './inspect/findings.js'
export type { VerifyOptions, VerifyReport } from './inspect/verify.js'
export { breakLocks, listLocks } from './storage/lock/locks.js'
