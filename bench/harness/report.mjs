/** Results as Markdown: a table for each size and settings, and one of what the machine can do. */
import { LIMITS, LINES } from './lines.mjs'
import { titleOf } from './peers.mjs'
import { NAMES_OF_PARTS } from './profile.mjs'
import { compare, ratesOfLimits } from './statistics.mjs'

const ORDER = ['varve', 'also', 'lmdb', 'better-sqlite3', 'node-sqlite', 'classic-level', 'nedb']

/** Three digits that count, thousands apart. */
function figure(value) {
  const short = Number(value.toPrecision(3))
  return short >= 100 ? short.toLocaleString('en') : String(short)
}

/** A median, and half of the spread as a share of it. */
function withSpread({ median, least, most }) {
  return `${figure(median)} ±${Math.round(((most - least) / 2 / median) * 100)}%`
}

function ratioText(ratio) {
  if (ratio === undefined) return ''
  return `**${ratio.median.toFixed(2)}** (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`
}

function targetText({ atLeast }, ratio) {
  if (atLeast === undefined) return ''
  return ratio !== undefined && ratio.median >= atLeast ? `${atLeast}, met` : String(atLeast)
}

function shareText({ limit }, varve, limits) {
  const most = limit?.((workload) => limits.get(workload))
  return varve !== undefined && Number.isFinite(most) ? `${Math.round((varve.median / most) * 100)}%` : ''
}

export const markdownTable = (rows) => {
  const [head, ...cells] = rows
  return [head, head.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function compared(records, lines, of) {
  return lines
    .map((line) => ({ line, ...compare(records, line, of) }))
    .filter(({ summaries }) => summaries.size > 0)
}

/** The table of one size and settings. */
export function tableOf(records, of) {
  const rows = compared(records, LINES, of)
  const peers = ORDER.filter((peer) => rows.some(({ summaries }) => summaries.has(peer)))
  const limits = ratesOfLimits(records, of)
  const cells = rows.map(({ line, summaries, best, ratio }) => [
    `${line.label}, ${line.unit}`,
    targetText(line, ratio),
    ratioText(ratio),
    shareText(line, summaries.get('varve'), limits),
    ...peers.map((peer) => {
      const found = summaries.get(peer)
      if (found === undefined) return ''
      return peer === best ? `_${withSpread(found)}_` : withSpread(found)
    }),
  ])
  return markdownTable([
    ['what', 'at least', 'ratio to the best peer', 'share of the limit', ...peers.map(titleOf)],
    ...cells,
  ])
}

/** What the machine can do; an empty text if it was not measured. */
export function limitsOf(records, clock) {
  const runs = records.filter(({ peer }) => peer === 'machine')
  if (runs.length === 0) return ''
  const rows = compared(runs, LIMITS, { count: runs[0].count, tuned: false, clock })
  const cells = rows.map(({ line, summaries }) => [
    `${line.label}, ${line.unit}`,
    withSpread(summaries.get('machine')),
  ])
  return markdownTable([['what', 'figure'], ...cells])
}

/** The sizes and settings of which there are results of peers, in order; or of Varve, if it ran alone. */
export function partsOf(records) {
  const all = records.filter(
    ({ kind, peer, shares }) => kind === 'run' && peer !== 'machine' && shares === undefined,
  )
  const peers = all.filter(({ peer }) => peer !== 'varve')
  const runs = peers.length > 0 ? peers : all
  const counts = [...new Set(runs.map(({ count }) => count))].toSorted((a, b) => a - b)
  return [false, true].flatMap((tuned) =>
    counts.flatMap((count) => {
      const part = runs.filter((run) => run.count === count && run.tuned === tuned)
      return part.length === 0 ? [] : [{ count, tuned, runs: Math.max(...part.map(({ run }) => run)) + 1 }]
    }),
  )
}

export const partTitle = ({ count, tuned, runs }) =>
  `${count.toLocaleString('en')} rows, ${tuned ? 'tuned, with a large cache' : 'as they come'}, ${runs} runs`

/** What becomes of Varve's figures as there are more rows; an empty text if it ran with one number of them. */
export function growthOf(records, clock) {
  const own = records.filter(({ peer, tuned }) => peer === 'varve' && tuned === false)
  const counts = [...new Set(own.map(({ count }) => count))].toSorted((a, b) => a - b)
  const rows = LINES.map((line) => ({
    line,
    cells: counts.map((count) => compare(own, line, { count, tuned: false, clock }).summaries.get('varve')),
  })).filter(({ cells }) => cells[0] !== undefined && cells.some((cell, i) => i > 0 && cell !== undefined))
  if (rows.length === 0) return ''
  const last = (cells) => cells.findLast((cell) => cell !== undefined)
  return markdownTable([
    ['what', ...counts.map((count) => `${count.toLocaleString('en')} rows`), 'the last over the first'],
    ...rows.map(({ line, cells }) => [
      `${line.label}, ${line.unit}`,
      ...cells.map((cell) => (cell === undefined ? '' : withSpread(cell))),
      (last(cells).median / cells[0].median).toFixed(2),
    ]),
  ])
}

/** Where Varve's time goes, of the last run of each workload; an empty text if that was not looked at. */
export function sharesOf(records) {
  const last = new Map()
  for (const { peer, workload, count, shares } of records)
    if (peer === 'varve' && shares !== undefined)
      last.set(`${workload}, ${count.toLocaleString('en')}`, shares)
  if (last.size === 0) return ''
  const cells = Array.from(last, ([name, shares]) => [
    name,
    ...NAMES_OF_PARTS.map((part) => `${Math.round(shares[part] * 100)}%`),
  ])
  return markdownTable([['what', ...NAMES_OF_PARTS], ...cells])
}

/** The lines where the best peer is ahead of Varve, and where a target is not met, of one size and settings. */
export function shortfallsOf(records, of) {
  const rows = compared(records, LINES, of).filter(({ ratio }) => ratio !== undefined)
  return {
    behind: rows.filter(({ ratio }) => ratio.median < 1),
    below: rows.filter(({ line, ratio }) => !of.tuned && ratio.median >= 1 && ratio.median < line.atLeast),
  }
}

/** All tables of a run, by the clock that is named: `seconds` of the wall, or `cpuSeconds` of the processor. */
export function reportOf(records, clock) {
  const tables = partsOf(records).map((of) => `${partTitle(of)}\n\n${tableOf(records, { ...of, clock })}`)
  const [growth, limits] = [growthOf(records, clock), limitsOf(records, clock)]
  if (growth !== '') tables.push(`As there are more rows\n\n${growth}`)
  const shares = sharesOf(records)
  if (shares !== '') tables.push(`Where the time goes\n\n${shares}`)
  return [...tables, ...(limits === '' ? [] : [`What the machine can do\n\n${limits}`])].join('\n\n')
}
