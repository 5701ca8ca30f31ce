// Policy overrides at the hub: listed as devices told of them, accepted into intent, or dropped.

import { HoldfastError } from '../../shared/errors.ts'
import { type Name, parseName } from '../../shared/ids.ts'
import { apiVersion, type Resource } from '../../shared/intent/resource.ts'
import { type OverridePolicy, overrideByText } from '../../shared/override/override.ts'
import { viewOverride } from '../../shared/override/report.ts'
import type { Actor } from '../audit.ts'
import { stateOf } from '../fleet/device.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Status } from '../fleet/status.ts'
import type { FleetOverride, Hub } from '../hub.ts'
import type { Commit, Committed } from '../source/commit.ts'
import type { Change, Intents } from '../source/intents.ts'
import type { Verdict, Verdicts } from './verdicts.ts'

export interface OverridesOptions {
  readonly fleet: Pick<Fleet, 'overridden'>
  readonly verdicts: Verdicts
  readonly intents: Pick<Intents, 'get' | 'prepare'>
  readonly commit: Commit
  readonly announce: (changes: readonly Change[], committed: Committed) => void
  readonly status: Pick<Status, 'show'>
  readonly note: Hub['note']
}

const NAME_MAX = 63
/** Of the id, in the names of the policies that an override becomes: enough to tell two apart. */
const ID_SHOWN = 8

/** A name of its own: a policy of intent that is called the same is another one, and perhaps the whole fleet's. */
function nameOf(policy: Name, id: Name): Name {
  const tail = `-${id.slice(0, ID_SHOWN)}`
  return parseName(`${policy.slice(0, NAME_MAX - tail.length).replace(/-+$/, '')}${tail}`)
}

/** The policy for that one device: what was judged by one site is not law for the others. */
function asIntent({ name, spec }: OverridePolicy, { by, id, node, reason }: FleetOverride): Resource<'Policy'> {
  const { nodeSelector } = spec.subject
  return {
    apiVersion,
    kind: 'Policy',
    metadata: {
      name: nameOf(name, id),
      annotations: {
        'holdfast.dev/override': id,
        'holdfast.dev/override-by': overrideByText(by),
        'holdfast.dev/override-reason': reason,
      },
    },
    spec: { ...spec, subject: { node, ...(nodeSelector === undefined ? {} : { nodeSelector }) } },
  }
}

export function createOverrides(options: OverridesOptions): Pick<Hub, 'overrides' | 'acceptOverride' | 'dropOverride'> {
  const { announce, commit, fleet, intents, verdicts } = options

  const list = (): readonly FleetOverride[] =>
    fleet
      .overridden()
      .flatMap((device) =>
        device.overrides.map((told): FleetOverride => {
          const { name, network, nodeId } = device.enrolment
          const verdict = verdicts.of(told.id)
          const { lastSeen } = device
          return {
            ...viewOverride(told),
            node: name,
            nodeId,
            network,
            nodeState: stateOf(device),
            ...(lastSeen === undefined ? {} : { nodeLastSeen: lastSeen }),
            ...(verdict === undefined ? {} : { verdict }),
          }
        }),
      )
      .sort((a, b) => Number(b.state === 'active') - Number(a.state === 'active') || b.madeAt - a.madeAt)

  const find = (id: string): FleetOverride => {
    const fits = list().filter((one) => one.id.startsWith(id))
    const [only] = fits
    if (only !== undefined && fits.length === 1) return only
    const message =
      fits.length === 0 ? `no override ${id.slice(0, 70)} was told of` : `${id} is the beginning of several`
    throw new HoldfastError('not-found', message, { remedy: 'See `holdfast-hub overrides list`.' })
  }

  const refuseJudged = ({ id, verdict }: FleetOverride): void => {
    if (verdict === undefined) return
    throw new HoldfastError(
      'conflict',
      `override ${id} was ${verdict} already; its device has not told yet that it heard`,
    )
  }

  /** All of it in one transaction, and then in one revision. */
  const say = (one: FleetOverride, what: Verdict['verdict'], changes: readonly Change[], actor: Actor): void => {
    const { id, network, node, nodeId } = one
    const verdict = one.state === 'active' ? { id, node: nodeId, network, verdict: what } : undefined
    if (verdict !== undefined) verdicts.check(verdict)
    const verb = what === 'accepted' ? 'accept' : 'drop'
    try {
      const committed = commit(changes, actor, {
        store() {
          if (verdict !== undefined) verdicts.keep(verdict)
          options.note(actor, verb, `override/${id}`, `on ${node}: ${one.reason}`)
        },
      })
      announce(changes, committed)
      if (verdict !== undefined) verdicts.announce(verdict)
    } catch (error) {
      verdicts.reload()
      throw error
    }
  }

  return {
    overrides: list,
    acceptOverride(wanted, actor) {
      const one = find(wanted)
      refuseJudged(one)
      const resources = one.policies.map((policy) => asIntent(policy, one))
      const there = resources.find(({ metadata }) => intents.get('Policy', metadata.name) !== undefined)
      if (there !== undefined) {
        throw new HoldfastError('conflict', `override ${one.id} is in intent already: Policy/${there.metadata.name}`, {
          remedy: `See \`holdfast-hub get policy ${there.metadata.name} -o yaml\`.`,
        })
      }
      const changes = intents.prepare(resources)
      say(one, 'accepted', changes, actor)
      return options.status.show(changes.flatMap((change) => change.after ?? []))
    },
    dropOverride(wanted, actor) {
      const one = find(wanted)
      refuseJudged(one)
      if (one.state !== 'active') {
        throw new HoldfastError('conflict', `override ${one.id} has ended already: ${one.state}`)
      }
      say(one, 'dropped', [], actor)
      return { ...one, verdict: 'dropped' }
    },
  }
}
