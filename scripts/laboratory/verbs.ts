// What can be done to a running fleet from another terminal.

import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { Carrier } from './control.ts'
import type { Fleet } from './fleet.ts'
import type { Host } from './host.ts'
import { durationText } from './story.ts'

interface Verb {
  readonly usage: string
  readonly about: string
  readonly act: (fleet: Fleet, words: readonly string[], boot: Boot) => Promise<string>
}

/** Starts what a host runs besides the agent. */
export type Boot = (host: Host) => Promise<void>

function choice<T extends string>(word: string | undefined, choices: readonly T[]): T {
  const found = choices.find((one) => one === word)
  if (found !== undefined) return found
  throw new HoldfastError('usage', `"${word ?? ''}" is not one of ${choices.join(', ')}`)
}

async function hub({ hub: one }: Fleet, [word]: readonly string[]): Promise<string> {
  const what = choice(word, ['start', 'stop', 'kill'])
  if (what === 'start') {
    if (one.isUp()) return 'the hub runs already'
    await one.start()
    return 'the hub runs'
  }
  if (!one.isUp()) return 'the hub does not run'
  await (what === 'stop' ? one.stop() : one.kill())
  return what === 'stop' ? 'the hub is stopped' : 'the hub was killed with -9'
}

async function powerCycle(fleet: Fleet, [name = '']: readonly string[], boot: Boot): Promise<string> {
  const node = fleet.node(name)
  const others = fleet.nodes.filter((other) => other !== node)
  await node.reboot()
  const startedAt = systemClock.monotonic()
  await Promise.all([node.start(), boot(node.host)])
  const startMs = systemClock.monotonic() - startedAt
  const neighbours = others.filter((other) => other.name.split('-')[0] === name.split('-')[0])
  await fleet.mesh({ among: [node, ...neighbours] })
  const backMs = systemClock.monotonic() - startedAt
  const { mode } = await node.status()
  return `${name} lost power and booted: agent up after ${durationText(startMs)}, on the mesh of its site after ${durationText(backMs)}, ${mode}`
}

async function agent(fleet: Fleet, [name = '', word]: readonly string[]): Promise<string> {
  const node = fleet.node(name)
  switch (choice(word, ['start', 'stop', 'kill'])) {
    case 'start':
      await node.start()
      return `${name}’s agent runs`
    case 'stop':
      await node.end('SIGTERM')
      return `${name}’s agent is stopped; its tunnels go on`
    case 'kill':
      await node.end('SIGKILL')
      return `${name}’s agent was killed with -9; its tunnels go on`
  }
}

async function cable({ net }: Fleet, [name = '', word]: readonly string[]): Promise<string> {
  const restore = choice(word, ['cut', 'restore']) === 'restore'
  net.host(name)
  await net.cables.connect(name, name.endsWith('-router') ? 'wan' : 'eth0', restore)
  return restore ? `${name}’s cable is back` : `${name}’s cable is cut`
}

export const verbs: Readonly<Record<string, Verb>> = {
  hub: { usage: 'hub start|stop|kill', about: 'start, stop or kill the hub', act: hub },
  'power-cycle': {
    usage: 'power-cycle NODE',
    about: 'cut a device’s power, boot it, wait for the mesh',
    act: powerCycle,
  },
  agent: { usage: 'agent NODE start|stop|kill', about: 'start, stop or kill an agent', act: agent },
  cable: { usage: 'cable HOST cut|restore', about: 'pull a device’s cable, or a site’s: alpha-router', act: cable },
  pid: {
    usage: 'pid HOST',
    about: 'process id of a host’s init process',
    act: async ({ net }, [name = '']) => String(net.host(name).pid()),
  },
  hosts: {
    usage: 'hosts',
    about: 'names of all hosts',
    act: async ({ net }) =>
      net
        .hosts()
        .map(({ name }) => name)
        .join('\n'),
  },
}

/** Carries out verbs on the fleet, one at a time, and tells each to `told`. */
export function carrierFor(fleet: Fleet, boot: Boot, told: (what: string) => void): Carrier {
  let last: Promise<unknown> = Promise.resolve()
  return async ([name = '', ...words]) => {
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
    if (verb === undefined) throw new HoldfastError('usage', `there is no command "${name}"`)
    if (name === 'pid' || name === 'hosts') return verb.act(fleet, words, boot)
    const result = last.catch(() => undefined).then(() => verb.act(fleet, words, boot))
    last = result.catch(() => undefined)
    const said = await result
    told(said)
    return said
  }
}
