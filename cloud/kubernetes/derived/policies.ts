// NetworkPolicies and ClusterNetworkPolicies of a cluster as Policies. Pure.
//
// The API server has taken them, so they are in force already for whoever enforces them there. What can't be read here is
// therefore neither left out nor guessed, but closed, in the way that the API of ClusterNetworkPolicy asks for and
// NetworkPolicy implies: a rule that allows allows nothing, a rule that denies or passes on denies everything, and whoever the
// policy may speak of is isolated as if it did.

import * as v from 'valibot'
import { HoldfastError } from '../../../shared/errors.ts'
import { type Name, parseName } from '../../../shared/ids.ts'
import { type Selector, selector } from '../../../shared/intent/field.ts'
import { clusterNetworkPolicySpec, policyOfCluster } from '../../../shared/intent/kubernetes/cluster-network-policy.ts'
import { inNamespace, networkPolicySpec, policyOfNamespace } from '../../../shared/intent/kubernetes/network-policy.ts'
import { networkAnnotation } from '../../../shared/intent/kubernetes/object.ts'
import { podSiteLabel } from '../../../shared/intent/pod-site.ts'
import { type AnyResource, apiVersion, parseResource, parseWith } from '../../../shared/intent/resource.ts'
import type { InputObject, InputRef } from '../input.ts'
import { type Derived, type DeriveOptions, derivedMetadata, derivedName } from './derived.ts'

type Loose = Readonly<Record<string, unknown>>

function looseOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {}
}

function attempt<T>(make: () => T): T | HoldfastError {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    return error
  }
}

function readSelector(value: unknown): Selector | undefined {
  const read = attempt(() => parseWith(selector, value))
  return read instanceof HoldfastError ? undefined : read
}

const consequence = 'What can’t be read of it allows nothing.'

const directions = ['ingress', 'egress'] as const

function rulesOf(spec: Loose, direction: (typeof directions)[number]): readonly unknown[] {
  const rules = spec[direction]
  return Array.isArray(rules) ? rules : []
}

interface Words {
  /** Reads a whole spec. Throws `invalid` with the field. */
  readonly read: (spec: unknown) => object
  /** What is in force while `read` fails: of the rules those that can be read, where `withRules`. */
  readonly closed: (spec: Loose, withRules: boolean) => object
}

function namespaced(namespace: string): Words {
  const schema = v.strictObject({ spec: v.optional(networkPolicySpec, {}) })
  const read = (spec: unknown): object => policyOfNamespace(parseWith(schema, { spec }).spec, namespace)

  /** Undefined where the policy does not clearly say. */
  const typesOf = ({ egress, policyTypes = [] }: Loose): readonly unknown[] | undefined => {
    if (!Array.isArray(policyTypes) || !policyTypes.every((one) => one === 'Ingress' || one === 'Egress'))
      return undefined
    if (policyTypes.length > 0) return policyTypes
    return egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']
  }
  return {
    read,
    closed(spec, withRules) {
      const { egress: _e, ingress: _i, podSelector, policyTypes: _t, ...unknown } = spec
      const [whom, types] = [readSelector(podSelector ?? {}), typesOf(spec)]
      // What allows something is taken only where it is known to whom, and where nothing beside it could mean otherwise.
      const isKnown = withRules && whom !== undefined && types !== undefined && Object.keys(unknown).length === 0
      const readable = (direction: (typeof directions)[number]): readonly unknown[] =>
        (isKnown ? rulesOf(spec, direction) : []).flatMap((rule) => {
          const own = attempt(() => read({ [direction]: [rule] }) as Loose)
          return own instanceof HoldfastError ? [] : own[direction]
        })
      return {
        subject: { podSelector: whom ?? {}, namespaceSelector: inNamespace(namespace) },
        policyTypes: types ?? ['Ingress', 'Egress'],
        ingress: readable('ingress'),
        egress: readable('egress'),
      }
    },
  }
}

const everyPod = { namespaces: {} }
const plain = { tier: 'Admin', priority: 0, subject: everyPod }

const clusterWide: Words = {
  read: (spec) => policyOfCluster(parseWith(v.strictObject({ spec: clusterNetworkPolicySpec }), { spec }).spec),
  closed(spec, withRules) {
    const { egress: _e, ingress: _i, ...rest } = spec
    const part = (own: object): Loose | HoldfastError =>
      attempt(() => clusterWide.read({ ...plain, ...own }) as unknown as Loose)
    // Where it stands can't be told from a part of it: then before all others.
    const place = part({ tier: rest['tier'], priority: rest['priority'] })
    const subject = part({ subject: rest['subject'] })
    const isKnown = withRules && !(part(rest) instanceof HoldfastError)
    const { priority, tier } = place instanceof HoldfastError ? plain : place
    const rulesFor = (direction: (typeof directions)[number]): readonly unknown[] =>
      rulesOf(spec, direction).flatMap((rule) => {
        const own = isKnown ? part({ [direction]: [rule] }) : undefined
        if (own !== undefined && !(own instanceof HoldfastError)) return own[direction]
        return looseOf(rule)['action'] === 'Accept' ? [] : [{ action: 'Deny' }]
      })
    return {
      tier,
      priority,
      subject: subject instanceof HoldfastError ? { namespaceSelector: {} } : subject['subject'],
      ingress: rulesFor('ingress'),
      egress: rulesFor('egress'),
    }
  },
}

/** The network that the object names, or a fault: then it is closed in the one that things are in otherwise. */
function networkOf({ annotations }: InputObject, { confined, network }: DeriveOptions): Name | HoldfastError {
  const named = attempt(() => parseName(annotations[networkAnnotation] ?? network))
  if (!(named instanceof HoldfastError)) {
    if (confined === undefined || named === network) return named
    return new HoldfastError('forbidden', `this cluster belongs to the network ${network}`, {
      field: `metadata.annotations[${networkAnnotation}]`,
      remedy: 'Take the annotation off.',
    })
  }
  return new HoldfastError('invalid', named.message, {
    field: `metadata.annotations[${networkAnnotation}]`,
    remedy: 'Write the name of a Network, or take the annotation off.',
  })
}

/** Whom a policy of a cluster speaks of that speaks for itself alone: pods of its own site, whatever it says. */
function confine(meant: object, { clusterName, confined }: DeriveOptions): object {
  if (confined === undefined) return meant
  const { subject } = meant as { readonly subject: { readonly podSelector?: Selector } }
  const own = { key: podSiteLabel, operator: 'In', values: [clusterName] }
  const matchExpressions = [...(subject.podSelector?.matchExpressions ?? []), own]
  return { ...meant, subject: { ...subject, podSelector: { ...subject.podSelector, matchExpressions } } }
}

/** What the Policy is called; another name where somebody else has a Policy of that one. */
export function policyName(
  { kind, name, namespace }: InputRef,
  { clusterName }: DeriveOptions,
  isTaken = false,
): string {
  if (kind === 'NetworkPolicy') return derivedName(clusterName, 'np', [namespace, name], isTaken)
  return derivedName(clusterName, 'cnp', [name], isTaken)
}

/** `isTaken`: whether somebody else has the Policy of its name. */
export function derivePolicy(
  input: InputObject,
  options: DeriveOptions,
  isTaken = false,
): Derived & { readonly resource: AnyResource } {
  const words = input.kind === 'NetworkPolicy' ? namespaced(input.namespace) : clusterWide
  const own = policyName(input, options, isTaken)
  const network = networkOf(input, options)
  const spec = looseOf(input.spec)

  const policy = (meant: object, fault?: HoldfastError) =>
    parseResource({
      apiVersion,
      kind: 'Policy',
      metadata: derivedMetadata(own, options, input, fault),
      spec: { network: network instanceof HoldfastError ? options.network : network, ...confine(meant, options) },
    })
  const closed = (fault: HoldfastError) => policy(words.closed(spec, false), fault)
  const read = network instanceof HoldfastError ? network : attempt(() => policy(words.read(input.spec)))
  const said = { input, closed, about: `Policy/${own}`, reason: 'NotTranslated', consequence }
  if (!(read instanceof HoldfastError)) return { ...said, resource: read }
  const partly = attempt(() => policy(words.closed(spec, true), read))
  return { ...said, resource: partly instanceof HoldfastError ? closed(read) : partly, fault: read }
}
