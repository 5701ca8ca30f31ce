// When the hub is told: at once what it waits for, soon what changed, rarely what merely counts on.

import type { Clock } from '../../shared/effects.ts'
import { formatVersion } from '../../shared/record/head.ts'
import { encodeStatus } from '../../shared/wire/report.ts'
import type { HubLink } from '../link/hub-link.ts'
import { type HubModel, statusReport } from './report.ts'

export interface Reporter {
  /** Looks whether there is something to tell. `urgent` makes it an acknowledgement, sent at once. */
  tell(urgent: boolean): void
}

/** Where nothing changed but counters, which of 50 peers are 6 KB. */
const REFRESH_MS = 15 * 60_000
/** Where each byte is paid for, four such reports a day have to do. */
const REFRESH_METERED_MS = 6 * 3_600_000

export interface ReporterOptions {
  readonly clock: Clock
  readonly metered: boolean
  readonly link: () => HubLink | undefined
  /** Bytes are short: nothing is told for the sake of counters. */
  readonly isThrifty: () => boolean
  readonly model: () => HubModel
}

export function createReporter({ clock, isThrifty, link, metered, model }: ReporterOptions): Reporter {
  const refreshMs = metered ? REFRESH_METERED_MS : REFRESH_MS
  let told = ''
  let toldAt = Number.NEGATIVE_INFINITY

  const keyOf = ({
    boot,
    health,
    order,
    peers,
    published = [],
    revision,
    routers = [],
    update,
    uplink,
  }: HubModel): string => {
    const { applied, held, lastGood, quarantine, trial, waiting } = revision
    const conditions = health.map((one) => `${one.code} ${one.since} ${one.detail ?? ''}`).join('|')
    const versions = [held, applied].map(formatVersion).join(' ')
    // That a revision has proven itself is no news to anybody who pays for each byte.
    const proven = metered ? '' : `${formatVersion(lastGood)} ${trial === undefined}`
    const proving = `${proven} ${quarantine === undefined ? '' : JSON.stringify(quarantine)} ${waiting !== undefined}`
    const { last, trial: updating } = update ?? {}
    const updates = `${last?.at} ${last?.certain} ${updating?.since} ${order?.serial} ${order?.state} ${order?.detail}`
    const ways = routers.map((one) => one.routers.map(({ proof, state }) => `${state} ${proof ?? ''}`).join()).join(' ')
    return `${boot} ${versions} ${proving} ${updates} ${peers.revision()} ${ways} ${JSON.stringify([uplink, published])} ${conditions}`
  }

  return {
    tell(urgent) {
      const hub = link()
      if (hub === undefined) return
      const current = model()
      const key = keyOf(current)
      const due = !isThrifty() && clock.monotonic() - toldAt >= refreshMs
      if (key === told && !due && !urgent) return
      const report = statusReport(current, urgent)
      // A report that leaves its peers out is followed by one that has them.
      told = report.peers.length > 0 || report.peersTotal === 0 ? key : ''
      toldAt = clock.monotonic()
      hub.report(encodeStatus(report), urgent)
    },
  }
}
