/** @seald-io/nedb: all rows in memory, every change appended to a file of JSON that is read whole at each open. It never syncs. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Datastore from '@seald-io/nedb'

export async function open({ folder, indexed, durable }) {
  const path = join(folder, 'rows.nedb')
  const isNew = !existsSync(path)
  const db = new Datastore({ filename: path })
  await db.loadDatabaseAsync()
  if (indexed && isNew) {
    await db.ensureIndexAsync({ fieldName: 'group' })
    await db.ensureIndexAsync({ fieldName: 'score' })
  }
  const documentOf = ({ id, ...rest }) => ({ _id: id, ...rest })
  const rowOf = ({ _id, ...rest }) => ({ id: _id, ...rest })
  const orNothing = (found) => (found === null ? undefined : rowOf(found))
  const insert = (row) => db.insertAsync(documentOf(row))
  return {
    load: (batch) => db.insertAsync(batch.map(documentOf)),
    ...(durable ? {} : { insert }),
    update: (key, level) => db.updateAsync({ _id: key }, { $set: { level } }),
    get: (key) => db.findOneAsync({ _id: key }).execAsync().then(orNothing),
    equal: (group) =>
      db
        .findAsync({ group })
        .execAsync()
        .then((found) => found.map(rowOf)),
    remove: (keys) => db.removeAsync({ _id: { $in: keys } }, { multi: true }),
    async scan(visit) {
      for (const found of await db.findAsync({}).execAsync()) visit(rowOf(found))
    },
    compact: () => db.compactDatafileAsync(),
    bytes: () => statSync(path).size,
    // It has nothing to close; what was acknowledged is in the file.
    close: () => undefined,
  }
}
