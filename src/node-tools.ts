/**
 * The tools on Node's platform.
 */
import { salvageFile, type SalvageOptions } from './backup/salvage.js'
import type { SalvageReport } from './backup/salvage-report.js'
import { openFrozenEngine } from './engine/open.js'
import { type CatalogReport, dumpCatalogFile } from './inspect/dump-catalog.js'
import type { InspectOptions } from './inspect/analysed-file.js'
import { fileStats, type StatsReport } from './inspect/file-stats.js'
import { inspectFile, type InspectReport } from './inspect/inspect.js'
import { verifyFile, type VerifyOptions, type VerifyReport } from './inspect/verify.js'
import { Database } from './node-database.js'
import { nodePlatform } from './storage/node-platform.js'

/**
 * What a database file is and how it stands. Needs no lock, and changes nothing.
 *
 * Rejects with `VARVE_NOT_FOUND`, `VARVE_FORMAT` if it is no database, `VARVE_CORRUPTION` if its identity is lost.
 */
export async function inspect(path: string, options: InspectOptions = {}): Promise<InspectReport> {
  return await inspectFile(path, options, nodePlatform())
}

/**
 * Figures of a database file, from what an open reads of it: in milliseconds, however large it is. Needs no lock, and changes nothing.
 * Rejects as `inspect`.
 */
export async function stats(path: string, options: InspectOptions = {}): Promise<StatsReport> {
  return await fileStats(path, options, nodePlatform())
}

/** Checks everything in a database file and lists every finding. Needs no lock, and changes nothing. Rejects as `inspect`. */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  return await verifyFile(path, options, nodePlatform())
}

/** The collections of a database file and how their rows are stored. Needs no lock, and changes nothing. Rejects as `inspect`. */
export async function dumpCatalog(path: string, options: InspectOptions = {}): Promise<CatalogReport> {
  return await dumpCatalogFile(path, options, nodePlatform())
}

/**
 * Makes a new database file, at `options.to`, of every whole transaction in a damaged one and in the quarantine files that belong
 * to it, and reports what is missing. Reads only, but for the new file, which is verified before it gets its name. Works on a
 * sound file too. Needs no lock, but whoever writes to the file should stop first. Memory grows with the number of rows.
 *
 * Rejects with `VARVE_NOT_FOUND`, `VARVE_EXISTS` if `to` exists (unless `force`), `VARVE_FORMAT` if the file is of a newer format or
 * holds no frame of a database, `VARVE_NO_SPACE`, and with the reason of `signal`.
 */
export async function salvage(path: string, options: SalvageOptions): Promise<SalvageReport> {
  return await salvageFile(path, options, nodePlatform())
}

/**
 * Opens a database for reading without any lock, frozen at the last commit in its chain: beside a live writer, in a
 * read-only directory, or over a tail that a killed writer left. Changes nothing. Close it when done.
 *
 * Rejects with `VARVE_CORRUPTION` if acknowledged commits are damaged or missing.
 */
export async function openFrozen(path: string): Promise<Database> {
  return new Database(await openFrozenEngine(path, nodePlatform()))
}
