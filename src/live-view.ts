/**
 * What the collections of an open database read: the visible commit, whatever it is by then.
 */
import type { ReadView } from './collection-reader.js'
import type { Engine } from './engine/engine.js'
import { logOf, viewOf } from './snapshot.js'

export function liveView(engine: Engine): ReadView {
  return {
    get rows() {
      return engine.generation.rows
    },
    keys: engine.keys,
    rules: engine.rules,
    platform: engine.parts.platform,
    collection: (name) => viewOf(engine.state, name),
    log: () => logOf(engine.generation, engine.state.commit),
    check: () => engine.checkOpen(),
    get newest() {
      return engine.generation.rows.cache
    },
  }
}
