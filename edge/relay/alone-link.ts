// The hub link of a relay that is no part of the mesh: it follows the network's intent as agents do, keeps it, and says how it
// is. Without the hub it goes by what it keeps.

import type { BusFactory, Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { formatVersion, noVersion } from '../../shared/record/head.ts'
import { version } from '../../shared/version.ts'
import { encodeStatus, type StatusReport } from '../../shared/wire/report.ts'
import type { Identity } from '../identity.ts'
import { createHubLink, type HubLink } from '../link/hub-link.ts'
import { createSync } from '../link/sync.ts'
import type { Health } from '../report/health.ts'
import { linkFlapMs } from '../report/link-health.ts'
import type { Holding } from '../trust/holding.ts'
import type { Anchors } from '../trust/keys.ts'

export interface AloneLinkOptions {
  readonly identity: Identity
  readonly anchors: Anchors
  readonly holding: Holding
  readonly health: Health
  readonly boot: number
  readonly host: StatusReport['host']
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  readonly bus: BusFactory
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** A newer set is held. */
  readonly onIntent: () => void
}

export interface AloneLink extends Pick<HubLink, 'start' | 'stop' | 'state'> {
  /** Says how it is, if that is another thing than before. */
  tell(): void
}

export function createAloneLink(options: AloneLinkOptions): AloneLink {
  const { anchors, clock, entropy, health, holding, host, identity, log } = options
  const startedAt = Math.max(0, Math.floor(clock.now()))
  /** What was reported last, without its time. */
  let told = ''

  const report = (urgent: boolean): void => {
    const held = holding.held()?.version ?? noVersion
    const applied = holding.inForce()?.version ?? noVersion
    const me = holding.inForce()?.parsed.records.nodes.find(({ nodeId }) => nodeId === identity.nodeId)
    const status: StatusReport = {
      version,
      boot: options.boot,
      startedAt,
      addresses: [...(me?.addresses ?? [])],
      revision: { held, applied, lastGood: applied },
      peers: [],
      peersTotal: 0,
      peersReachable: 0,
      health: [...health.visible()],
      host,
      at: 0,
    }
    const text = JSON.stringify(status)
    if (text === told) return
    told = text
    link.report(encodeStatus({ ...status, at: Math.max(0, Math.floor(clock.now())) }), urgent)
  }

  const sync = createSync({
    anchors,
    clock,
    entropy,
    log,
    inflate: options.inflate,
    held: () => holding.held(),
    onAccepted(accepted) {
      const failure = holding.take(accepted)
      if (failure !== undefined) health.raise('disk-full', describeError(failure))
      if (accepted.next.parsed === undefined) health.raise('intent-unreadable')
      else health.clear('intent-unreadable')
      log.info('new intent', { revision: formatVersion(accepted.next.version), records: accepted.next.records.size })
      options.onIntent()
      report(true)
    },
    onRefused: (detail, lasting) => health.raise('intent-rejected', detail, lasting ? { afterMs: linkFlapMs } : {}),
    onSound: () => health.clear('intent-rejected'),
    send: (payload) => link.request(payload),
  })
  const link: HubLink = createHubLink({
    bus: options.bus,
    network: identity.network.id,
    node: identity.nodeId,
    clock,
    entropy,
    log,
    sync,
    // Where nodes are is no matter of a relay's.
    onFact: () => undefined,
    onRefused: (detail) => health.raise('intent-rejected', detail, { forMs: 10 * 60_000 }),
    onChange: () => undefined,
  })
  return {
    start() {
      report(true)
      link.start()
    },
    stop: () => link.stop(),
    state: () => link.state(),
    tell: () => report(false),
  }
}
