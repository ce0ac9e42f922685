/**
 * The declared fields of a collection one by one, whichever way they are written: nested ones by their whole path.
 */
import type { FieldDefinition, FieldShape } from '../src/index.js'

/** Fields in their order; an object whose fields are declared is not among them, but they are. */
export function declaredLeaves(
  fields: readonly FieldDefinition[],
  above: readonly string[] = [],
): readonly FieldDefinition[] {
  return fields.flatMap((field) => {
    const path = [...above, ...field.path]
    return field.fields === undefined ? [{ ...field, path }] : declaredLeaves(field.fields, path)
  })
}

/** The field declared at a path, if one is. */
export function declaredAt(
  fields: readonly FieldDefinition[],
  path: readonly string[],
): FieldShape | undefined {
  const identity = JSON.stringify(path)
  return declaredLeaves(fields).find((field) => JSON.stringify(field.path) === identity)
}
