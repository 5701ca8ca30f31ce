// The interface itself: made by the kernel where it knows WireGuard, else by wireguard-go, which then lives on its own.

import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { partPath } from '../../shared/host/parts.ts'
import type { Run } from './command.ts'
import { isServed, socketPath } from './wg-socket.ts'

export type Flavour = 'kernel' | 'wireguard-go'

/** Who serves the interface now; undefined where there is none. */
export async function flavourOf(name: string, run: Run): Promise<Flavour | undefined> {
  if (existsSync(socketPath(name)) && (await isServed(name))) return 'wireguard-go'
  return (await kindOf(name, run)) === 'wireguard' ? 'kernel' : undefined
}

/** What `ip` calls the kind of the interface; undefined where there is none of that name. */
async function kindOf(name: string, run: Run): Promise<string | undefined> {
  try {
    const text = await run('ip', ['-d', '-j', 'link', 'show', 'dev', name])
    const [link] = JSON.parse(text) as readonly { linkinfo?: { info_kind?: string } }[]
    return link?.linkinfo?.info_kind ?? 'unknown'
  } catch (error) {
    if (isHoldfastError(error, 'failed')) return undefined
    throw error
  }
}

async function startUserspace(name: string, run: Run): Promise<void> {
  // The one that a single file carries before the system's: newer than most, and known to work with this agent.
  const program = partPath('wireguard-go') ?? 'wireguard-go'
  // It goes to the background by itself once its socket is there, and outlives the agent, so that restarting the agent
  // never touches traffic. With any other log level it would keep our pipes open and never seem to end.
  await run(program, [name], { ownSession: true, env: { LOG_LEVEL: 'silent' } })
  for (let i = 0; i < 50 && !(await isServed(name)); i++) await pause(20)
}

/** An interface of our name that nobody serves: the rest of a wireguard-go whose socket is lost, or somebody else's. */
async function clearTheWay(name: string, run: Run, log: Log): Promise<void> {
  const kind = await kindOf(name, run)
  if (kind === undefined) return
  if (kind !== 'tun') {
    throw new HoldfastError('conflict', `there is an interface ${name} that is not WireGuard's`, {
      remedy: `Remove it (ip link delete ${name}), or give the agent another name with --interface.`,
    })
  }
  log.warn('the interface lost the program behind it and is made anew', { interface: name })
  await removeLink(name, run)
}

/** Where its packets leave, and the network namespace that `run` runs in. */
export interface Moved {
  readonly outside: Run
  readonly to: string
}

/**
 * An interface sends from where it was made, wherever it is moved: the kernel's WireGuard (creating_net in
 * drivers/net/wireguard/device.c) as wireguard-go.
 */
export async function addLink(name: string, run: Run, log: Log, moved?: Moved): Promise<Flavour> {
  await clearTheWay(name, run, log)
  if (moved === undefined) return await makeLink(name, run, log)
  await clearTheWay(name, moved.outside, log)
  const flavour = await makeLink(name, moved.outside, log)
  await moved.outside('ip', ['link', 'set', 'dev', name, 'netns', moved.to])
  return flavour
}

async function makeLink(name: string, run: Run, log: Log): Promise<Flavour> {
  try {
    await run('ip', ['link', 'add', name, 'type', 'wireguard'])
    return 'kernel'
  } catch (error) {
    if (isHoldfastError(error, 'unsupported')) throw error
    log.debug('the kernel makes no WireGuard interface', { reason: describeError(error) })
  }
  try {
    await startUserspace(name, run)
    return 'wireguard-go'
  } catch (cause) {
    throw new HoldfastError('unsupported', `this host has no WireGuard: ${describeError(cause)}`, {
      remedy: 'Install a kernel with WireGuard (5.6 or newer), or the package wireguard-go.',
      cause,
    })
  }
}

/** The kernel binds WireGuard's port as the link comes up. */
export async function setLink(name: string, mtu: number, run: Run): Promise<void> {
  try {
    await run('ip', ['link', 'set', 'dev', name, 'mtu', String(mtu), 'up'])
  } catch (error) {
    if (!(isHoldfastError(error, 'failed') && error.message.includes('Address already in use'))) throw error
    throw new HoldfastError('conflict', `another program took the UDP port of ${name} while it was down`, {
      remedy: 'Restart the agent: it takes another port where that one is not free.',
      cause: error,
    })
  }
}

/** wireguard-go ends by itself when its interface goes. */
export async function removeLink(name: string, run: Run): Promise<void> {
  try {
    await run('ip', ['link', 'del', 'dev', name])
  } catch (error) {
    if (!(isHoldfastError(error, 'failed') && error.message.includes('Cannot find device'))) throw error
  }
}
