/**
 * The rules of each collection's rows, compiled from its definition once: what a write must fit, and what a read fills in.
 *
 * Rules that are data come from the catalog; those that are code (function defaults, a validator) come with the open, and
 * count for a collection of that name as far as its definition says that it has them. A collection whose code is not at hand
 * takes no writes, unless the open said so.
 */
import type { CollectionDefinition, CollectionInput } from '../catalog/definition.js'
import { compileFlatFields, type FlatFieldsOf } from '../catalog/flat-fields.js'
import type { CheckedFields } from '../catalog/row-check.js'
import { compileRowCheck, hasRules } from '../catalog/row-check.js'
import { type CodeDefaults, compileFill } from '../catalog/row-fill.js'
import { Findings } from '../format/value-findings.js'
import type { Row } from '../format/value.js'
import { codeMissing, misfit } from './refusals.js'

/** The rules of a collection that are code. */
export interface CollectionCode {
  /** By field: `added`, `items[].id`. */
  readonly defaults: CodeDefaults
  /** Returns the row to store; throws `VARVE_VALIDATION`. */
  readonly validate: ((row: Row) => Row) | undefined
}

/** Code that was brought for a collection. */
interface Bound {
  readonly code: CollectionCode
  /** What counts instead of the catalog's definition. */
  readonly instead: CollectionInput | undefined
}

/** The rules of one collection. */
export interface RowRules {
  /** The definition that rows are read by: the catalog's, but where a reader goes by its own. */
  readonly definition: CollectionDefinition
  /** The row to store for one that is given: with its defaults, checked. Throws `VARVE_VALIDATION` or `VARVE_SCHEMA`. */
  readonly accept: (row: Row) => Row
  /** Which rows `accept` gives back as they are, told from their names; undefined if that cannot be told. */
  readonly flatFields: FlatFieldsOf | undefined
  /** The row to give to a reader for one that is stored; undefined if all are given as they are stored. */
  readonly finish: ((row: Row) => Row) | undefined
}

/** A stored row as readers get it: rows older than a field with a default have it. */
export function finishRow(rules: RowRules, row: Row): Row {
  return rules.finish === undefined ? row : rules.finish(row)
}

/** The rules of all collections of a database. */
export class RulesOf {
  readonly #code = new Map<string, Bound>()
  #rules = new WeakMap<CollectionDefinition, RowRules>()
  /** What was asked for last. */
  #last: { readonly definition: CollectionDefinition; readonly rules: RowRules } | undefined
  #unchecked = false

  of(definition: CollectionDefinition): RowRules {
    if (this.#last?.definition === definition) return this.#last.rules
    let rules = this.#rules.get(definition)
    if (rules === undefined) {
      rules = compileRules(definition, this.#code.get(definition.name), this.#unchecked)
      this.#rules.set(definition, rules)
    }
    this.#last = { definition, rules }
    return rules
  }

  /**
   * From now on `code` belongs to the collection of this name. `instead` is what a reader that may not bring the catalog up to
   * its definition goes by.
   */
  bind(name: string, code: CollectionCode, instead?: CollectionInput): void {
    this.#code.set(name, { code, instead })
    this.#forget()
  }

  /** Whether this is the code of the collection of this name. */
  has(name: string, code: CollectionCode): boolean {
    return this.#code.get(name)?.code === code
  }

  /** A collection goes on under another name. */
  rename(from: string, to: string): void {
    const bound = this.#code.get(from)
    if (bound !== undefined) this.bind(to, bound.code, bound.instead)
  }

  /** From now on writes pass that nobody's code checks. */
  allowUnchecked(): void {
    this.#unchecked = true
    this.#forget()
  }

  #forget(): void {
    this.#rules = new WeakMap()
    this.#last = undefined
  }
}

function compileRules(
  present: CollectionDefinition,
  { code, instead }: Partial<Bound> = {},
  unchecked: boolean = false,
): RowRules {
  const definition = instead === undefined ? present : readBy(present, instead)
  const { name, codeRules } = definition
  const checked: CheckedFields = { ...definition, unknownFields: definition.unknownFields ?? 'keep' }
  const named = new Set(codeRules?.defaults)
  const defaults = new Map([...(code?.defaults ?? [])].filter(([field]) => named.has(field)))
  const lacking = [...named].filter((field) => !defaults.has(field))
  const finish = compileFill(checked, defaults, false)
  const validate = codeRules?.validator === true ? code?.validate : undefined
  const lacksCode = lacking.length > 0 || (codeRules?.validator === true && validate === undefined)
  const asRow = finish === undefined ? undefined : (row: Row): Row => finish(row) as Row // Filling an object gives one.
  if (lacksCode && !unchecked) {
    return {
      definition,
      accept: () => {
        throw codeMissing(name, lacking, codeRules?.validator === true && validate === undefined)
      },
      flatFields: undefined,
      finish: asRow,
    }
  }
  const accept = acceptance(name, checked, defaults, new Set(lacking), validate)
  const flatFields = validate === undefined ? compileFlatFields(checked, defaults) : undefined
  return { definition, accept, flatFields, finish: asRow }
}

/** The catalog's definition with the rules of another. */
function readBy(
  present: CollectionDefinition,
  { fields, unknownFields, codeRules }: CollectionInput,
): CollectionDefinition {
  return { ...present, fields, unknownFields, codeRules }
}

function acceptance(
  name: string,
  checked: CheckedFields,
  defaults: CodeDefaults,
  lacking: ReadonlySet<string>,
  validate: ((row: Row) => Row) | undefined,
): (row: Row) => Row {
  const fill = compileFill(checked, defaults, checked.unknownFields === 'strip')
  const check = hasRules(checked) ? compileRowCheck(checked, lacking) : undefined
  // Used again for as long as it stays empty. Taken for each check, since a getter of a row may store another row.
  let spare: Findings | undefined
  return (row) => {
    let result = fill === undefined ? row : (fill(row) as Row) // Filling an object gives one.
    if (validate !== undefined) {
      const validated = validate(result)
      if (validated !== result) result = fill === undefined ? validated : (fill(validated) as Row) // As above.
    }
    if (check === undefined) return result
    const findings = spare ?? new Findings()
    spare = undefined
    check(result, findings)
    if (findings.count > 0) throw misfit(name, findings.issues)
    spare = findings
    return result
  }
}
