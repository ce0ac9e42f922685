/**
 * Packs the built package once and installs the tarball, and nothing else, in an empty folder outside the repository.
 * Every test of this suite looks at that folder, so it sees what a user gets.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { npm, repository } from './run.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the packed tarball. */
    tarball: string
    /** The folder that holds only the installed tarball. */
    installed: string
  }
}

export function setup(project: TestProject): () => void {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'varve-package-')))
  const installed = join(folder, 'installed')
  mkdirSync(installed)
  const packed = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], repository)
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  const tarball = join(folder, filename)
  writeFileSync(join(installed, 'package.json'), '{ "private": true }\n')
  npm(['install', '--no-audit', '--no-fund', tarball], installed)
  project.provide('tarball', tarball)
  project.provide('installed', installed)
  return () => rmSync(folder, { recursive: true, force: true })
}
