/**
 * The builders of fields: `field.string().nonempty()`. Each call gives a new field and leaves the old one as it was.
 *
 * A field knows the type of its values in a row and in the input of a write, and whether it may be absent; all of that is
 * types alone. What it says at run time is its specification, from which the persisted form is made (persisted.ts).
 */
import type { FieldShape } from '../catalog/field.js'
import type { FieldsInput, FieldsRow } from './types.js'

/** What a field is made of. @internal */
export interface FieldSpecification {
  readonly shape: Omit<FieldShape, 'fields' | 'element' | 'key' | 'default'>
  readonly fallback?: { readonly value: unknown } | { readonly make: () => unknown } | undefined
  readonly fields?: Fields | undefined
  readonly element?: Field | undefined
  readonly key?: Field | undefined
  readonly target?: (() => Field) | undefined
}

/** Fields by name. */
export type Fields = Readonly<Record<string, Field>>

/** Marks of fields, as types only. */
export interface IsOptional {
  readonly '~optional': true
}
export interface IsNullable {
  readonly '~nullable': true
}
export interface HasDefault {
  readonly '~default': true
}
export interface IsGenerated {
  readonly '~generated': true
}

/** A field whose values are `R` in a row and may be given as `I`. */
export class Field<R = unknown, I = R> {
  /** Types only. */
  declare readonly '~row': R
  /** Types only. */
  declare readonly '~input': I
  /** @internal */
  readonly '~specification': FieldSpecification

  /** Use `field`. @internal */
  constructor(specification: FieldSpecification) {
    this['~specification'] = specification
  }

  /** May be absent. */
  optional(): this & IsOptional {
    return this.with({ optional: true }) as this & IsOptional // The mark is a type alone.
  }

  /** May be null. */
  nullable(): this & IsNullable {
    return this.with({ nullable: true }) as this & IsNullable // As above.
  }

  /**
   * Stands in where the field is absent: when a row is written, and when a row older than the field is read. A function is
   * called for each row; it is code, so the database can be written to only by those who bring it.
   */
  default(value: I | (() => I)): this & HasDefault {
    const fallback = typeof value === 'function' ? { make: value as () => unknown } : { value }
    return this.copy({ ...this['~specification'], fallback }) as this & HasDefault // As above.
  }

  /** The same field with other properties. @internal */
  protected with(shape: Partial<FieldShape>): this {
    const specification = this['~specification']
    return this.copy({ ...specification, shape: { ...specification.shape, ...shape } })
  }

  /** @internal */
  protected copy(specification: FieldSpecification): this {
    const copy = Object.create(Object.getPrototypeOf(this) as object) as this // Of the same class.
    Object.defineProperty(copy, '~specification', { value: specification, enumerable: true })
    return copy
  }
}

/** A field of numbers, bigints or dates. */
export class BoundedField<R extends number | bigint | Date> extends Field<R> {
  /** Least value, inclusive. */
  min(least: R): this {
    return this.with({ min: least })
  }

  /** Greatest value, inclusive. */
  max(most: R): this {
    return this.with({ max: most })
  }
}

/** A field of safe integers. */
export class IntField extends BoundedField<number> {
  /** A number that was never given before, where a row has none. Only for a primary key of one field. */
  generated(): this & IsGenerated {
    return this.with({ generated: true }) as this & IsGenerated // The mark is a type alone.
  }
}

/** A field of UUIDs in lower-case 8-4-4-4-12 form. */
export class UuidField extends Field<string> {
  /** A new version 7 UUID, where a row has none. Only for a primary key of one field. */
  generated(): this & IsGenerated {
    return this.with({ generated: true }) as this & IsGenerated // The mark is a type alone.
  }
}

/** A field whose values have a length: UTF-16 units of strings, bytes, or elements. */
export class SizedField<R, I = R> extends Field<R, I> {
  /** Exact length. */
  length(length: number): this {
    return this.with({ length })
  }

  /** Least length. */
  minLength(least: number): this {
    return this.with({ minLength: least })
  }

  /** Greatest length. */
  maxLength(most: number): this {
    return this.with({ maxLength: most })
  }

  /** As `minLength`. */
  min(least: number): this {
    return this.minLength(least)
  }

  /** As `maxLength`. */
  max(most: number): this {
    return this.maxLength(most)
  }

  /** A length of 1 or more. */
  nonempty(): this {
    return this.with({ nonempty: true })
  }
}

/** A field of strings. */
export class StringField extends SizedField<string> {
  /**
   * Some part of the string matches. The pattern is run in linear time, as one with the flag `u`; one with lookaround or
   * backreferences is refused. Flags are `i`, `m` and `s`.
   */
  pattern(pattern: RegExp | string): this {
    if (typeof pattern === 'string') return this.with({ pattern })
    const flags = pattern.flags.replaceAll(/[dguvy]/gu, '')
    return this.with({ pattern: pattern.source, ...(flags === '' ? {} : { patternFlags: flags }) })
  }

  /** An email address, by its form. */
  email(): this {
    return this.with({ email: true })
  }

  /** An absolute URL with a host, by its form. */
  url(): this {
    return this.with({ url: true })
  }
}

/** The kinds of fields. */
export interface FieldBuilders {
  string(): StringField
  /** Integers from -(2^53 - 1) to 2^53 - 1. */
  int(): IntField
  /** Bigints from -2^63 to 2^63 - 1. */
  int64(): BoundedField<bigint>
  /** Bigints from 0 to 2^64 - 1. */
  uint64(): BoundedField<bigint>
  /** All numbers. */
  float64(): BoundedField<number>
  boolean(): Field<boolean>
  timestamp(): BoundedField<Date>
  uuid(): UuidField
  bytes(): SizedField<Uint8Array>
  /** One of some strings. */
  enum<const V extends string>(values: readonly V[]): Field<V>
  list<R, I = R>(element: Field<R, I>): SizedField<R[], I[]>
  object<F extends Fields>(fields: F): Field<FieldsRow<F>, FieldsInput<F>>
  map<KR, R, KI = KR, I = R>(key: Field<KR, KI>, value: Field<R, I>): SizedField<Map<KR, R>, Map<KI, I>>
  set<R, I = R>(element: Field<R, I>): SizedField<Set<R>, Set<I>>
  /** What cannot be named yet: a field that stands within itself. */
  lazy<R, I = R>(target: () => Field<R, I>): Field<R, I>
  /** Every storable value; its type is the caller's claim. */
  any<T = unknown>(): Field<T>
}

/** Makes fields, for {@link defineCollection}. */
export const field: FieldBuilders = {
  string: () => new StringField({ shape: { type: 'string' } }),
  int: () => new IntField({ shape: { type: 'int' } }),
  int64: () => new BoundedField<bigint>({ shape: { type: 'int64' } }),
  uint64: () => new BoundedField<bigint>({ shape: { type: 'uint64' } }),
  float64: () => new BoundedField<number>({ shape: { type: 'float64' } }),
  boolean: () => new Field<boolean>({ shape: { type: 'boolean' } }),
  timestamp: () => new BoundedField<Date>({ shape: { type: 'timestamp' } }),
  uuid: () => new UuidField({ shape: { type: 'uuid' } }),
  bytes: () => new SizedField<Uint8Array>({ shape: { type: 'bytes' } }),
  enum: <const V extends string>(values: readonly V[]) =>
    new Field<V>({ shape: { type: 'enum', values: [...values] } }),
  list: <R, I = R>(element: Field<R, I>) => new SizedField<R[], I[]>({ shape: { type: 'list' }, element }),
  object: <F extends Fields>(fields: F) =>
    new Field<FieldsRow<F>, FieldsInput<F>>({ shape: { type: 'object' }, fields }),
  map: <KR, R, KI = KR, I = R>(key: Field<KR, KI>, value: Field<R, I>) =>
    new SizedField<Map<KR, R>, Map<KI, I>>({ shape: { type: 'map' }, key, element: value }),
  set: <R, I = R>(element: Field<R, I>) =>
    new SizedField<Set<R>, Set<I>>({ shape: { type: 'set' }, element }),
  lazy: <R, I = R>(target: () => Field<R, I>) => new Field<R, I>({ shape: { type: 'recursive' }, target }),
  any: <T = unknown>() => new Field<T>({ shape: { type: 'any' } }),
}
