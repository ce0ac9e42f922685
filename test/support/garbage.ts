/** Nodes that are given back, full of garbage: whoever reads it all the same is to find out. */
import type { NodePool } from '../../src/tree/node-pool.js'

const GARBAGE = 0xdead_beef

/** From now on what is given back to the pool holds garbage. */
export function spoilGivenBack(pool: NodePool): void {
  const giveBack = pool.giveBack.bind(pool)
  pool.giveBack = (node) => {
    node.words.fill(GARBAGE)
    giveBack(node)
  }
}
