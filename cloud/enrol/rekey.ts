// Another WireGuard key of a device, by its own signed word: verified, refused where it can't be, and taken into its record. From
// then on whoever learns of the device by intent knows it by that key.
//
// Under a membership lock people sign for a device together with its key: there the device asks first, and turns to the key only
// when its record shows that enough of them have signed.

import { HoldfastError } from '../../shared/errors.ts'
import { type KeyStatement, openKeyStatement } from '../../shared/fact/key-statement.ts'
import type { NodeId } from '../../shared/ids.ts'
import { formerWgKeysMax } from '../../shared/limits.ts'
import { parseRecord } from '../../shared/record/record.ts'
import { signedIn } from '../lock/signed-lists.ts'
import type { Networks } from '../publish/networks.ts'
import type { Enrolment, Signed } from '../store/hub-store.ts'
import type { DeviceRekeyOptions } from './device-rekey.ts'
import { createRefusals } from './refusals.ts'

export interface RekeyOptions extends DeviceRekeyOptions {
  readonly networks: Pick<Networks, 'get'>
}

/** Takes the word of a device; what does not hold is logged, and written in the audit log once. */
export type Rekey = (node: NodeId, statement: Uint8Array) => void

function refuse(message: string): never {
  throw new HoldfastError('forbidden', message)
}

export function createRekey(options: RekeyOptions): Rekey {
  const { clock, commit, enrolments, locks, log, networks, sha256, store, verify } = options
  const refusals = createRefusals({ clock, log, store, what: 'another key', verb: 'rotate-key-refused' })

  /** Devices turn to a key only where they see it in their record, so its absence there means that people have not signed. */
  const isPublished = ({ name, network }: Enrolment, { wgKey }: KeyStatement): boolean => {
    const bytes = networks.get(network)?.publisher.records.get(`node/${name}`)
    const record = bytes === undefined ? undefined : parseRecord(bytes)
    return record?.kind === 'node' && record.body.next?.wgKey === wgKey
  }

  const check = ({ formerWgKeys, name, network, state, wgKey }: Enrolment, word: KeyStatement): void => {
    if (state !== 'approved') refuse('the device was not let in yet')
    if (word.wgKey === wgKey) return
    if (formerWgKeys?.includes(word.wgKey) === true) refuse('it had that key before')
    for (const other of enrolments.values()) {
      if (other.name === name || other.network !== network) continue
      if (
        other.wgKey === word.wgKey ||
        other.next?.wgKey === word.wgKey ||
        other.formerWgKeys?.includes(word.wgKey) === true
      ) {
        refuse(`the key is of ${other.name}`)
      }
    }
  }

  const put = (next: Enrolment, verb: string, serial: number): void => {
    const { name } = next
    const committed = commit(
      [],
      { name, role: 'device' },
      {
        enrolments: new Map([[name, next]]),
        store() {
          store.putEnrolment(next)
          store.putAudit({ at: clock.now(), actor: name, verb, target: `node/${name}`, detail: `serial ${serial}` })
        },
      },
    )
    enrolments.set(name, next)
    options.onTaken(next, committed)
  }

  /** `signed`: what people signed for the key, under a lock. */
  const take = (enrolment: Enrolment, { serial, wgKey }: KeyStatement, signed: Signed = {}): void => {
    const { formerWgKeys = [], lists: _, next: __, signatures: ___, ...rest } = enrolment
    const former = enrolment.wgKey === wgKey ? formerWgKeys : [enrolment.wgKey, ...formerWgKeys]
    const { nextDevice } = rest
    const taken: Enrolment = {
      ...rest,
      // What people signed for the device key that it asks for was over the former WireGuard key.
      ...(nextDevice === undefined ? {} : { nextDevice: { ...nextDevice, signatures: [], lists: [] } }),
      wgKey,
      wgSerial: serial,
      ...(former.length === 0 ? {} : { formerWgKeys: former.slice(0, formerWgKeysMax) }),
      ...signedIn(signed),
    }
    put(taken, 'rotate-key', serial)
  }

  /** People are to sign for it: it stands among those who wait. */
  const ask = (enrolment: Enrolment, { serial, wgKey }: KeyStatement): void => {
    if (enrolment.next?.wgKey === wgKey && enrolment.next.serial === serial) return
    put({ ...enrolment, next: { wgKey, serial, signatures: [] } }, 'ask-key', serial)
  }

  const takeSigned = (enrolment: Enrolment, word: KeyStatement): void => {
    const { next } = enrolment
    // The same key, by a device that joined again: only its serial is news, and nobody has to sign for that.
    if (enrolment.wgKey === word.wgKey) return take(enrolment, word, enrolment)
    if (next?.wgKey !== word.wgKey || next.serial !== word.serial) refuse('people have not signed for that key')
    if (!isPublished(enrolment, word)) refuse('not enough people have signed for that key')
    take(enrolment, word, next)
  }

  return (node, statement) => {
    const name = options.fleet.enrolment(node)?.name
    const enrolment = name === undefined ? undefined : enrolments.get(name)
    const network = enrolment === undefined ? undefined : options.networkId(enrolment.network)
    if (enrolment === undefined || network === undefined) return
    let serial = 0
    try {
      const word = openKeyStatement(statement, { network, node, deviceKey: enrolment.deviceKey }, verify, sha256)
      serial = word.serial
      // An older word, or this very one again.
      if (serial <= (enrolment.wgSerial ?? 0)) return
      check(enrolment, word)
      if (locks.judge(network) === undefined) {
        if (word.asked === undefined) take(enrolment, word)
      } else if (word.asked === true) ask(enrolment, word)
      else takeSigned(enrolment, word)
      refusals.forget(node)
    } catch (error) {
      refusals.tell(enrolment, serial, error)
    }
  }
}
