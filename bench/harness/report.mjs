/** Results as Markdown: a table for each size and settings. */
import { LINES } from './lines.mjs'
import { titleOf } from './peers.mjs'
import { compare } from './statistics.mjs'

const ORDER = ['varve', 'also', 'lmdb', 'better-sqlite3', 'node-sqlite', 'classic-level', 'nedb']

/** Three digits that count, thousands apart. */
function figure(value) {
  if (value >= 100) return Number(value.toPrecision(3)).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

/** A median, and half of the spread as a share of it. */
function withSpread({ median, least, most }) {
  return `${figure(median)} ±${Math.round(((most - least) / 2 / median) * 100)}%`
}

function ratioText(ratio) {
  if (ratio === undefined) return ''
  return `**${ratio.median.toFixed(2)}** (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`
}

function verdict({ atLeast }, ratio) {
  if (atLeast === undefined) return ''
  return ratio !== undefined && ratio.median >= atLeast ? `${atLeast} ✓` : String(atLeast)
}

/** The table of one size and settings; an empty text if nothing was measured. */
function tableOf(records, of) {
  const rows = LINES.map((line) => ({ line, ...compare(records, line, of) })).filter(
    ({ summaries }) => summaries.size > 0,
  )
  if (rows.length === 0) return ''
  const peers = ORDER.filter((peer) => rows.some(({ summaries }) => summaries.has(peer)))
  const cells = rows.map(({ line, summaries, best, ratio }) => [
    `${line.label}, ${line.unit}`,
    verdict(line, ratio),
    ratioText(ratio),
    ...peers.map((peer) => {
      const found = summaries.get(peer)
      if (found === undefined) return ''
      return peer === best ? `_${withSpread(found)}_` : withSpread(found)
    }),
  ])
  const head = ['what', 'at least', 'ratio to the best peer', ...peers.map(titleOf)]
  return [head, head.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** The sizes and settings of which there are results, in order. */
function partsOf(records) {
  const runs = records.filter(({ kind }) => kind === 'run')
  const counts = [...new Set(runs.map(({ count }) => count))].toSorted((a, b) => a - b)
  return [false, true].flatMap((tuned) =>
    counts
      .filter((count) => runs.some((run) => run.count === count && run.tuned === tuned))
      .map((count) => ({ count, tuned })),
  )
}

export function reportOf(records) {
  return partsOf(records)
    .map((of) => {
      const settings = of.tuned ? 'tuned, with a large cache' : 'as they come'
      return `${of.count.toLocaleString('en')} rows, ${settings}\n\n${tableOf(records, of)}`
    })
    .join('\n\n')
}
