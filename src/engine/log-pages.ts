/**
 * The cache of log pages of an open database, from which single records are read.
 *
 * Of the memory for caches it gets a fixed share, and more of what nodes leave free while that holds the whole log (free-memory.ts). Nodes
 * go first: each lookup passes several, while a row is read from one page.
 */
import { PageCache } from '../storage/page-cache.js'
import { PAGE_SHARE } from './checkpoint-policy.js'
import type { EngineParts } from './engine-parts.js'
import type { OpenedFile } from './generation.js'

/**
 * None for a database in memory: a page of it would be a second copy. The committed end bounds what is kept, because nothing below it
 * is ever cut off or written again.
 */
export function logPages(
  parts: Pick<EngineParts, 'storage' | 'cacheBytes'> & Pick<OpenedFile, 'file' | 'visible'>,
): PageCache | undefined {
  const { storage, file, visible, cacheBytes } = parts
  if (storage.kind === 'memory') return undefined
  return new PageCache({ file, limitBytes: cacheBytes * PAGE_SHARE, end: () => visible.commit.end })
}
