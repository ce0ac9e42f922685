/**
 * `varve verify`: checks everything in a database file and lists every finding.
 */
import type { Command } from 'commander'
import type { VerifyFinding, VerifyReport } from '../../src/tools.js'
import { verify } from '../../src/tools.js'
import type { CommandSpec, Outcome, Run } from '../command.js'
import { visible } from '../escape.js'
import { ExitCode } from '../exit-codes.js'
import { count, counted, facts, size } from '../format.js'
import { HelpGroup } from '../help-groups.js'
import { choice } from '../options.js'

interface Options {
  readonly deep?: boolean | undefined
  readonly failOn: 'error' | 'warning'
}

export const verifyCommand: CommandSpec<Options> = {
  name: 'verify',
  group: HelpGroup.look,
  summary: 'check every byte, and list every finding',
  description:
    'Checks the fixed blocks, every frame, the chain of commits, checkpoints, and every node and record that the index ' +
    'leads to, and lists every finding: where it is, what was expected and what was there. Exits 1 if there is damage. Reads the file as it ' +
    'is, needs no lock and changes nothing.',
  examples: [
    'varve verify library.varve',
    'varve verify library.varve --deep --fail-on warning',
    'varve verify library.varve --quiet && echo sound',
  ],
  addOptions(command: Command) {
    command
      .option('--deep', 'also decode every row and check its key')
      .addOption(
        choice('--fail-on', ['error', 'warning'], 'least severity that makes the exit code 1', 'error'),
      )
  },
  work,
}

async function work({ database, options, signal, startProgress }: Run<Options>): Promise<Outcome> {
  const progress = await startProgress('verify')
  const result = await verify(database, { deep: options.deep ?? false, signal, onProgress: progress.update })
  progress.stop()
  const { errors, warnings } = result
  const hasFailed = errors > 0 || (options.failOn === 'warning' && warnings > 0)
  return {
    result,
    text: reportText(result),
    exitCode: hasFailed ? ExitCode.findings : ExitCode.done,
  }
}

function reportText(report: VerifyReport): string {
  const { findings, errors, warnings, deep, path, fileBytes, rows, collections } = report
  const { frames, commits, checkpoints } = report
  const summary = facts(`${errors === 0 ? 'Sound' : 'DAMAGED'}: ${visible(path)}`, [
    ['findings', `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`],
    [
      'checked',
      `${count(fileBytes)} bytes (${size(fileBytes)}), ${counted(frames, 'frame')}, ${counted(commits, 'commit')}, ${counted(checkpoints, 'checkpoint')}`,
    ],
    ['rows', `${count(rows)} in ${counted(collections, 'collection')}${deep ? ', each decoded' : ''}`],
  ])
  return [...grouped(findings).map(groupText), summary].join('\n')
}

/** Findings that are one after the other and alike but for their figures, such as the frames behind a break. */
function grouped(findings: readonly VerifyFinding[]): VerifyFinding[][] {
  const groups: VerifyFinding[][] = []
  for (const finding of findings) {
    const group = groups.at(-1)
    const last = group?.at(-1)
    if (last !== undefined && last.end === finding.offset && likeness(last) === likeness(finding))
      group?.push(finding)
    else groups.push([finding])
  }
  return groups
}

function likeness({ severity, kind, expected, actual }: VerifyFinding): string {
  return JSON.stringify([severity, kind, expected, actual.replaceAll(/\d+/gu, '#')])
}

/** The first of a group in full; of the others, how many there are, and where. */
function groupText(group: readonly VerifyFinding[]): string {
  const [first, ...others] = group
  const [second] = others
  const last = others.at(-1)
  if (first === undefined) return ''
  if (second === undefined || last === undefined) return findingText(first)
  const place = `at offset ${second.offset} to ${last.end ?? last.offset}`
  return `${findingText(first)}  ... and ${counted(others.length, 'more like it', 'more like it')}, ${place}\n`
}

function findingText({ severity, kind, offset, end, expected, actual }: VerifyFinding): string {
  const place = end === undefined ? `at offset ${offset}` : `at offset ${offset} to ${end}`
  return facts(`${severity}: ${kind} ${place}`, [
    ['expected', visible(expected)],
    ['found', visible(actual)],
  ])
}
