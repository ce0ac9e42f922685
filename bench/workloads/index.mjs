/** All workloads by name: `fixture` says which loaded file they need, `changes` that they need a copy of their own. */
import { changes } from './changes.mjs'
import { durables } from './durable.mjs'
import { files } from './files.mjs'
import { loads } from './load.mjs'
import { reads } from './reads.mjs'

export const WORKLOADS = { ...loads, ...durables, ...reads, ...changes, ...files }
