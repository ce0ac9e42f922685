/**
 * The end of a writing session: what waits is acknowledged, a checkpoint is taken where it pays, and the file is left clean.
 */
import type { Platform } from '../storage/platform.js'
import { runAsync, runSync } from '../storage/task.js'
import type { Committer } from './committer.js'

export async function endSession(committer: Committer, platform: Platform): Promise<void> {
  await committer.settled()
  await committer.quiet()
  if (committer.checkpointer.dueAtClose) await committer.checkpoint().catch(noMatter)
  await runAsync(committer.finish(), platform)
}

/** As `endSession`, blocking. */
export function endSessionSync(committer: Committer): void {
  if (committer.poison === undefined) {
    committer.drainSync()
    if (committer.checkpointer.dueAtClose) checkpointIfPossible(committer)
  }
  runSync(committer.finish())
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
