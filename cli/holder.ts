/** Who holds a lock, in words. */
import type { LockHolder } from '../src/index.js'
import { visible } from './escape.js'

export function holderText({ kind, pid, threadId, host, since }: LockHolder): string {
  const thread = threadId === 0 ? '' : `, worker thread ${threadId}`
  return `a ${kind}: process ${pid}${thread} on ${visible(host)}, since ${since.toISOString()}`
}
