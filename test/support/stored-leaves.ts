/** A file of nodes by hand of a test: trees are changed, stored, and read anew. */
import { expect } from 'vitest'
import type { StoredRoot } from '../../src/format/checkpoint.js'
import { NodeField } from '../../src/format/index-node.js'
import { viewOf } from '../../src/format/integers.js'
import { MemoryStorage } from '../../src/storage/memory-storage.js'
import type { StorageFile } from '../../src/storage/storage.js'
import { checkTree } from '../../src/tree/check.js'
import { TreeEditor } from '../../src/tree/editor.js'
import { NodeStore } from '../../src/tree/node-store.js'
import { RecordRef } from '../../src/tree/record-ref.js'
import { storedAs } from '../../src/tree/node.js'
import { imageBytes, writeImage } from '../../src/tree/stored-node.js'
import { unstoredNodes } from '../../src/tree/storing.js'
import { Tree } from '../../src/tree/tree.js'
import { FaultyStorage } from './faulty-storage.js'
import { longKeyOf } from './tree-model.js'
import { workloadPlatform } from './workload-platform.js'

const { checksum } = workloadPlatform().platform

/** An image that was written. */
export interface StoredImage {
  readonly position: number
  readonly kind: number
  readonly lengthBytes: number
}

/** A file of nodes, and the tree that was stored in it last. */
export class StoredLeaves {
  readonly storage: FaultyStorage = new FaultyStorage(new MemoryStorage())
  readonly file: StorageFile = this.storage.open('nodes', 'create')
  tree: Tree
  /** Where the tree's nodes are read. */
  store: NodeStore
  /** The budget of those stores. */
  limitBytes = 0
  readonly #ofKeys: boolean

  constructor(ofKeys = false) {
    this.#ofKeys = ofKeys
    // No node is at 0.
    this.file.write(new Uint8Array(8), 0)
    this.store = new NodeStore(this.file, checksum, 0)
    this.tree = ofKeys ? Tree.emptyOfKeys : Tree.empty
  }

  /** Changes the tree, stores what is new of it, and reads it anew from then on. Returns the images, leaves first. It is sound then, if it says so. */
  change(
    change: (editor: TreeEditor) => void,
    { isSound = true }: { readonly isSound?: boolean } = {},
  ): StoredImage[] {
    const editor = new TreeEditor(this.tree)
    change(editor)
    const tree = editor.freeze()
    const images: StoredImage[] = []
    for (const node of unstoredNodes(tree.root)) {
      const position = this.file.size()
      const image = this.store.imageOf(node)
      const bytes = new Uint8Array(imageBytes(image))
      writeImage(image, bytes, viewOf(bytes), 0, position, checksum)
      storedAs(node, image)
      this.file.write(bytes, position)
      images.push({ position, kind: bytes[NodeField.kind] ?? 0, lengthBytes: bytes.length })
    }
    const root = tree.storedRoot()
    const findings = checkTree(this.#opened(new NodeStore(this.file, checksum, 0), root))
    expect(findings.length === 0).toBe(isSound)
    this.store = new NodeStore(this.file, checksum, this.limitBytes)
    this.tree = this.#opened(this.store, root)
    return images
  }

  #opened(store: NodeStore, root: StoredRoot): Tree {
    return this.#ofKeys ? Tree.storedOfKeys(store, root) : Tree.stored(store, root)
  }

  set(...keys: number[]): StoredImage[] {
    return this.change((editor) => {
      for (const n of keys) editor.set(longKeyOf(n, 9), n + 1, 2, 3, new RecordRef())
    })
  }
}
