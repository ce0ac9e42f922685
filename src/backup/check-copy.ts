/**
 * Whether a copy of a database is one, to the last byte, before anybody relies on it.
 */
import { CATALOG_ID } from '../catalog/entry.js'
import type { DatabaseState } from '../engine/state.js'
import { CorruptionError } from '../errors.js'
import { digestText } from '../format/digest.js'
import { verifyFile, type VerifyOptions, type VerifyReport } from '../inspect/verify.js'
import type { Platform } from '../storage/platform.js'

/** What a copy must show. */
export interface CopyExpectation {
  /** What it is a copy of, for messages. */
  readonly source: string
  /** State digests by collection, of the state that was copied; undefined where only the copy says them. */
  readonly digests: Readonly<Record<string, string>> | undefined
}

/**
 * Checks all of a copy: each frame, the chain of commits from its begin, each node and record, and the state digests. Throws
 * `VARVE_CORRUPTION` if anything is not as it should be.
 */
export async function checkCopy(
  path: string,
  { source, digests }: CopyExpectation,
  options: VerifyOptions,
  platform: Platform,
): Promise<VerifyReport> {
  const report = await verifyFile(path, options, platform)
  const [first] = report.findings
  if (first !== undefined) {
    const { offset, expected, actual } = first
    throw new CorruptionError(
      `A copy of ${source} does not verify: at offset ${offset} ${expected} was expected, and there was ${actual}. The copy was removed. Run verify on ${source}; if it is sound, check the storage of the copy.`,
      { path: source, offset, expected, actual },
    )
  }
  if (digests !== undefined) requireDigests(report, digests, source)
  return report
}

/** State digests by collection. */
export function digestsOf({ collections }: DatabaseState): Record<string, string> {
  const digests: Record<string, string> = {}
  for (const [id, { definition, digest }] of collections)
    if (id !== CATALOG_ID) digests[definition.name] = digestText(digest)
  return digests
}

function requireDigests(
  { digests: found }: VerifyReport,
  digests: Readonly<Record<string, string>>,
  source: string,
): void {
  const names = new Set([...Object.keys(digests), ...Object.keys(found)])
  for (const name of names) {
    if (digests[name] === found[name]) continue
    const expected = digests[name] ?? 'no such collection'
    const actual = found[name] ?? 'no such collection'
    throw new CorruptionError(
      `A copy of ${source} holds other rows of '${name}' than were copied: state digest ${actual} instead of ${expected}. The copy was removed. Run verify on ${source}, and check the storage of the copy.`,
      { path: source, collection: name, expected, actual },
    )
  }
}
