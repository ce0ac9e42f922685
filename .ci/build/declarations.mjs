/**
 * The declarations that ship: those that the public entries reach.
 *
 * They must check in any project, with or without Node's types and with old compilers, so they may import no package
 * and refer to no other types than the language's own. A file that speaks of disposal names the library that declares
 * it, because a project's own settings may leave it out.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const importedPath = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])(?<path>[^'"]+)\1/gu
const referencedTypes = /^\/\/\/\s*<reference\s+(?:types|path)=/mu

/** Readies the declarations that `entries` reach and deletes all others. Throws where one needs another package. */
export function keepReachableTypes(folder, entries) {
  const reached = new Set()
  const waiting = [...entries]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue
    reached.add(file)
    waiting.push(...importsOf(file))
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (entry.isFile() && !reached.has(file)) rmSync(file)
  }
  for (const file of reached) nameDisposalLibrary(file)
}

function nameDisposalLibrary(file) {
  const text = readFileSync(file, 'utf8')
  if (!/\bSymbol\.(?:async)?[dD]ispose\b|\b(?:Async)?Disposable\b/u.test(text)) return
  writeFileSync(file, `/// <reference lib="esnext.disposable" />\n${text}`)
}

function importsOf(file) {
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\//gu, '')
  if (referencedTypes.test(text)) throw new Error(`${file} refers to types of another package`)
  return Array.from(text.matchAll(importedPath), ({ groups: { path } }) => {
    if (!path.startsWith('.')) throw new Error(`${file} is public but imports types of '${path}'`)
    return resolve(dirname(file), path.replace(/\.js$/u, '.d.ts'))
  })
}
