// Back to the broker without anybody visiting the device, after the hub was restored from what devices hold. Where the broker
// refuses the credentials, the agent proves itself to the hub with its device key and is given new ones; where the TLS
// authority is another one, it counts if the root key signed it. Who was removed gets nothing, and asks ever more rarely.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import type { Anchor, BrokerLogIn } from '../../shared/wire/enrol.ts'
import { brokerUrls, parseHubUrl } from '../../shared/wire/hub-url.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { Identity } from '../identity.ts'
import type { StateFiles } from './files.ts'

export interface LogInOptions {
  readonly identity: Identity
  readonly files: Pick<StateFiles, 'identity'>
  /** Asks the hub for credentials. Throws `forbidden` where this node is no member. */
  readonly askLogIn: (identity: Identity) => Promise<BrokerLogIn>
  /** Asks the hub for a younger TLS authority. Throws `untrusted` where there is none that the root signed. */
  readonly askAuthority: (identity: Identity) => Promise<Anchor>
  readonly clock: Clock
  readonly entropy: Pick<Entropy, 'fraction'>
  readonly log: Log
  /** It is in use from here on. */
  readonly onRenewed: (identity: Identity) => void
}

export interface LogIn {
  /** The broker refused the credentials. Asks the hub for others, unless it is too early to ask again. */
  refused(): Promise<void>
  /** Whoever answers could not prove to be the hub. Asks whether the root key vouches for it, as rarely. */
  distrusted(): Promise<void>
  /** The broker took the credentials. */
  accepted(): void
}

const FIRST_MS = 1_000
/** A hub that is there and fails, or credentials that are refused again: as long as the bus waits at most. */
const LAST_MS = 5 * 60_000
/** The hub has said no: only a person there can change that. */
const REFUSED_FIRST_MS = 60_000
const REFUSED_LAST_MS = 3_600_000

/** With jitter of half: a fleet that was refused together does not come back together. */
function pauseMs(failures: number, isRefused: boolean, fraction: number): number {
  const [first, last] = isRefused ? [REFUSED_FIRST_MS, REFUSED_LAST_MS] : [FIRST_MS, LAST_MS]
  return Math.min(last, first * 2 ** Math.min(failures, 20)) * (0.5 + fraction / 2)
}

function withLogIn(identity: Identity, { password, tlsAuthority, url, username, webSocketPath }: BrokerLogIn) {
  const urls = brokerUrls(parseHubUrl(identity.hubUrl), { url, webSocketPath })
  const broker = { urls, username, password, ...(tlsAuthority === undefined ? {} : { tlsAuthority }) }
  return { ...identity, broker } satisfies Identity
}

interface Story {
  readonly done: string
  readonly failed: string
  /** Whoever answered has proven to be the hub. */
  readonly isHub: boolean
}

export function createLogIn(options: LogInOptions): LogIn {
  const { clock, entropy, files, log } = options
  let { identity } = options
  let tries = 0
  let notBefore = Number.NEGATIVE_INFINITY
  let asking = false

  const keep = (next: Identity): void => {
    const { anchor, broker } = next
    identity = next
    try {
      // Whatever else of it has changed meanwhile stays.
      const kept = loadIdentity(files) ?? next
      writeAtomic(files.identity, `${JSON.stringify({ ...kept, anchor, broker }, undefined, 2)}\n`)
    } catch (error) {
      log.error('what the hub gave anew could not be stored: it counts until the next start', {
        reason: describeError(error),
      })
    }
    options.onRenewed(next)
  }

  const wait = (isRefused: boolean): void => {
    notBefore = clock.monotonic() + pauseMs(tries, isRefused, entropy.fraction())
    tries += 1
  }

  const attempt = async (ask: () => Promise<Identity>, { done, failed, isHub }: Story): Promise<void> => {
    if (asking || clock.monotonic() < notBefore) return
    asking = true
    try {
      const next = await ask()
      log.info(done)
      wait(false)
      keep(next)
    } catch (error) {
      // A stranger’s refusal means nothing.
      wait(isHub && isHoldfastError(error, 'forbidden'))
      log.warn(failed, { reason: describeError(error) })
    } finally {
      asking = false
    }
  }

  return {
    refused: () =>
      attempt(async () => withLogIn(identity, await options.askLogIn(identity)), {
        done: 'the broker refused the credentials; the hub gave new ones',
        failed: 'the broker refuses the credentials, and the hub gives no others',
        isHub: true,
      }),
    distrusted: () =>
      attempt(async () => ({ ...identity, anchor: await options.askAuthority(identity) }), {
        done: 'the hub has another TLS authority, signed by the root key; it takes the place of the old one',
        failed: 'whoever answers at the hub’s address is not the hub, and the root key vouches for nobody there',
        isHub: false,
      }),
    accepted() {
      tries = 0
      notBefore = Number.NEGATIVE_INFINITY
    },
  }
}
