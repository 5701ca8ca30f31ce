// Kinds of nodes: those that no policy tells apart fare alike with everybody, whatever else their labels say. Two thousand tills
// are judged as one.

import { contains, familyOf, hostCidr } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { type Labels, type Selector, selects } from '../../shared/intent/field.ts'
import { mentionsOf, peersOf } from '../../shared/policy/identity.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'

/** Every selector of nodes that a policy or a service has, once. */
function selectorsOf({ policies, services }: World): readonly Selector[] {
  const all = [
    ...policies.flatMap((policy) => [
      policy.spec.subject.nodeSelector,
      ...peersOf(policy).map(({ nodeSelector }) => nodeSelector),
    ]),
    ...services.map(({ backends }) => backends),
  ]
  return [...new Map(all.flatMap((one) => (one === undefined ? [] : [[JSON.stringify(one), one]]))).values()]
}

/** Nodes with the same word are of one kind. */
export function kindsOf(world: World): (node: Endpoint) => string {
  const selectors = selectorsOf(world)
  const mentions = world.policies.map(mentionsOf)
  const names = new Set(mentions.flatMap((one) => one.names))
  const blocks = [...new Set(mentions.flatMap((one) => one.blocks))]
  const byLabels = new Map<string, string>()
  const selected = (labels: Labels): string => {
    const text = JSON.stringify(Object.entries(labels).sort(([a], [b]) => compareText(a, b)))
    const held = byLabels.get(text)
    if (held !== undefined) return held
    const found = selectors.map((one) => (selects(one, labels) ? '1' : '0')).join('')
    byLabels.set(text, found)
    return found
  }
  return ({ addresses, labels, name }) => {
    const places = addresses.map((address) => {
      const host = hostCidr(address)
      return `${familyOf(address)}${blocks.map((block) => (contains(block, host) ? '1' : '0')).join('')}`
    })
    return [selected(labels), ...places, names.has(name) ? name : ''].join(' ')
  }
}
