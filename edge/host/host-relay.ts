// The relay of a member, opened on this host with the limits of a small server’s uplink; `holdfast relay` has flags for others.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { verify } from '../../shared/host/crypto.ts'
import type { RelayDuty } from '../agent.ts'
import type { TlsDoors } from '../paths/doors.ts'
import type { Forwarder } from '../relay/forwarder.ts'
import type { OpenedRelay } from '../relay/open-relay.ts'
import type { RulesetOptions } from '../relay/ruleset.ts'
import { defaultSessionPorts } from '../relay/sessions.ts'
import { hubBehindOf, type Settings } from './settings.ts'

export interface HostRelayOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly createForwarder: (options: RulesetOptions, log: Log) => Promise<Forwarder>
}

export async function openHostRelay(
  options: HostRelayOptions,
  duty: RelayDuty,
  doors?: TlsDoors,
): Promise<OpenedRelay> {
  const { clock, entropy, log } = options
  const relay = await import('../relay/open-relay.ts')
  const range = defaultSessionPorts
  const sessionBytesPerSecond = relay.defaultSessionBytesPerSecond
  const totalBytesPerSecond = relay.defaultTotalBytesPerSecond
  const rates = { sessionBytesPerSecond, totalBytesPerSecond }
  const rules = { port: duty.port, range, ...rates }
  const forwarder = await options.createForwarder(rules, log)
  const tls =
    duty.tls === undefined
      ? undefined
      : { ...duty.tls, ...rates, behind: hubBehindOf(options.settings), local: doors?.loopback }
  return relay.openRelay({ ...duty, tls, range, forwarder, clock, entropy, log, verify })
}
