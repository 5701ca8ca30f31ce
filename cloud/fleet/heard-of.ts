// By whom a device that is away was last heard of: what other devices report of their peers. Their word, for people who look for
// it; nothing is decided by it.

import type { Name } from '../../shared/ids.ts'
import type { HeardOf } from '../hub.ts'
import type { Device } from './device.ts'

export interface HeardOfBook {
  add(device: Device): void
  remove(device: Device): void
  /** Takes in the last report of `reporter`, made at `at`. A report names few peers, so its price is bounded. */
  note(reporter: Device, at: number): void
  /** The same of a report from before a restart of the hub. */
  recall(reporter: Device): void
}

/** Whoever takes its word back is believed; else who reaches it says more than who does not any more, and then the newer word. */
function tellsMore(word: HeardOf, known: HeardOf | undefined, now: number): boolean {
  // What is known of the future was noted by a clock that was ahead.
  if (known === undefined || known.at > now) return true
  if (known.by === word.by && word.path === 'none') return true
  if ((known.path === 'none') !== (word.path === 'none')) return known.path === 'none'
  return word.at > known.at
}

export function createHeardOf(): HeardOfBook {
  const named = new Map<Name, Device>()

  const note: HeardOfBook['note'] = ({ enrolment: { name: by, network }, report }, at) => {
    for (const { handshakeAgeS, name, path } of report?.peers ?? []) {
      const device = handshakeAgeS === undefined ? undefined : named.get(name)
      if (handshakeAgeS === undefined || device?.enrolment.network !== network) continue
      const word = { by, at: Math.max(0, at - handshakeAgeS * 1_000), path }
      if (tellsMore(word, device.heardOf, at)) device.heardOf = word
    }
  }

  return {
    add: (device) => void named.set(device.enrolment.name, device),
    remove(device) {
      // Another one may have joined under its name.
      if (named.get(device.enrolment.name) === device) named.delete(device.enrolment.name)
    },
    note,
    // When it was made is the word of a clock that may be wrong, but no later than the last word of all.
    recall: (reporter) => note(reporter, Math.min(reporter.report?.at ?? 0, reporter.lastSeen ?? 0)),
  }
}
