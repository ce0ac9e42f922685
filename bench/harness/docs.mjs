/** The section of docs/benchmarks.md that comes from a run; what stands around it is written by hand. */
import { readFileSync, writeFileSync } from 'node:fs'
import { titleOf, PEERS } from './peers.mjs'
import {
  growthOf,
  limitsOf,
  markdownTable,
  partsOf,
  partTitle,
  sharesOf,
  shortfallsOf,
  tableOf,
} from './report.mjs'

const BEGIN = '<!-- Written by `npm run bench:full -- --docs`: change bench/harness/docs.mjs, not this. -->'
const END = '<!-- The end of what is written by that command. -->'

function settingsOf(machine) {
  const cells = PEERS.map(({ name, durable, relaxed, cache, tuned = 'takes no part' }) => [
    titleOf(name),
    machine.versions[name],
    durable,
    relaxed,
    cache,
    tuned,
  ])
  return markdownTable([
    ['peer', 'version', 'durable commits', 'all other', 'cache', 'in the tables of tuned peers'],
    ...cells,
  ])
}

const ratio = ({ line, ratio: { median }, best }) => `${line.label}: ${median.toFixed(2)} of ${titleOf(best)}`

function shortfalls(records, clock) {
  return partsOf(records).flatMap((of) => {
    const { behind, below } = shortfallsOf(records, { ...of, clock })
    const list = (title, rows) =>
      rows.length === 0
        ? []
        : [`${partTitle(of)}, ${title}:`, rows.map((row) => `- ${ratio(row)}`).join('\n')]
    return [...list('behind the best peer', behind), ...list('ahead, but by less than is wanted', below)]
  })
}

const machineText = (machine) =>
  `${machine.date}, ${machine.cores} cores of ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, ${machine.fileSystem}, ` +
  `Node ${machine.node} for every peer.`

const CLOCKS = {
  seconds: 'Times are those of the wall.',
  cpuSeconds:
    'Others used the machine too, so times are those of the processor, of all threads of a process: what waits for a disk looks faster than it is.',
}

/** Everything between the two marks, from the records of a run, by the clock that is named. */
function sectionOf(records, clock) {
  const machine = records.find(({ kind }) => kind === 'machine')
  const [growth, limits] = [growthOf(records, clock), limitsOf(records, clock)]
  const [missed, shares] = [shortfalls(records, clock), sharesOf(records)]
  return [
    BEGIN,
    '## Beside its peers',
    `${machineText(machine)} ${CLOCKS[clock]}`,
    'Each figure is the median of the runs that its title counts, with half of the spread between the least and the most of them as a share. Every workload runs in a ' +
      'process of its own, peers and Varve by turns; identical rows of 10 fields, 195 bytes as JSON, with random keys of 16 characters, from a seed. ' +
      'What is read is checked. What a program does again and again is timed after a warm-up of some seconds, what is done once as it comes. The ratio is that to the best peer of the same line, run by run, with the least and the most; above 1 Varve is ahead. ' +
      'The limit is what one core could do if reading were nothing but checksum and decoding, writing nothing but encoding and checksum, and a ' +
      'durable commit nothing but one sync; where rows are decoded faster than by msgpackr, the share passes 100%. ' +
      'Where a cell is empty, the peer has no such operation or took no part.',
    settingsOf(machine),
    ...partsOf(records).flatMap((of) => [`### ${partTitle(of)}`, tableOf(records, { ...of, clock })]),
    ...(growth === ''
      ? []
      : [
          '### As there are more rows',
          'Varve alone, as it comes. At 1,000,000 rows the primary index about fills its share of the cache of 64 MiB, with secondary ones the indexes are larger than it, and the log is larger than all of the cache.',
          growth,
        ]),
    ...(shares === ''
      ? []
      : [
          '### Where the time goes',
          'Shares of the time of the processor that Varve takes for what is timed, by `npm run bench -- --profile`. `engine` is all between a call and the trees, queries included, and `log` pages and files. The profiler of V8 is told of a sample when a system call returns: shares of these are too high ([why](decisions/0045-searches-pass-by-nodes.md)).',
          shares,
        ]),
    ...(limits === '' ? [] : ['### What the machine can do', limits]),
    '### Where Varve is not ahead',
    ...(missed.length === 0 ? ['In this run it was ahead everywhere by what is wanted.'] : missed),
    END,
  ].join('\n\n')
}

/** Puts the section of `records` in its place in the page at `path`. */
export function writeSection(path, records, clock) {
  const page = readFileSync(path, 'utf8')
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from === -1 || to < from) throw new Error(`${path} lacks the marks between which figures are written.`)
  writeFileSync(path, page.slice(0, from) + sectionOf(records, clock) + page.slice(to + END.length))
}
