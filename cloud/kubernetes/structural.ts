// A schema of ours as an API server takes it: a structural schema of OpenAPI 3.0, with rules in CEL for what that can't say.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
//
// What can be said there in neither way, the hub judges alone, and says so in the object's conditions.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { celOf } from '../../shared/intent/rule.ts'
import { labelsMax } from '../../shared/limits.ts'

export type Json = { readonly [key: string]: unknown }

interface Validation {
  readonly rule: string
  readonly message: string
}

const RULES = 'x-kubernetes-validations'

/**
 * An API server refuses a whole definition if what its rules may cost, by the bounds of the lists around them, is too much; so
 * deep inside of policies, where a rule might be asked a million times, the hub judges alone.
 */
const TIMES_MAX = 512

const LABEL_KEY = '^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$'

/** Our own formats: what of them a pattern can say, and a rule the rest. */
const formats: Readonly<
  Record<string, { readonly pattern: string; readonly maxLength: number; readonly rule?: Validation }>
> = {
  'dns-label': { pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$', maxLength: 63 },
  cidr: {
    pattern: '^[0-9A-Fa-f:.]+/(0|[1-9][0-9]{0,2})$',
    maxLength: 49,
    rule: {
      rule: 'isCIDR(self) && cidr(self).masked() == cidr(self)',
      message: 'is not a CIDR block without bits behind its prefix',
    },
  },
  source: {
    pattern: '^(LAN|[0-9A-Fa-f:.]+/(0|[1-9][0-9]{0,2}))$',
    maxLength: 49,
    rule: {
      rule: "self == 'LAN' || (isCIDR(self) && cidr(self).masked() == cidr(self))",
      message: 'is neither LAN nor a CIDR block without bits behind its prefix',
    },
  },
  ip: {
    pattern: '^[0-9A-Fa-f:.]+$',
    maxLength: 45,
    rule: { rule: 'isIP(self)', message: 'is not an IP address' },
  },
  endpoint: { pattern: '^[^ ]+:[1-9][0-9]{0,4}$', maxLength: 260 },
}

/** The parts of the schema library that intent is made of, by their own names of themselves. */
interface Part {
  readonly kind: 'schema' | 'validation' | 'transformation' | 'metadata'
  readonly type: string
  readonly pipe?: readonly Part[]
  readonly requirement?: unknown
  readonly options?: readonly unknown[]
  readonly entries?: Readonly<Record<string, Part>>
  readonly item?: Part
  readonly value?: Part
  readonly wrapped?: Part
  readonly description?: string
  readonly metadata?: { readonly format?: string }
}

function unknownPart({ type }: Part): HoldfastError {
  return new HoldfastError('unsupported', `a structural schema has nothing for "${type}"`)
}

/** The schema at the root of nested pipes, and what is done to its values, first to last. */
function unfold(part: Part): { readonly root: Part; readonly actions: readonly Part[] } {
  const [first, ...rest] = part.pipe ?? []
  if (first === undefined) return { root: part, actions: [] }
  const { root, actions } = unfold(first)
  return { root, actions: [...actions, ...rest] }
}

function bound(type: string, part: Part, below: string, above: string): Json {
  return { [type.startsWith('min') ? below : above]: part.requirement }
}

/** What an action says of values of `type`. */
function wordsOf(type: string, part: Part): Json {
  switch (part.type) {
    case 'description':
      return { description: part.description }
    case 'integer':
      return { type: 'integer' }
    case 'min_value':
    case 'max_value':
      return bound(part.type, part, 'minimum', 'maximum')
    case 'min_length':
    case 'max_length':
      return type === 'array'
        ? bound(part.type, part, 'minItems', 'maxItems')
        : bound(part.type, part, 'minLength', 'maxLength')
    case 'regex':
      return { pattern: (part.requirement as RegExp).source.replaceAll('\\/', '/') }
    case 'metadata': {
      const { maxLength, pattern } = formats[part.metadata?.format ?? ''] ?? {}
      return { pattern, maxLength }
    }
    case 'check':
    case 'raw_transform':
      // Rules are told beside; what a value is turned into is no matter here.
      return {}
    default:
      throw unknownPart(part)
  }
}

function rulesOf(actions: readonly Part[]): readonly Validation[] {
  return actions.flatMap((part) => formats[part.metadata?.format ?? '']?.rule ?? celOf(part) ?? [])
}

function objectOf(entries: Readonly<Record<string, Part>>, times: number): Json {
  const required = Object.keys(entries).filter((key) => unfold(entries[key] as Part).root.type !== 'optional')
  const properties = Object.entries(entries).map(([key, part]) => [key, structural(part, times)])
  return {
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(properties) as Json,
  }
}

function mapOf(value: Part, times: number): Json {
  return {
    type: 'object',
    maxProperties: labelsMax,
    additionalProperties: structural(value, times * labelsMax),
    ...(times > TIMES_MAX
      ? {}
      : {
          [RULES]: [{ rule: `self.all(key, key.matches('${LABEL_KEY}'))`, message: 'has a key that is no label key' }],
        }),
  }
}

/** A number or a text, which a structural schema has a word of its own for; what bounds the one says nothing of the other. */
function unionOf(part: Part): Json {
  const branches = (part.options ?? []).map((one) => unfold(one as Part))
  const types = branches.map(({ root }) => root.type)
  if ([...types].sort().join() !== 'number,string') throw unknownPart(part)
  const words = branches.flatMap(({ actions, root }) => actions.map((action) => wordsOf(root.type, action)))
  const { type: _, ...bounds } = Object.assign({}, ...words) as Json
  return { ...bounds, 'x-kubernetes-int-or-string': true }
}

function shapeOf(root: Part, actions: readonly Part[], times: number): Json {
  const { entries, item, value, wrapped } = root
  switch (root.type) {
    case 'string':
    case 'number':
    case 'boolean':
      return { type: root.type }
    case 'picklist':
      return { type: 'string', enum: root.options }
    case 'union':
      return unionOf(root)
    case 'strict_object':
      return objectOf(entries ?? {}, times)
    case 'record':
      if (value === undefined) break
      return mapOf(value, times)
    case 'array': {
      const most = actions.find(({ type }) => type === 'max_length')?.requirement
      if (item === undefined || typeof most !== 'number') break
      return { type: 'array', items: structural(item, times * most) }
    }
    case 'optional': {
      if (wrapped === undefined) break
      const fallback: unknown = v.getDefault(root as unknown as v.GenericSchema)
      return { ...structural(wrapped, times), ...(fallback === undefined ? {} : { default: fallback }) }
    }
    default:
  }
  throw unknownPart(root)
}

/** `times`: how often the schema may be asked in one object. */
function structural(part: Part, times: number): Json {
  const { root, actions } = unfold(part)
  const shape = shapeOf(root, actions, times)
  const said = actions.map((action) => wordsOf(root.type, action))
  const before = (shape[RULES] ?? []) as readonly Validation[]
  const rules = times > TIMES_MAX ? [] : [...before, ...rulesOf(actions)]
  const { [RULES]: _, ...rest } = Object.assign({}, shape, ...said) as Json
  const known = Object.entries(rest).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries<unknown>(known), ...(rules.length > 0 ? { [RULES]: rules } : {}) }
}

/** Throws `unsupported` where a schema is made of something that has no counterpart. */
export function structuralSchema(schema: v.GenericSchema): Json {
  return structural(schema, 1)
}
