/** The licences of the packages whose code a bundle holds. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'

const heading = `Varve's distribution holds code of the following packages, under these licences.\n`

/** The text of the notices file for the given bundled module paths. Throws where a package comes without a licence. */
export function thirdPartyNotices(modules) {
  const folders = new Set(Array.from(modules, packageFolder).filter((folder) => folder !== undefined))
  return [heading, ...Array.from(folders, notice).toSorted()].join('\n')
}

function packageFolder(module) {
  if (!module.includes(`${sep}node_modules${sep}`)) return undefined
  let folder = dirname(module)
  while (!isPackage(folder)) folder = dirname(folder)
  return folder
}

/** Some packages hold nested manifests that only state a module type. */
function isPackage(folder) {
  const path = join(folder, 'package.json')
  return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).version !== undefined
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/iu.test(entry))
  if (file === undefined) throw new Error(`${name} is bundled but states no licence text`)
  const text = readFileSync(join(folder, file), 'utf8').trim()
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`
}
