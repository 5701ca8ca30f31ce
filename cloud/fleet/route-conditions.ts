// What the status of a Route says of who leads there, and of other Routes that touch it.

import type { ResourceCondition } from '../resource-condition.ts'
import { names } from './names.ts'
import type { Reach } from './reach.ts'

type Draft = Pick<ResourceCondition, 'type' | 'status' | 'reason' | 'message'>

function saidOf({ failing, used }: Reach): readonly string[] {
  const by = [...used].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${count} by ${name}`)
  const deaf = [...failing].sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    ...(by.length === 0 ? [] : [`devices go there: ${by.join(', ')}`]),
    ...deaf.map(([name, says]) => `${name} does not forward, as ${names(says)} found`),
  ]
}

/** That a router is offline here says nothing of whether it leads there: that goes on without the hub. */
export function reached(reach: Reach): Draft {
  const { dark, draining, offline, online, used } = reach
  const all = online.length + offline.length
  if (all === 0) {
    const message = 'via selects no member that advertises a block around it: nobody leads there'
    return { type: 'Ready', status: 'False', reason: 'NoRouters', message }
  }
  const parts = [`${online.length} of ${all} routers are connected`]
  if (offline.length > 0) parts.push(`offline: ${names(offline)}`)
  if (draining.length > 0) parts.push(`draining: ${names(draining)}`)
  parts.push(...saidOf(reach))
  const devices = [...used.values()].reduce((sum, count) => sum + count, 0)
  if (dark.length > 0) parts.push(`nobody forwards for ${names(dark)}`)
  if (dark.length > 0 && dark.length === devices) {
    return { type: 'Ready', status: 'False', reason: 'NotForwarding', message: parts.join('; ') }
  }
  const status = online.length > 0 ? 'True' : 'Unknown'
  const reason = online.length === 0 ? 'RoutersOffline' : offline.length === 0 ? 'RoutersOnline' : 'SomeOffline'
  return { type: 'Ready', status, reason, message: parts.join('; ') }
}

/** Beside networks that devices stand in. */
export function touching({ elsewhere, narrower }: Reach): Draft {
  if (elsewhere.length > 0) {
    const message =
      `${names(elsewhere.map((name) => `Route/${name}`))} leads to the same addresses at another site (label site): ` +
      'devices take them for one subnet, and go by one router. If they are two, map each with nat: netmap'
    return { type: 'Conflict', status: 'True', reason: 'OtherSite', message }
  }
  const inside = narrower.map(({ block, name }) => `${block} by Route/${name}`)
  const message = inside.length === 0 ? '' : `narrower ones go first: ${names(inside)}`
  return { type: 'Conflict', status: 'False', reason: inside.length === 0 ? 'NoConflicts' : 'NarrowerFirst', message }
}
