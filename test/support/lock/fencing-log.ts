/** Judges what takers wrote down while they held a lock: was there ever an owner that another one overlapped? */

/** What the log shows. */
export interface FencingVerdict {
  readonly takes: number
  /** Owners that ended without giving the lock up, all of them announced as killed. */
  readonly abandoned: number
  readonly violations: readonly string[]
}

interface Entry {
  readonly kind: string
  readonly owner: string
}

/**
 * Lines: `+ <kind> <owner>` it holds the lock; `- <kind> <owner>` it is about to give it up; `x <prefix>` all owners
 * that begin so are about to be killed. Whoever comes after an owner that neither gave up nor was to be killed, or
 * that writes once more afterwards, overlapped it. Readers may overlap readers.
 */
export function judgeFencingLog(text: string): FencingVerdict {
  const active = new Map<string, Entry>()
  const abandoned = new Set<string>()
  const doomed: string[] = []
  const violations: string[] = []
  let takes = 0
  for (const [index, line] of text.split('\n').entries()) {
    const [what, kind = '', owner = ''] = line.split(' ')
    if (what === 'x') doomed.push(kind)
    if (what === '+') {
      takes += 1
      for (const other of active.values()) {
        if (kind === 'reader' && other.kind === 'reader') continue
        if (doomed.some((prefix) => other.owner.startsWith(prefix))) {
          active.delete(other.owner)
          abandoned.add(other.owner)
        } else violations.push(`line ${index + 1}: ${owner} came while ${other.owner} held it`)
      }
      active.set(owner, { kind, owner })
    }
    if (what === '-' && abandoned.has(owner))
      violations.push(`line ${index + 1}: ${owner} lived on after it was replaced`)
    if (what === '-') active.delete(owner)
  }
  return { takes, abandoned: abandoned.size, violations }
}
