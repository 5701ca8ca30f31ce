// What a schema says beside types: rules over several fields, and what fields mean. Both are read by people and by programs: the
// hub's API document and the definitions for Kubernetes are made of the same words.

import * as v from 'valibot'

/** A rule in the Common Expression Language as Kubernetes speaks it, where `self` is the value. */
export type Cel = string

/**
 * A check whose misfit is told as `message`. `cel` says the same to an API server, for values that already fit the schema;
 * absent where it can't be said there, and then the hub alone judges.
 */
export function rule<T>(holds: (value: T) => boolean, message: string, cel?: Cel) {
  return Object.assign(v.check<T, string>(holds, message), cel === undefined ? {} : { cel })
}

/** The rule of an action of a schema, with what is said where it does not hold. */
export function celOf(action: object): { readonly rule: Cel; readonly message: string } | undefined {
  if (!('cel' in action) || typeof action.cel !== 'string' || !('message' in action)) return undefined
  return { rule: action.cel, message: String(action.message) }
}

/** What the field is for, in a sentence or two; units where it has any. */
export function about<T extends v.GenericSchema>(schema: T, text: string) {
  return v.pipe(schema, v.description(text))
}
