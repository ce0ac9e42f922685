/**
 * What both entries export besides `Database`, which differs by the platform under it.
 */
export { Changes, type ChangesOptions, type Commit } from './changes.js'
export { Collection } from './collection.js'
export { CollectionReader } from './collection-reader.js'
export type { IndexDefinition, IndexInput } from './catalog/index-definition.js'
export type { IndexWhere } from './catalog/index-where.js'
export type { Migration, MigrationRecord, MigrationStep } from './catalog/migration.js'
export type { ExportOptions, ExportReport } from './backup/export.js'
export type { RestoreOptions, RestoreReport } from './backup/restore.js'
export type { CollectionOptions } from './collection-options.js'
export type { MigrateOptions, MigrationOutcome, MigrationReport } from './engine/migrate.js'
export type { MemoryOptions } from './database.js'
export type { CollectionsOptions, DatabaseOptions } from './defined-collections.js'
export type { CodeRules, FieldDefinition, FieldShape, FieldType, UnknownFields } from './catalog/field.js'
export type { CollectionDefinition, PrimaryKeyInput } from './catalog/definition.js'
export type { Durability } from './engine/batch.js'
export type { Change, RowChange } from './engine/feed-changes.js'
export type { SchemaChange } from './engine/feed-catalog.js'
export type { TransactionOptions } from './engine/engine.js'
export type { OpenOptions } from './engine/open.js'
export * from './errors.js'
export type { Key, KeyPart } from './format/key.js'
export type { Row } from './format/value.js'
export type { RangeBounds, RangeOptions } from './key-bounds.js'
export type { BadRange, LostCommit, RecoveryClass, RecoveryInfo, RecoveryMode } from './log/recovery-info.js'
export { type HistoryOptions, RowHistory, type RowVersion } from './row-history.js'
export type { AggregateOptions, AggregateResult } from './query/aggregate-types.js'
export type { Page } from './query/query.js'
export { Query } from './query/query.js'
export type { AccessPlan, Analysis } from './query/explain.js'
export { QueryPlan } from './query/explain.js'
export type { Condition, Filter, Operators, OrderBy, TypeName } from './query/filter-types.js'
export type { FindOptions, LookupOptions, Lookups } from './query/options.js'
export type { Direction } from './query/order.js'
export type { Found } from './query/result-types.js'
export type { RowPath, Selected, ValueAt } from './row-paths.js'
export { RowRange } from './row-range.js'
export { type CollectionSchema, defineCollection } from './schema/define-collection.js'
export { field } from './schema/field.js'
export type {
  BoundedField,
  Field,
  Fields,
  IntField,
  SizedField,
  StringField,
  UuidField,
} from './schema/field.js'
export type { StandardIssue, StandardResult, StandardSchema } from './schema/standard-schema.js'
export type { InputOf, KeyOf, Patch, RowOf } from './schema/types.js'
export { Snapshot, type SnapshotOptions } from './snapshot.js'
export type { ByteUse } from './engine/byte-use.js'
export type { CacheStats, DatabaseStats, IndexStats } from './stats.js'
export { MemoryStorage } from './storage/memory-storage.js'
export type { CreateOptions, FileIdentity, OpenMode, Storage, StorageFile } from './storage/storage.js'
export { TransactionCollection, TransactionHandle } from './transaction-handle.js'
