/** The tree as the layers above use it. */
export { checkTree } from './check.js'
export { TreeEditor } from './editor.js'
export { RecordRef } from './record-ref.js'
export { type KeyBounds, Tree } from './tree.js'
