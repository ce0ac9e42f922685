#!/usr/bin/env node
/**
 * The `varve` program, as it is started.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './program.js'

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
  readonly version: string
}
void run(process.argv.slice(2), version)
