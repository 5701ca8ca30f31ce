// The interface itself: made by the kernel where it knows WireGuard, else by wireguard-go, which then lives on its own.

import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { Run } from './command.ts'
import { isServed, socketPath } from './wg-socket.ts'

export type Flavour = 'kernel' | 'wireguard-go'

/** Who serves the interface now; undefined where there is none. */
export async function flavourOf(name: string, run: Run): Promise<Flavour | undefined> {
  if (existsSync(socketPath(name)) && (await isServed(name))) return 'wireguard-go'
  try {
    const text = await run('ip', ['-d', '-j', 'link', 'show', 'dev', name])
    const [link] = JSON.parse(text) as readonly { linkinfo?: { info_kind?: string } }[]
    return link?.linkinfo?.info_kind === 'wireguard' ? 'kernel' : undefined
  } catch (error) {
    if (isHoldfastError(error, 'failed')) return undefined
    throw error
  }
}

async function startUserspace(name: string, run: Run): Promise<void> {
  // It goes to the background by itself once its socket is there, and outlives the agent, so that restarting the agent
  // never touches traffic. With any other log level it would keep our pipes open and never seem to end.
  await run('wireguard-go', [name], { ownSession: true, env: { LOG_LEVEL: 'silent' } })
  for (let i = 0; i < 50 && !(await isServed(name)); i++) await pause(20)
}

export async function addLink(name: string, run: Run, log: Log): Promise<Flavour> {
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

/** wireguard-go ends by itself when its interface goes. */
export async function removeLink(name: string, run: Run): Promise<void> {
  try {
    await run('ip', ['link', 'del', 'dev', name])
  } catch (error) {
    if (!(isHoldfastError(error, 'failed') && error.message.includes('Cannot find device'))) throw error
  }
}
