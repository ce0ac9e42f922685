/**
 * How far long work is: a bar on a terminal, on standard error, and nothing anywhere else.
 */

/** Work that reports how far it is. Stop it when the work ends, however it ends. */
export interface Progress {
  /** `total` is what `done` will be at the end; undefined if that is not known. `note` says more in words. */
  update: (done: number, total: number | undefined, note?: string) => void
  stop: () => void
}

export const NO_PROGRESS: Progress = { update: () => undefined, stop: () => undefined }

/** Work shorter than this shows no bar, in milliseconds. */
const PATIENCE_MS = 300

/** A bar, if there is a terminal to show it. */
export async function startProgress(label: string): Promise<Progress> {
  if (!process.stderr.isTTY) return NO_PROGRESS
  const { SingleBar } = await import('cli-progress')
  const started = performance.now()
  const bar = new SingleBar({
    format: (_options, { value, total }, { note }: { note: string }) => line(label, value, total, note),
    fps: 10,
    // The terminal's own settings stay as they are: the process may end without a word.
    hideCursor: null,
    linewrap: true,
    clearOnComplete: true,
    stream: process.stderr,
  })
  let shown = false
  return {
    update(done, total, note = '') {
      if (!shown && performance.now() - started < PATIENCE_MS) return
      const payload = { note }
      if (!shown) bar.start(total ?? 0, 0, payload)
      shown = true
      bar.setTotal(total ?? 0)
      bar.update(done, payload)
    },
    stop() {
      if (shown) bar.stop()
      shown = false
    },
  }
}

const BAR_WIDTH = 30

/** The bar; without a total, only how far it is in words. */
function line(label: string, value: number, total: number, note: string): string {
  if (total === 0) return `${label}  ${note}`
  const part = Math.min(1, value / total)
  const filled = Math.round(part * BAR_WIDTH)
  const bar = '='.repeat(filled) + ' '.repeat(BAR_WIDTH - filled)
  return `${label} [${bar}] ${Math.floor(part * 100)}%  ${note}`
}
