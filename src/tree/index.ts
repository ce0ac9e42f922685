/** The tree as the layers above use it. */
export { checkTree, type TreeFinding } from './check.js'
export type { TreeCursor } from './cursor.js'
export { TreeEditor } from './editor.js'
export { RecordRef } from './record-ref.js'
export { treeShape, type TreeShape } from './shape.js'
export { type CursorOptions, type KeyBounds, Tree } from './tree.js'
