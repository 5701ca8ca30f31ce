// Carries the keeper's questions to the router and its answers back. Loaded only where there is a router to ask.

import { toBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Timer } from '../../shared/effects.ts'
import { askRouter, checkLease } from './ask.ts'
import type { Datagrams, RouterDoors } from './doors.ts'
import type { Asking } from './exchange.ts'
import { createKeeper, type KeeperAction, type KeeperEvent, type KeeperState, wishedLifetimeS } from './keeper.ts'
import { type Gateway, type Lease, type LeaseMemory, outsideEndpoint, type Wish } from './lease.ts'
import { parseNatPmpAnswer } from './nat-pmp.ts'
import { parsePcpAnswer } from './pcp.ts'

export interface MapperOptions {
  readonly doors: RouterDoors
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** WireGuard's port. */
  readonly port: number
  readonly remembered: LeaseMemory | undefined
  readonly remember: (lease: Lease) => void
  /** What is held, or why nothing is, changed. */
  readonly onChange: () => void
}

export interface Mapper {
  setGateway(gateway: Gateway | undefined): void
  doubt(about: 'peer' | 'address'): void
  state(): KeeperState
  /** Leaves the mapping as it is: traffic goes on by it. */
  stop(): Promise<void>
}

const NONCE_BYTES = 12

function textOf(state: KeeperState): string {
  switch (state.type) {
    case 'held':
      return `${state.lease.protocol} ${state.gateway.address} ${outsideEndpoint(state.lease) ?? 'nowhere'}`
    case 'not-offered':
      return `${state.gateway.address} ${state.why ?? 'silent'}`
    default:
      return state.type
  }
}

/** Undefined for what is no call of a router that starts: its count comes with its outside address, or alone. */
function announcedEpoch(bytes: Uint8Array): number | undefined {
  return (parsePcpAnswer(bytes) ?? parseNatPmpAnswer(bytes))?.epochS
}

export function createMapper(options: MapperOptions): Mapper {
  const { clock, doors, entropy, log, port } = options
  const keeper = createKeeper({ random: () => entropy.fraction(), remembered: options.remembered })
  const abort = new AbortController()
  const asking: Asking = { doors, clock, signal: abort.signal }
  let ear: Promise<Pick<Datagrams, 'close'> | undefined> | undefined
  let timer: Timer | undefined
  let told = textOf(keeper.state())
  let running = Promise.resolve()

  const wishFor = (gateway: Gateway, known: LeaseMemory | undefined): Wish => ({
    gateway,
    known,
    internalPort: port,
    externalPort: known?.internalPort === port ? known.externalPort : port,
    lifetimeS: wishedLifetimeS,
    nonce: known?.nonce ?? toBase64(entropy.bytes(NONCE_BYTES)),
  })

  const perform = async (action: KeeperAction): Promise<void> => {
    if (action.type === 'check') {
      const check = await checkLease(asking, action.gateway, action.lease)
      return handle({ type: 'checked', check })
    }
    const outcome = await askRouter(asking, wishFor(action.gateway, action.known))
    if (outcome.type === 'granted' && !abort.signal.aborted) options.remember(outcome.lease)
    return handle({ type: 'outcome', outcome })
  }

  const tell = (): void => {
    const state = keeper.state()
    const text = textOf(state)
    if (text === told) return
    told = text
    if (state.type === 'held') {
      const { external, lifetimeS, protocol } = state.lease
      const outside = outsideEndpoint(state.lease)
      log.info('the router maps a port', { protocol, outside: outside ?? external, lifetime_s: lifetimeS })
    } else if (state.type === 'not-offered') {
      log.debug('the router maps no port', { gateway: state.gateway.address, why: state.why ?? 'it does not answer' })
    }
    options.onChange()
  }

  const handle = (event: KeeperEvent): void => {
    if (abort.signal.aborted) return
    timer?.cancel()
    const action = keeper.handle(event, clock.monotonic())
    if (action !== undefined) running = perform(action)
    const waitMs = keeper.dueAt() - clock.monotonic()
    if (Number.isFinite(waitMs)) timer = clock.after(Math.max(0, waitMs), () => handle({ type: 'time' }))
    tell()
  }

  const hear = (bytes: Uint8Array, from: string): void => {
    const state = keeper.state()
    if (state.type === 'no-gateway' || from !== state.gateway.address) return
    const epochS = announcedEpoch(bytes)
    if (epochS !== undefined) handle({ type: 'announced', epochS })
  }

  return {
    setGateway(gateway) {
      if (gateway !== undefined) ear ??= doors.listen(hear)
      handle({ type: 'gateway', gateway })
    },
    doubt: (about) => handle({ type: 'doubt', about }),
    state: () => keeper.state(),
    async stop() {
      abort.abort()
      timer?.cancel()
      await running
      const open = await ear
      open?.close()
    },
  }
}
