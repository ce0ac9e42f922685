/** The entry without native code defines and checks typed collections as the other one does. */
import { describe, expect, it } from 'vitest'
import * as nativeFree from '../../../native-free/index.js'

describe('typed collections of the native-free entry', () => {
  it('are checked, filled in and found', () => {
    const { Database, defineCollection, field } = nativeFree
    const Note = defineCollection({
      name: 'notes',
      primaryKey: 'id',
      fields: {
        id: field.uuid().generated(),
        text: field.string().pattern('^n'),
        tags: field.list(field.string()).default(['x']),
      },
      indexes: { byTag: { on: 'tags' } },
    })
    const db = Database.openInMemory({ collections: [Note] })
    const notes = db.collection(Note)
    const id = notes.insertSync({ text: 'note' })
    expect(notes.find({ tags: 'x' }).toArray()).toEqual([{ id, text: 'note', tags: ['x'] }])
    expect(() => notes.insertSync({ text: 'other' })).toThrow(nativeFree.ValidationError)
    db.closeSync()
  })
})
