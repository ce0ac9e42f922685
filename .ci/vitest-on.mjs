/** Runs Vitest if this is Node of the stated major version: `node vitest-on.mjs <major> <vitest arguments...>`. */
const [version, ...args] = process.argv.slice(2)
if (!process.versions.node.startsWith(`${version}.`)) {
  throw new Error(`Node ${version} was asked for, but this is ${process.versions.node}`)
}
process.argv.splice(2, Infinity, ...args)
await import('../node_modules/vitest/vitest.mjs')
