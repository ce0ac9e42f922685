/** Every TypeScript snippet of the readme and the docs, and every example of the documentation comments, checked and run. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { node, npm, repository } from './run.js'

const installed = inject('installed')
const PAGES = [
  'README.md',
  ...readdirSync(join(repository, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

interface Snippet {
  readonly from: string
  readonly code: string
}

function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(repository, page), 'utf8')
  return Array.from(text.matchAll(/^```ts\n(?<code>.*?)^```$/gmsu), ({ groups }, i) => ({
    from: `${page}, snippet ${i + 1}`,
    code: groups?.['code'] ?? '',
  }))
}

/** Examples assume what their comment is about; each gets the same beginning. */
function examplesOf(file: string): Snippet[] {
  const text = readFileSync(join(repository, 'src', file), 'utf8')
  return Array.from(text.matchAll(/^ *\* ```ts\n(?<code>.*?)^ *\* ```$/gmsu), ({ groups }, i) => {
    const code = (groups?.['code'] ?? '').replaceAll(/^ *\* ?/gmu, '')
    return { from: `src/${file}, example ${i + 1}`, code: withBeginning(code) }
  })
}

function withBeginning(code: string): string {
  const database = code.includes('Database.open')
    ? ''
    : `const db = Database.openInMemory()\nawait db.registerCollection('books', [], 'title')\n`
  const books =
    code.includes('books.') && !code.includes('const books') ? `const books = db.collection('books')\n` : ''
  return `import { Database } from 'varve'\n${database}${books}${code}`
}

const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)
const snippets = [...PAGES.flatMap(snippetsOf), ...sources.flatMap(examplesOf)]

describe('snippets', () => {
  it('there are some, and the check can fail', () => {
    expect(snippets.length).toBeGreaterThan(7)
    expect(() =>
      runSnippet({ from: 'canary', code: `import { nothing } from 'varve'\nconsole.log(nothing)` }, 999),
    ).toThrow(/nothing/u)
  })

  it.each(snippets.map((snippet, i) => ({ ...snippet, i })))('$from runs', ({ from, code, i }) => {
    runSnippet({ from, code }, i)
  })

  it('all of them are of the right types', () => {
    const folder = join(installed, 'snippet-types')
    mkdirSync(folder, { recursive: true })
    for (const [i, { code, from }] of snippets.entries())
      writeFileSync(join(folder, `${i}.mts`), `// ${from}\n${code}`)
    const options = {
      module: 'nodenext',
      target: 'es2022',
      strict: true,
      noEmit: true,
      types: [],
      lib: ['es2022', 'dom', 'dom.iterable'],
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, include: ['*.mts'] }),
    )
    expect(() => npm(['exec', '--', 'tsc', '-p', folder], repository)).not.toThrow()
  })
})

/** A snippet is TypeScript without annotations, so it runs as it stands. */
function runSnippet({ code }: Snippet, i: number): void {
  const folder = join(installed, `snippet-${i}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'snippet.mjs'), code)
  // Peers that a snippet needs are ours.
  node(['snippet.mjs'], folder, join(repository, 'node_modules'))
}
