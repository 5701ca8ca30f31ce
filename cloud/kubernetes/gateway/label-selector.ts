// A selector of labels as people write it in one line, as for `kubectl -l`: `role=gateway,site in (north,south),!spare`. Pure.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors

import { HoldfastError } from '../../../shared/errors.ts'
import { type Selector, selector } from '../../../shared/intent/field.ts'
import { parseWith } from '../../../shared/intent/resource.ts'

type Expression = NonNullable<Selector['matchExpressions']>[number]

const SET = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/
const EQUAL = /^([^\s=!]+)\s*(==?|!=)\s*([^\s=!]*)$/
const PRESENT = /^(!?)\s*([^\s=!()]+)$/
/** Commas within brackets part values, and no requirements. */
const BETWEEN = /,(?![^(]*\))/

function expressionOf(text: string): Expression {
  const [, setKey, verb, list] = SET.exec(text) ?? []
  if (setKey !== undefined && list !== undefined) {
    const values = list.split(',').map((one) => one.trim())
    return { key: setKey, operator: verb === 'in' ? 'In' : 'NotIn', values }
  }
  const [, key, sign, value] = EQUAL.exec(text) ?? []
  if (key !== undefined && value !== undefined)
    return { key, operator: sign === '!=' ? 'NotIn' : 'In', values: [value] }
  const [, not, only] = PRESENT.exec(text) ?? []
  if (only !== undefined) return { key: only, operator: not === '' ? 'Exists' : 'DoesNotExist' }
  throw new HoldfastError('invalid', `“${text}” is no part of a label selector`, {
    remedy: 'Write it as for kubectl -l: role=gateway,site in (north,south).',
  })
}

/** Throws `invalid` with what is wrong; an empty text too, which would select everything. */
export function parseLabelSelector(text: string): Selector {
  const all = text.split(BETWEEN).map((one) => expressionOf(one.trim()))
  return parseWith(selector, { matchExpressions: all })
}
