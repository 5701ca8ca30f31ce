// Field types that the resource schemas are made of. Each turns text into a branded value or says what is wrong.

import * as v from 'valibot'
import { parseAddress, parseCidr } from '../address/cidr.ts'
import { parseNamedEndpoint } from '../address/endpoint.ts'
import { describeError } from '../errors.ts'
import { parseName } from '../ids.ts'
import { labelsMax } from '../limits.ts'
import { about, rule } from './rule.ts'

/** A text field parsed by `parse`, whose error becomes the issue's message. `format` names it in generated schemas. */
export function text<Out extends string>(parse: (text: string) => Out, format: string) {
  return v.pipe(
    v.string(),
    v.metadata({ format }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value)
      } catch (error) {
        addIssue({ message: describeError(error) })
        return NEVER
      }
    }),
  )
}

export const name = text(parseName, 'dns-label')
export const cidr = text(parseCidr, 'cidr')
export const address = text(parseAddress, 'ip')
export const namedEndpoint = text(parseNamedEndpoint, 'endpoint')

export function integer(min: number, max: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))
}

export const port = integer(1, 65_535)

/** Kubernetes label keys (`prefix/name`) and values, so that labels move between the two unchanged. */
const labelKey = v.pipe(
  v.string(),
  v.regex(
    /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
    'is not a label key: use up to 63 letters, digits, "-", "_" and ".", optionally behind a DNS prefix and "/"',
  ),
)
const labelValue = v.pipe(
  v.string(),
  v.regex(
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/,
    'is not a label value: use up to 63 letters, digits, "-", "_" and "."',
  ),
)

export const labels = v.pipe(
  v.record(labelKey, labelValue),
  rule(
    (map) => Object.keys(map).length <= labelsMax,
    `has more than ${labelsMax} labels`,
    `size(self) <= ${labelsMax}`,
  ),
)
export type Labels = v.InferOutput<typeof labels>

const expression = v.pipe(
  v.strictObject({
    key: about(labelKey, 'The label.'),
    operator: about(v.picklist(['In', 'NotIn', 'Exists', 'DoesNotExist']), 'How it is looked at.'),
    values: about(v.optional(v.pipe(v.array(labelValue), v.maxLength(256))), 'For In and NotIn.'),
  }),
  rule(
    (e) => (e.operator === 'In' || e.operator === 'NotIn') === (e.values ?? []).length > 0,
    'needs values with In and NotIn, and none with Exists and DoesNotExist',
    "self.operator in ['In', 'NotIn'] == (has(self.values) && size(self.values) > 0)",
  ),
)

/** A Kubernetes label selector. The empty selector `{}` selects everything. */
export const selector = v.strictObject({
  matchLabels: about(v.optional(labels), 'Labels that must be there with these values.'),
  matchExpressions: about(v.optional(v.pipe(v.array(expression), v.maxLength(64))), 'All of them must hold.'),
})
export type Selector = v.InferOutput<typeof selector>

/** Own labels only: a label object also inherits `constructor` and its like. */
function labelOf(has: Labels, key: string): string | undefined {
  return Object.hasOwn(has, key) ? has[key] : undefined
}

export function selects(wanted: Selector, has: Labels): boolean {
  for (const [key, value] of Object.entries(wanted.matchLabels ?? {})) if (labelOf(has, key) !== value) return false
  return (wanted.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labelOf(has, key)
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value)
      case 'NotIn':
        return value === undefined || !values.includes(value)
      case 'Exists':
        return value !== undefined
      case 'DoesNotExist':
        return value === undefined
    }
  })
}
