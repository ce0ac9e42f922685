/**
 * What the bundle of `varve/native-free` may not hold, as it runs where there is no Node and no evaluation of strings.
 * It reads the syntax: comments and texts may say what they like, and a name counts wherever it stands for a value.
 */
import { parseAst } from 'rolldown/parseAst'

const forbiddenNames = new Set(['Buffer', 'process', 'require', '__dirname', '__filename', 'eval'])

/** The forbidden things that `code` uses, each once, in words. */
export function forbiddenUses(code) {
  const uses = new Set()
  visit(parseAst(code), (node, parent, slot) => {
    const use = importedModule(node) ?? evaluation(node) ?? forbiddenName(node, parent, slot)
    if (use !== undefined) uses.add(use)
  })
  return [...uses]
}

function importedModule({ type, source }) {
  const imports = ['ImportDeclaration', 'ImportExpression', 'ExportNamedDeclaration', 'ExportAllDeclaration']
  if (!imports.includes(type) || !source || source.value?.startsWith('./')) return undefined
  return `the module ${source.value ?? '(computed)'}`
}

function evaluation({ type, callee }) {
  if (type !== 'NewExpression' && type !== 'CallExpression') return undefined
  return callee.type === 'Identifier' && callee.name === 'Function' ? 'the Function constructor' : undefined
}

function forbiddenName(node, parent, slot) {
  if (node.type !== 'Identifier' || !forbiddenNames.has(node.name)) return undefined
  const isPropertyName = (slot === 'property' || slot === 'key') && !parent.computed && !parent.shorthand
  return isPropertyName ? undefined : node.name
}

function visit(node, see, parent, slot) {
  see(node, parent, slot)
  for (const [name, value] of Object.entries(node)) {
    for (const child of [value].flat()) {
      if (typeof child?.type === 'string') visit(child, see, node, name)
    }
  }
}
