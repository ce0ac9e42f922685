/**
 * The declarations check in a user's project under old and new compilers, with and without Node's types, without
 * `skipLibCheck`. The project itself states what must be refused, so that declarations that lost their types fail.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { sampled } from '../support/counts.js'
import { node, npm, repository } from './run.js'

const installed = inject('installed')
const compilers = join(dirname(installed), 'compilers')
const compilerPaths = {
  '5.4': join(compilers, 'node_modules/typescript-5.4/bin/tsc'),
  '5.9': join(compilers, 'node_modules/typescript-5.9/bin/tsc'),
  '7.0': join(repository, 'node_modules/typescript/bin/tsc'),
}

beforeAll(() => {
  mkdirSync(compilers)
  writeFileSync(join(compilers, 'package.json'), '{ "private": true }\n')
  const packages = ['typescript-5.4@npm:typescript@5.4.5', 'typescript-5.9@npm:typescript@5.9.3']
  npm(['install', '--no-audit', '--no-fund', ...packages], compilers)
})

const versions = Object.keys(compilerPaths) as (keyof typeof compilerPaths)[]
/** Every version in each run, with Node's types or without. */
const cases = sampled(
  versions.flatMap((version) => [true, false].map((nodeTypes) => ({ version, nodeTypes }))),
  2,
)

describe('a project that uses the package', () => {
  it.each(cases)('checks under TypeScript $version, Node types: $nodeTypes', ({ version, nodeTypes }) => {
    expect(check(version, nodeTypes)).toBe('')
  })
})

/** More than this would be a sign of types that grow with the square of the fields. */
const MOST_INSTANTIATIONS = 200_000

describe('a definition of 120 fields', () => {
  it.each(versions)('is little work for TypeScript %s', (version) => {
    const folder = join(installed, `wide-${version}`)
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
    writeFileSync(join(folder, 'wide.ts'), wideDefinition(120))
    const compilerOptions = { strict: true, noEmit: true, target: 'es2022', module: 'nodenext', types: [] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    const said = node([compilerPaths[version], '-p', folder, '--extendedDiagnostics'], folder)
    const instantiations = Number(/^Instantiations:\s*(?<count>\d+)/mu.exec(said)?.groups?.['count'])
    expect(instantiations).toBeGreaterThan(1000)
    expect(instantiations).toBeLessThan(MOST_INSTANTIATIONS)
  })
})

function wideDefinition(fields: number): string {
  const kinds = [
    'field.int().optional()',
    'field.list(field.string()).default([])',
    'field.object({ a: field.string(), b: field.object({ c: field.int().optional(), d: field.timestamp() }) })',
    `field.enum(['a', 'b']).nullable()`,
    'field.uint64()',
  ]
  const list = Array.from({ length: fields }, (_, i) => `f${i}: ${kinds[i % kinds.length] ?? ''},`)
  return `import { defineCollection, field, type InputOf, type RowOf } from 'varve'
const Wide = defineCollection({
  name: 'wide', primaryKey: 'f4', fields: { ${list.join('\n')} },
  indexes: { deep: { on: 'f2.b.c' }, two: { on: ['f7.a', 'f0'] } },
})
export const list: InputOf<typeof Wide>['f1'] = ['a']
export const date: RowOf<typeof Wide>['f2']['b']['d'] = new Date()
`
}

/** What the compiler says about a copy of `consumer/` beside the installed package; empty if nothing. */
function check(version: keyof typeof compilerPaths, nodeTypes: boolean): string {
  const folder = join(installed, `consumer-${version}-${nodeTypes}`)
  cpSync(join(import.meta.dirname, 'consumer'), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  const compilerOptions = {
    strict: true,
    // Node's own types do not check under it.
    exactOptionalPropertyTypes: !nodeTypes,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    module: 'nodenext',
    types: nodeTypes ? ['node'] : [],
    typeRoots: [join(repository, 'node_modules/@types')],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  return node([compilerPaths[version], '-p', folder], folder)
}
