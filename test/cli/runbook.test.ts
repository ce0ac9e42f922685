/** Every command of the runbook is run, in order, and ends and prints as the page says. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { program, repositoryFile } from './run.js'

interface Block {
  readonly title: string
  readonly script: string
  /** What it prints, where the page shows it: `...` is any text, alone on a line any lines. */
  readonly shown: string | undefined
}

const BLOCKS = /^```sh\n(?<script>.*?)^```$(?:\n\n^```text\n(?<shown>.*?)^```$)?/gmsu
const blocks: Block[] = Array.from(repositoryFile('docs/runbook.md').matchAll(BLOCKS), ({ groups }, i) => {
  const script = groups?.['script'] ?? ''
  return { title: `${i + 1}: ${script.split('\n')[0] ?? ''}`, script, shown: groups?.['shown'] }
})

/** A script that fails unless each command ends with the exit code that stands behind it, or 0. */
function withExitCodes(script: string): string {
  return script.replaceAll(
    /^(?<command>.+?) # exit code (?<code>\d+)$/gmu,
    (_, command: string, code: string) => `ended=0; ${command} || ended=$?; [ "$ended" -eq ${code} ]`,
  )
}

function patternOf(shown: string): RegExp {
  const lines = shown.split('\n').map((line) => {
    if (line === '...') return '(?:.*\n)*?'
    return `${line.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`).replaceAll(String.raw`\.\.\.`, '.*')}\n`
  })
  // The last line ends the text.
  return new RegExp(`^${lines.slice(0, -1).join('')}$`, 'u')
}

describe.skipIf(process.platform === 'win32')('docs/runbook.md', () => {
  const bin = temporaryDirectory()
  const home = temporaryDirectory()
  writeFileSync(bin.file('varve'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  chmodSync(bin.file('varve'), 0o755)
  // As it is where the package was installed.
  mkdirSync(home.file('node_modules'))
  symlinkSync(join(import.meta.dirname, '../..'), home.file('node_modules/varve'))
  afterAll(() => {
    endProgram()
    bin.remove()
    home.remove()
  })

  /** The program that the page starts, if the page did not come to its end. */
  function endProgram(): void {
    if (!existsSync(home.file('app.pid'))) return
    try {
      process.kill(Number(readFileSync(home.file('app.pid'), 'utf8')), 'SIGKILL')
    } catch {
      // It has ended.
    }
  }

  it('has commands, exit codes and outputs, and both can be found wrong', () => {
    expect(blocks.length).toBeGreaterThan(20)
    expect(blocks.filter(({ script }) => script.includes('# exit code')).length).toBeGreaterThan(5)
    expect(blocks.filter(({ shown }) => shown !== undefined).length).toBeGreaterThan(8)
    const status = (script: string): number | null =>
      spawnSync('sh', ['-e', '-c', withExitCodes(script)]).status
    expect(status('false # exit code 1\ntrue')).toBe(0)
    expect(status('true # exit code 1\ntrue')).not.toBe(0)
    expect(status('false\ntrue')).not.toBe(0)
    expect('a\nb c\nd\n').toMatch(patternOf('a\nb ...\n...\n'))
    expect('a\nb c\nd\n').not.toMatch(patternOf('a\n...\nd e\n'))
    expect('a\nb\n').not.toMatch(patternOf('a\n'))
  })

  it.each(blocks)('runs block $title', ({ script, shown }) => {
    const { status, stdout, stderr } = spawnSync('sh', ['-e', '-c', withExitCodes(script)], {
      cwd: home.path,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, PATH: `${bin.path}${delimiter}${process.env['PATH'] ?? ''}` },
    })
    // Who fails on purpose says why; nobody else complains.
    const complaint = script.includes('# exit code') ? '' : stderr
    expect({ status, complaint, stderr }).toEqual({ status: 0, complaint: '', stderr })
    if (shown !== undefined) expect(stdout).toMatch(patternOf(shown))
  })
})
