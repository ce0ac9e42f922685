/**
 * The end of a writing session: what waits is acknowledged, a checkpoint is taken where it pays, and the file is left clean.
 */
import type { Platform } from '../storage/platform.js'
import { runAsync, runSync } from '../storage/task.js'
import type { Committer } from './committer.js'

export async function endSession(committer: Committer, platform: Platform): Promise<void> {
  await committer.settled()
  await committer.quiet()
  if (wantsCheckpoint(committer)) await committer.checkpoint().catch(noMatter)
  await runAsync(committer.finish(), platform)
}

/** As `endSession`, blocking. */
export function endSessionSync(committer: Committer): void {
  if (committer.poison === undefined) {
    // A compaction that is under way comes to nothing.
    committer.checkpointer.resume()
    committer.drainSync()
    if (wantsCheckpoint(committer)) checkpointIfPossible(committer)
  }
  runSync(committer.finish())
}

/** Whether one pays, or somebody asked for one and did not get it before the end was called for. */
function wantsCheckpoint({ checkpointer }: Committer): boolean {
  return checkpointer.asked || checkpointer.dueAtClose
}

function checkpointIfPossible(committer: Committer): void {
  try {
    committer.checkpointSync()
  } catch {
    noMatter()
  }
}

/** A close without its checkpoint loses nothing: the next open reads more of the log. */
function noMatter(): void {
  // As said.
}
