/**
 * Builds the package into `dist/`:
 *
 * - `index.js`, `tools.js` and `sql.js`, with a chunk that they share, so that an error class is one class across all of them; what a first open
 *   runs is compiled with its file;
 * - `cli.js`, which imports those at run time as any user would, with its own libraries bundled;
 * - `schema.json`, of what the CLI prints with `--json`;
 * - `native-free.js`, one file that needs nothing of Node, refused here if it does;
 * - `types/`, the declarations that the entries reach and no others, refused if they need another package;
 * - `THIRD-PARTY-NOTICES.txt`, the licences of everything bundled.
 *
 * It builds aside and swaps at the end, so that a failed build leaves the last good one.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { rolldown } from 'rolldown'
import { keepReachableTypes } from './declarations.mjs'
import { compileFirstOpenAhead } from './eager.mjs'
import { forbiddenUses } from './native-free.mjs'
import { thirdPartyNotices } from './notices.mjs'

const root = dirname(dirname(import.meta.dirname))
const target = join(root, 'dist')
const staging = join(root, 'dist.next')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const external = [/^node:/u, ...Object.keys(manifest.dependencies)]
const bundled = new Set()

rmSync(staging, { recursive: true, force: true })
mkdirSync(staging)
await bundle({
  input: {
    index: join(root, 'src/index.ts'),
    tools: join(root, 'src/tools.ts'),
    sql: join(root, 'src/sql.ts'),
  },
  platform: 'node',
  external,
  plugins: [asciiAlone()],
  chunks: 'chunks',
  // Each file more takes a turn of the loader: what two entries need is one.
  codeSplitting: { groups: [{ name: 'varve', minShareCount: 2 }] },
  // V8 reads every name at the import. Stack traces keep their lines and all names but those of private methods.
  minify: {
    compress: false,
    mangle: { toplevel: false, keepNames: true },
    codegen: { removeWhitespace: false },
  },
})
compileFirstOpenAhead(staging)
await bundle({
  input: { cli: join(root, 'cli/main.ts') },
  platform: 'node',
  external,
  plugins: [publicEntriesStayOutside()],
  chunks: 'cli',
})
chmodSync(join(staging, 'cli.js'), 0o755)
copyFileSync(join(root, 'cli/schema.json'), join(staging, 'schema.json'))
await bundle({
  input: { 'native-free': join(root, 'native-free/index.ts') },
  platform: 'browser',
  resolve: { alias: { 'msgpackr/pack': createRequire(import.meta.url).resolve('msgpackr/index-no-eval') } },
  // msgpackr asks for these by `typeof`; a bundle for browsers answers at build.
  transform: { define: { Buffer: 'undefined', process: 'undefined' } },
  plugins: [refuseForbiddenUses()],
})
declarations()
writeFileSync(join(staging, 'THIRD-PARTY-NOTICES.txt'), thirdPartyNotices(bundled))
rmSync(target, { recursive: true, force: true })
renameSync(staging, target)

async function bundle({ chunks, codeSplitting, minify, ...options }) {
  // How long a plugin takes is a matter of the machine, not a warning.
  const checks = { bundlerTimings: false }
  const build = await rolldown({ logLevel: 'warn', onLog: failOnWarning, checks, ...options })
  const { output } = await build.write({
    dir: staging,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `${chunks}/[name]-[hash].js`,
    codeSplitting,
    minify,
    // The declarations carry the documentation; the licences have a file of their own.
    comments: { jsdoc: false, legal: false },
  })
  await build.close()
  for (const item of output) for (const id of item.moduleIds ?? []) bundled.add(id)
}

/**
 * Texts as escapes where they are not ASCII: V8 keeps the source of what is not compiled yet, and one such character makes it twice as
 * large.
 */
function asciiAlone() {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return {
    name: 'ascii-alone',
    generateBundle(_, output) {
      for (const item of Object.values(output))
        if (item.type === 'chunk') item.code = item.code.replaceAll(/[^\0-\x7f]/g, escaped)
    },
  }
}

function failOnWarning(level, log) {
  if (level === 'warn') throw new Error(log.message)
}

/** The CLI holds no copy of the database: it imports the built entries next to it. */
function publicEntriesStayOutside() {
  const outside = /^(?:\.\.\/)+src\/(index|tools|sql)\.js$/u
  return {
    name: 'public-entries-stay-outside',
    resolveId(source) {
      const entry = outside.exec(source)?.[1]
      return entry === undefined ? undefined : { id: `varve:${entry}`, external: true }
    },
    renderChunk(code, chunk) {
      const up = relative(dirname(chunk.fileName), '.') || '.'
      return code.replaceAll(/(["'])varve:(index|tools|sql)\1/gu, `'${up}/$2.js'`)
    },
  }
}

function refuseForbiddenUses() {
  return {
    name: 'refuse-forbidden-uses',
    renderChunk(code, chunk) {
      const uses = forbiddenUses(code)
      if (uses.length > 0)
        throw new Error(`${chunk.fileName} must run without Node, but uses ${uses.join(', ')}`)
    },
  }
}

function declarations() {
  const types = join(staging, 'types')
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const run = spawnSync(
    process.execPath,
    [compiler, '-p', join(root, '.ci/tsconfig.types.json'), '--outDir', types],
    {
      stdio: 'inherit',
    },
  )
  if (run.status !== 0) throw new Error('the declarations do not compile')
  const entries = Object.values(manifest.exports).flatMap((entry) => entry.types ?? [])
  keepReachableTypes(
    types,
    entries.map((path) => join(types, relative('dist/types', path))),
  )
}
