// The overrides of this agent among its parts: checked against the intent in force before they are set, told to people as a
// condition and to the hub as a report of their own.

import { toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { overrideByText } from '../../shared/override/override.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { overlayFault, overlayWarnings, withOverlays } from '../../shared/policy/overlay.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { AgentOptions } from '../agent.ts'
import type { Parts } from '../agent-parts.ts'
import type { HubLink } from '../link/hub-link.ts'
import { createOverrideBook, type OverrideBook, type OverrideBookOptions, type OverrideOrder } from './book.ts'
import type { AgentOverrides } from './people.ts'

export interface OwnOverrides {
  readonly book: OverrideBook
  readonly people: AgentOverrides
  /** Reads what the last run left. */
  load(): void
  /** Judges anew, and tells whom it concerns. */
  look(): void
  /** The broker has this report, and the hub is there. */
  told(report: Uint8Array): void
  /** The hub has this report, and all that it tells of has ended. */
  isHeard(report: Uint8Array): boolean
}

/** Hash of the last report that the hub has: one of overrides that have all ended need not be told at every connect. */
const TOLD = 'policy-overrides-told'

function conditionText(views: readonly OverrideView[]): string {
  return views
    .map(({ by, expiresAt, id, policies, reason }) => {
      const names = policies.map((policy) => policy.name).join(', ')
      return `${id} (${names}) until ${new Date(expiresAt).toISOString()} by ${overrideByText(by)}: ${reason}`
    })
    .join('; ')
}

interface Place {
  readonly self: BodyOf<'node'>
  readonly records: ParsedRecords
}

function checkOrder({ policies }: OverrideOrder, network: string, { self }: Pick<Place, 'self'>): void {
  for (const policy of policies) {
    const field = `Policy/${policy.name}`
    if (policy.spec.network !== network) {
      throw new HoldfastError('invalid', `is ${policy.spec.network}; this node belongs to ${network}`, {
        field: `${field} spec.network`,
        remedy: `Write network: ${network}.`,
      })
    }
    const fault = overlayFault(self, policy)
    if (fault === undefined) continue
    const labels = Object.entries(self.labels).map(([key, value]) => `${key}=${value}`)
    throw new HoldfastError('invalid', fault, {
      field,
      remedy: `Let its subject select this node (${self.name}; ${labels.join(', ') || 'no labels'}), in mode Enforce, with rules that name nodes or addresses.`,
    })
  }
}

export function createOwnOverrides(
  options: AgentOptions,
  parts: Parts,
  running: { readonly link: HubLink | undefined },
  doors: Pick<OverrideBookOptions, 'settled' | 'onChange'>,
): OwnOverrides {
  const { identity, sha256, store, verify } = options
  const { clock, health, holding, keep, members, ownDevice, time } = parts
  const network = identity.network.id
  const node = identity.nodeId
  const speaker = {
    network,
    node,
    get key() {
      return ownDevice.key()
    },
    get formerKeys() {
      return ownDevice.keys()
    },
    verify,
    sha256,
  }
  const links = () => ownDevice.links()
  const own = { network, node, speaker, links, clock, holding, keep, time, onChange }
  const book = createOverrideBook({ ...options, ...doors, ...own })
  const hashOf = (report: Uint8Array): string => toHex(sha256(report))
  let offered: Uint8Array | undefined

  let signedBy = ownDevice.key()
  /** Those that a former key signed: the hub goes by the present one. */
  const signAnew = (): void => {
    signedBy = ownDevice.key()
    if (ownDevice.keys().length > 1) book.signAnew()
  }

  const activeViews = (): readonly OverrideView[] => book.views().filter(({ state }) => state === 'active')

  const isHeard = (report: Uint8Array): boolean => activeViews().length === 0 && store.get(TOLD) === hashOf(report)

  const tell = (): void => {
    const active = activeViews()
    if (active.length === 0) health.clear('policy-override')
    else health.raise('policy-override', conditionText(active))
    const report = book.report()
    const { link } = running
    if (report === undefined || link === undefined || report === offered) return
    offered = report
    if (isHeard(report)) return
    link.tellOverrides(report)
  }

  function onChange(): void {
    tell()
    doors.onChange()
  }

  const place = (): Place => {
    const self = members.me()
    const records = holding.inForce()?.parsed.records
    if (self !== undefined && records !== undefined) return { self, records }
    throw new HoldfastError(
      'forbidden',
      'this node is no member by the intent in force: there is no policy to override',
      {
        remedy: 'See `holdfast status`.',
      },
    )
  }

  return {
    book,
    people: {
      views: () => book.views(),
      restore(id, by) {
        const view = book.restore(id, by)
        tell()
        return view
      },
      set(order) {
        const here = place()
        checkOrder(order, identity.network.name, here)
        const records = withOverlays(here.records, book.overlays())
        const next = { id: parseName('new'), policies: order.policies, expiresAt: 0 }
        const warnings = [...overlayWarnings(records, here.self, next)]
        const { kept, view } = book.set(order)
        if (!kept) warnings.push('the disk takes no writes: a restart of the agent would end it')
        tell()
        return { override: view, warnings }
      },
    },
    isHeard,
    load() {
      book.load()
      signAnew()
    },
    look() {
      if (signedBy !== ownDevice.key()) signAnew()
      book.look()
      tell()
    },
    told(report) {
      keep.write('keep what the hub was told', () => store.set(TOLD, hashOf(report)))
    },
  }
}
