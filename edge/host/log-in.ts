// Back to the broker without anybody visiting the device: where it refuses the credentials, the agent proves itself to the hub
// with its device key and is given new ones. The hub may have been restored from what devices hold, and its broker knows
// nobody then. A node that was removed gets none, and asks ever more rarely.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import type { BrokerLogIn } from '../../shared/wire/enrol.ts'
import { brokerUrls, parseHubUrl } from '../enrol/hub-url.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { Identity } from '../identity.ts'
import type { StateFiles } from './files.ts'

export interface LogInOptions {
  readonly identity: Identity
  readonly files: Pick<StateFiles, 'identity'>
  /** Asks the hub. Throws `forbidden` where this node is no member. */
  readonly ask: () => Promise<BrokerLogIn>
  readonly clock: Clock
  readonly entropy: Pick<Entropy, 'fraction'>
  readonly log: Log
  /** New credentials are in use from here on. */
  readonly onRenewed: (identity: Identity) => void
}

export interface LogIn {
  /** The broker refused the credentials. Asks the hub for others, unless it is too early to ask again. */
  refused(): Promise<void>
  /** The broker took them. */
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

export function createLogIn(options: LogInOptions): LogIn {
  const { ask, clock, entropy, files, log } = options
  let tries = 0
  let notBefore = Number.NEGATIVE_INFINITY
  let asking = false

  const keep = (given: BrokerLogIn): void => {
    const next = withLogIn(options.identity, given)
    try {
      // Whatever else of it has changed meanwhile stays.
      const kept = loadIdentity(files) ?? options.identity
      writeAtomic(files.identity, `${JSON.stringify({ ...kept, broker: next.broker }, undefined, 2)}\n`)
    } catch (error) {
      log.error('new credentials for the broker could not be stored: they count until the next start', {
        reason: describeError(error),
      })
    }
    options.onRenewed(next)
  }

  const wait = (isRefused: boolean): void => {
    notBefore = clock.monotonic() + pauseMs(tries, isRefused, entropy.fraction())
    tries += 1
  }

  return {
    async refused() {
      if (asking || clock.monotonic() < notBefore) return
      asking = true
      try {
        const given = await ask()
        log.info('the broker refused the credentials; the hub gave new ones')
        wait(false)
        keep(given)
      } catch (error) {
        wait(isHoldfastError(error, 'forbidden'))
        log.warn('the broker refuses the credentials, and the hub gives no others', { reason: describeError(error) })
      } finally {
        asking = false
      }
    },
    accepted() {
      tries = 0
      notBefore = Number.NEGATIVE_INFINITY
    },
  }
}
