// Announces this node's own fact: when something in it changed, and again when the broker shows an old one of ours.

import { toBase64 } from '../../shared/bytes.ts'
import type { Clock, Log, Sha256, Signer, Verify } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { openFact } from '../../shared/fact/fact.ts'
import type { PodTable } from '../../shared/fact/pod-table.ts'
import { type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { type DeviceLink, splitLed } from '../../shared/record/device-link.ts'
import type { Outside } from '../paths/outlook.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { HeldFact } from '../store/store.ts'
import { createOwnFact } from './own-fact.ts'
import type { Member, PeerBook } from './peers.ts'

export interface AnnouncerOptions {
  readonly self: NodeId
  readonly signer: Signer
  readonly sha256: Sha256
  readonly verify: Verify
  readonly clock: Clock
  readonly log: Log
  readonly keep: Pick<Keepsakes, 'nextBoot' | 'raiseBoot'>
  readonly peers: PeerBook
  readonly listenPort: number
  /** This node's own record. */
  readonly me: () => Member | undefined
  readonly mapping: () => Outside
  /** This node's word on its key, where there is need of one. */
  readonly keyStatement?: () => Uint8Array | undefined
  /** The pods to be told of now, and what rises when they are others. */
  readonly pods?: { readonly told: () => PodTable | undefined; readonly toldRevision: () => number } | undefined
  /** Whether this node leaves its services. */
  readonly leaving?: () => boolean
  /** Whether this node leads echoes on, for others to prove it. */
  readonly proves?: () => boolean
  /** Where the device key may change: what leads to the present one, and who hears of others that would follow. */
  readonly device?: {
    readonly links: () => readonly Uint8Array[]
    readonly onLinks: (links: readonly DeviceLink[]) => void
  }
  readonly local: () => { readonly addresses: readonly LocalAddress[]; readonly key: string }
  /**
   * Hands the envelope to the link; false where there is none yet. `urgent`: others send or refuse packets by what is new in it,
   * which are pods, that have a pace of their own, and that this node leaves its services.
   */
  readonly send: (envelope: Uint8Array, urgent: boolean) => boolean
}

export interface Announcer {
  boot(): number
  /** What this node says of itself now. */
  current(): HeldFact | undefined
  /** Says what changed since the last time, if anything did. */
  announce(): void
  /** A fact in our name came from the broker or a peer. It outranks us where our counters were lost with the database. */
  meet(envelope: Uint8Array): void
}

/** Counts this start: the counter is kept before the first word is said. */
export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { clock, keep, listenPort, log, peers, self, sha256, signer, verify } = options
  const { device, keyStatement } = options
  const own = createOwnFact({
    node: self,
    signer,
    sha256,
    clock,
    boot: keep.nextBoot(),
    keyStatement,
    links: device?.links,
    pods: options.pods?.told,
    leaving: options.leaving,
    proves: options.proves,
  })
  let saidOf = ''
  let urgentOf = ''

  const announce = (): void => {
    const { addresses, key } = options.local()
    const publicEndpoint = options.me()?.publicEndpoint
    const mapping = options.mapping()
    const outside = `${mapping.mapped.join()} ${mapping.portMapped ?? ''}`
    const seen = `${mapping.natType} ${outside} ${mapping.relays.join()}`
    const urgent = `${options.leaving?.() === true} ${options.pods?.toldRevision() ?? 0}`
    const word = `${options.proves?.() === true} ${keyStatement?.()?.join() ?? ''} ${signer.publicKey.join()} ${device?.links().length ?? 0}`
    const now = `${own.boot()} ${peers.revision()} ${publicEndpoint ?? ''} ${seen} ${key} ${word} ${urgent}`
    if (now === saidOf) return
    const reachable = publicEndpoint !== undefined
    const envelope = own.compose(addresses, listenPort, reachable, peers.entries, mapping)
    if (!options.send(envelope, urgent !== urgentOf)) return
    saidOf = now
    urgentOf = urgent
  }

  return {
    boot: () => own.boot(),
    current: () => own.current(),
    announce,
    meet(envelope) {
      try {
        const { envelope: signed, links } = splitLed(envelope)
        if (links.length > 0) device?.onLinks(links)
        // What a former key said is outranked by anything that the present one says.
        const key = parseDeviceKey(toBase64(signer.publicKey))
        const boot = own.meet(openFact(signed, self, key, verify, sha256))
        if (boot === undefined) return
        log.info('an older life of this node had counted further', { boot })
        keep.raiseBoot(boot)
        announce()
      } catch (error) {
        log.debug('a fact in our name was refused', { reason: describeError(error) })
      }
    },
  }
}
