// Interfaces of the host that are one further network's alone: led into its network namespace as they come, with the addresses
// that they have there. They are given back before it goes.

import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Attached } from '../host/networks.ts'
import { linkStates } from './addresses.ts'
import type { Run } from './command.ts'

/** Words of `ip`, to be said outside or inside. */
export interface AttachSteps {
  readonly outside: readonly (readonly string[])[]
  readonly inside: readonly (readonly string[])[]
  /** Interfaces that are nowhere. */
  readonly missing: readonly string[]
}

/** What is still to do, by what `ip -j address show` prints outside and inside. `to`: the namespace. Pure. */
export function attachSteps(wanted: readonly Attached[], outside: string, inside: string, to: string): AttachSteps {
  const [there, here] = [linkStates(outside), linkStates(inside)]
  const ofOne = ({ addresses, interface: name }: Attached): AttachSteps => {
    const found = here.get(name)
    if (found === undefined) {
      if (!there.has(name)) return { outside: [], inside: [], missing: [name] }
      return { outside: [['link', 'set', 'dev', name, 'netns', to]], inside: [], missing: [] }
    }
    const lacking = addresses.filter((address) => !found.addresses.includes(address))
    return {
      outside: [],
      inside: [
        ...lacking.map((address) => ['address', 'replace', address, 'dev', name]),
        ...(found.up ? [] : [['link', 'set', 'dev', name, 'up']]),
      ],
      missing: [],
    }
  }
  const all = wanted.map(ofOne)
  return {
    outside: all.flatMap((one) => one.outside),
    inside: all.flatMap((one) => one.inside),
    missing: all.flatMap(({ missing }) => missing),
  }
}

export interface Attaching {
  /** By what `ip -j address show` printed outside and inside. True where something was done, so that it has to be asked anew. */
  follow(outside: string, inside: string): Promise<boolean>
}

export interface AttachOptions {
  readonly wanted: readonly Attached[]
  /** The namespace. */
  readonly to: string
  readonly outside: Run
  readonly inside: Run
  readonly log: Log
}

export function createAttaching({ inside, log, outside, to, wanted }: AttachOptions): Attaching {
  let missed = ''
  /** One that is refused keeps the others from nothing. */
  const say = async (run: Run, args: readonly string[]): Promise<boolean> => {
    try {
      await run('ip', args)
      return true
    } catch (error) {
      log.warn('an interface is not the network’s yet', { namespace: to, why: describeError(error) })
      return false
    }
  }
  return {
    async follow(there, here) {
      const steps = attachSteps(wanted, there, here, to)
      const missing = steps.missing.join(', ')
      if (missing !== missed && missing !== '') log.warn('this host has no such interface', { namespace: to, missing })
      missed = missing
      let done = false
      for (const args of steps.outside) done = (await say(outside, args)) || done
      for (const args of steps.inside) done = (await say(inside, args)) || done
      return done
    },
  }
}

/** All that is inside goes to this process's network namespace, whoever put it there: a card would else have to be looked for. */
export async function giveBack(inside: Run, log: Log): Promise<void> {
  const links = linkStates(await inside('ip', ['-d', '-j', 'address', 'show']))
  for (const name of [...links.keys()].filter((one) => one !== 'lo')) {
    await inside('ip', ['link', 'set', 'dev', name, 'netns', String(process.pid)]).catch((error: unknown) =>
      log.warn('an interface is not given back', { interface: name, why: describeError(error) }),
    )
  }
}
