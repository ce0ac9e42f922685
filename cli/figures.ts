/**
 * Figures of a database that more than one command shows.
 */
import type { ByteUse, StatsReport } from '../src/tools.js'
import { visible } from './escape.js'
import { count, exactSize, percent } from './format.js'
import { holderText } from './holder.js'

/** One line of a block of facts. */
export type Fact = readonly [label: string, value: string]

/** Bytes that are in use, and those that are not. */
export function useFacts({ liveBytes, deadBytes }: ByteUse, dead: string): Fact[] {
  return [
    ['live', exactSize(liveBytes)],
    ['dead', `${exactSize(deadBytes)}: ${dead}`],
  ]
}

/** What a compaction would do. */
export function compactionFacts({
  compaction,
  oldestSequence,
}: Pick<StatsReport, 'compaction' | 'oldestSequence'>): Fact[] {
  const { compactedBytes, reclaimableBytes, recommended } = compaction
  const part = reclaimableBytes / (compactedBytes + reclaimableBytes)
  return [
    ['would give back', `${exactSize(reclaimableBytes)}, ${percent(part)} of the file`],
    ['would leave', exactSize(compactedBytes)],
    ['recommended', recommended ? 'yes' : 'no'],
    ['history now', historyText(oldestSequence)],
  ]
}

/** How far back a file can be read. */
export function historyText(oldestSequence: number): string {
  return oldestSequence === 0 ? 'all of it' : `from commit ${count(oldestSequence)} on`
}

/** Who holds a file, and what recovery put beside it. */
export function besideFacts({
  lockHolders,
  quarantines,
}: Pick<StatsReport, 'lockHolders' | 'quarantines'>): Fact[] {
  const holders: Fact[] = lockHolders.map((holder) => ['held by', holderText(holder)])
  const files: Fact[] = quarantines.map(({ path, offset, bytes }) => [
    'quarantine',
    `${visible(path)}: ${exactSize(bytes)} cut off at ${offset}`,
  ])
  return [...(holders.length === 0 ? [['held by', 'nobody'] as const] : holders), ...files]
}
