/** Every command of the page on the command line is run, in order, as a reader would. */
import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { program, repositoryFile } from './run.js'

const page = repositoryFile('docs/cli.md')
const blocks = Array.from(
  page.matchAll(/^```sh\n(?<script>.*?)^```$/gmsu),
  ({ groups }) => groups?.['script'] ?? '',
)

describe.skipIf(process.platform === 'win32')('docs/cli.md', () => {
  const bin = temporaryDirectory()
  const home = temporaryDirectory()
  writeFileSync(bin.file('varve'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  chmodSync(bin.file('varve'), 0o755)
  afterAll(() => {
    bin.remove()
    home.remove()
  })

  const run = (script: string): { status: number | null; stdout: string; stderr: string } =>
    spawnSync('sh', ['-e', '-c', script], {
      cwd: home.path,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin.path}${delimiter}${process.env['PATH'] ?? ''}` },
    })

  it('has commands to run', () => {
    expect(blocks.length).toBeGreaterThan(8)
  })

  it.each(blocks.map((script, index) => ({ script, title: `${index + 1}: ${script.split('\n')[0] ?? ''}` })))(
    'runs block $title',
    ({ script }) => {
      const { status, stdout, stderr } = run(script)
      expect({ status, stderr: allowed(script, stderr) }).toEqual({ status: 0, stderr: '' })
      expect(stdout).toMatch(expected(script))
    },
  )

  it('names every command and every option', () => {
    const commands = Array.from(
      run('varve --help').stdout.matchAll(/^ {2}(?<name>[a-z-]+) <database>/gmu),
      ({ groups }) => groups?.['name'] ?? '',
    )
    expect(commands.length).toBeGreaterThan(8)
    for (const command of commands) {
      expect(page).toContain(`\`${command}\``)
      const options = run(`varve help ${command}`).stdout.matchAll(/^ {2}(?<option>--[a-z-]+)/gmu)
      for (const { groups } of options)
        if (groups?.['option'] !== '--help') expect(page).toContain(groups?.['option'])
    }
  })
})

/** The page says of these blocks that they fail. */
function allowed(script: string, stderr: string): string {
  return script.includes('|| echo') ? '' : stderr
}

/** What a block is there to show. */
function expected(script: string): RegExp {
  if (script.includes('before Emma')) return /^exit code 1\n$/u
  if (script.includes('no such book')) return /^there is no such book\n\{\n {2}"reader": 7,/u
  if (script.includes('--on-conflict skip')) return /^ {2}skipped +3: their keys were taken$/mu
  if (script.includes('polish')) return /'books', which is new, of .*polish\.varve\n {2}rows read {2}1\n/u
  if (script.includes('fine:float64'))
    return /"book":"Emma","reader":8,"due":\{"\$date":"2024-06-02T12:00:00\.000Z"\},"id":"[-0-9a-f]{36}"\}$/mu
  return /\w/u
}
