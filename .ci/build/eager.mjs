/**
 * Has V8 compile what the first open of a process runs together with the file that it is in.
 *
 * V8 leaves a function alone until it is called. Then it reads it again, looks its surroundings up anew and compiles it, one by one:
 * half of what a first open took. A function that is written in parentheses is compiled with its file. So those at the top of a file
 * that an open was seen to run become `var name = (function (...) {...})`, ahead of all else, as declarations come before all else.
 * Methods cannot be written so.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'rolldown/parseAst'

/** An open runs some hundreds; if fewer were seen, this looks for the wrong thing. */
const LEAST_FUNCTIONS = 100

/** Rewrites the files of a built package in place. */
export function compileFirstOpenAhead(dist) {
  const endsByFile = new Map()
  for (const { file, end } of functionsOfFirstOpen(dist))
    endsByFile.set(file, (endsByFile.get(file) ?? new Set()).add(end))
  let count = 0
  for (const [file, ends] of endsByFile) {
    const code = readFileSync(file, 'utf8')
    const chosen = parseAst(code).body.filter(
      (node) => node.type === 'FunctionDeclaration' && ends.has(node.end),
    )
    if (chosen.length > 0) writeFileSync(file, compiledAhead(code, chosen))
    count += chosen.length
  }
  if (count < LEAST_FUNCTIONS) throw new Error(`an open was seen to run ${count} functions only`)
}

/** The code with these of its top functions ahead, in parentheses. */
function compiledAhead(code, declarations) {
  const ahead = declarations.map(({ id, end, async, generator }) => {
    const kind = `${async ? 'async ' : ''}function${generator ? '*' : ''}`
    return `${id.name} = (${kind} ${code.slice(id.end, end)})`
  })
  let rest = ''
  let from = 0
  for (const { start, end } of declarations) {
    rest += code.slice(from, start)
    from = end
  }
  return `var ${ahead.join(',\n')};\n${rest}${code.slice(from)}`
}

function functionsOfFirstOpen(dist) {
  const folder = mkdtempSync(join(tmpdir(), 'varve-build-'))
  try {
    const database = join(folder, 'first.varve')
    run(dist, database)
    return JSON.parse(run(dist, database, 'record'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(...options) {
  const script = fileURLToPath(import.meta.resolve('./first-open.mjs'))
  const { status, stdout } = spawnSync(process.execPath, [script, ...options], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error('the package that was built does not open a database')
  return stdout
}
