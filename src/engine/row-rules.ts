/**
 * The rules of each collection's rows, compiled from its definition once: what a write must fit, and what a read fills in.
 *
 * Rules that are data come from the catalog; those that are code (function defaults, a validator) come with the open, and
 * count for a collection of that name as far as its definition says that it has them. A collection whose code is not at hand
 * takes no writes, unless the open said so.
 */
import type { CollectionDefinition } from '../catalog/definition.js'
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
  /** What counts instead of the catalog's fields. */
  readonly fields: CheckedFields | undefined
}

/** The rules of one collection. */
export interface RowRules {
  /** The row to store for one that is given: with its defaults, checked. Throws `VARVE_VALIDATION` or `VARVE_SCHEMA`. */
  readonly accept: (row: Row) => Row
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
  #unchecked = false

  of(definition: CollectionDefinition): RowRules {
    let rules = this.#rules.get(definition)
    if (rules === undefined) {
      rules = compileRules(definition, this.#code.get(definition.name), this.#unchecked)
      this.#rules.set(definition, rules)
    }
    return rules
  }

  /**
   * From now on `code` belongs to the collection of this name. `fields` is what a reader that may not bring the catalog up to
   * its definition goes by instead of the catalog's fields.
   */
  bind(name: string, code: CollectionCode, fields?: CheckedFields): void {
    this.#code.set(name, { code, fields })
    this.#rules = new WeakMap()
  }

  /** Whether this is the code of the collection of this name. */
  has(name: string, code: CollectionCode): boolean {
    return this.#code.get(name)?.code === code
  }

  /** A collection goes on under another name. */
  rename(from: string, to: string): void {
    const bound = this.#code.get(from)
    if (bound !== undefined) this.bind(to, bound.code, bound.fields)
  }

  /** From now on writes pass that nobody's code checks. */
  allowUnchecked(): void {
    this.#unchecked = true
    this.#rules = new WeakMap()
  }
}

function compileRules(
  definition: CollectionDefinition,
  bound: Bound | undefined,
  unchecked: boolean,
): RowRules {
  const { name, codeRules } = definition
  const { code, fields } = bound ?? {}
  const checked: CheckedFields = fields ?? {
    ...definition,
    unknownFields: definition.unknownFields ?? 'keep',
  }
  const named = new Set(codeRules?.defaults)
  const defaults = new Map(
    [...(code?.defaults ?? [])].filter(([field]) => fields !== undefined || named.has(field)),
  )
  const lacking = [...named].filter((field) => !defaults.has(field))
  const finish = compileFill(checked, defaults, false)
  const validate = codeRules?.validator === true ? code?.validate : undefined
  const lacksCode = lacking.length > 0 || (codeRules?.validator === true && validate === undefined)
  const asRow = finish === undefined ? undefined : (row: Row): Row => finish(row) as Row // Filling an object gives one.
  if (lacksCode && !unchecked) {
    return {
      accept: () => {
        throw codeMissing(name, lacking, codeRules?.validator === true && validate === undefined)
      },
      finish: asRow,
    }
  }
  return { accept: acceptance(name, checked, defaults, new Set(lacking), validate), finish: asRow }
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
  return (row) => {
    let result = fill === undefined ? row : (fill(row) as Row) // Filling an object gives one.
    if (validate !== undefined) {
      const validated = validate(result)
      if (validated !== result) result = fill === undefined ? validated : (fill(validated) as Row) // As above.
    }
    if (check === undefined) return result
    const findings = new Findings()
    check(result, findings)
    if (findings.count > 0) throw misfit(name, findings.issues)
    return result
  }
}
