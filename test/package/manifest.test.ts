import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { node, repository } from './run.js'

const tool = (path: string, ...args: string[]): string =>
  node([join(repository, 'node_modules', path), ...args], repository)

describe('the packed manifest', () => {
  it('passes publint', () => {
    expect(tool('publint/src/cli.js', 'run', '--strict', inject('tarball'))).toContain('All good!')
  })

  it('resolves to types and code alike for every kind of importer', () => {
    const report = tool('@arethetypeswrong/cli/dist/index.js', inject('tarball'), '--profile', 'esm-only')
    expect(report).toContain('"varve/native-free"')
  })
})
