/**
 * All workloads by name: `fixture` says which loaded file they need, `changes` that they need a copy of their own, `leaves` which
 * loaded file they leave behind.
 */
import { changes } from './changes.mjs'
import { durables } from './durable.mjs'
import { files } from './files.mjs'
import { limits } from './limits.mjs'
import { loads } from './load.mjs'
import { reads } from './reads.mjs'

export const WORKLOADS = { ...limits, ...loads, ...durables, ...reads, ...changes, ...files }
