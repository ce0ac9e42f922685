/**
 * The interface Standard Schema, version 1, by which validators of other libraries are used: Zod, Valibot, ArkType and
 * others implement it. Only the part that is used here is declared.
 */

/** A validator: what takes an `Input` and gives an `Output`, or says what is wrong. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | PromiseLike<StandardResult<Output>>
    /** Types only: never there at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What a validator says. */
export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] }

/** One thing that is wrong. */
export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What a validator takes. */
export type ValidatorInput<V extends StandardSchema> = NonNullable<V['~standard']['types']>['input']

/** What a validator gives. */
export type ValidatorOutput<V extends StandardSchema> = NonNullable<V['~standard']['types']>['output']
