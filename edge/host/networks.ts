// Further networks of a device: each has a state directory, a network namespace and an interface by the name it has here, and a
// place among them that tells its rules for uplinks from those of the others.

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import { bitsOf, formatIp, parseIp } from '../../shared/address/ip.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { fileError, readIfThere } from '../../shared/host/files.ts'

/** Interfaces of one network on a device. */
export const attachedMax = 16
/** The kernel's rules have room for many more; a device has not. */
const NETWORKS_MAX = 15

/** With `hf-` before it, it names an interface, which may have 15 letters. */
export const localNetwork = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?$/,
    'is not a name for a network here: use up to 12 small letters, digits and "-"',
  ),
)

export interface Attached {
  readonly interface: string
  /** With their lengths. */
  readonly addresses: readonly string[]
}

export function parseAttached(text: string): Attached {
  const at = text.indexOf('=')
  if (at < 0) return { interface: text, addresses: [] }
  return { interface: text.slice(0, at), addresses: text.slice(at + 1).split('+') }
}

/** An address with the length of its block, as the kernel would write it. */
function isWithLength(text: string): boolean {
  const [host = '', length = ''] = text.split('/', 2)
  try {
    const ip = parseIp(host)
    return formatIp(ip) === host && /^(?:0|[1-9]\d{0,2})$/.test(length) && Number(length) <= bitsOf(ip.family)
  } catch {
    return false
  }
}

function isAttached(text: string): boolean {
  const { addresses, interface: name } = parseAttached(text)
  return /^[a-zA-Z0-9_.-]{1,15}$/.test(name) && addresses.every(isWithLength)
}

export const attached = v.pipe(
  v.string(),
  v.check(isAttached, 'is not like eth0.20=192.168.20.1/24, with "+" between several addresses'),
)

/** Of the interface, and of the network namespace. */
export function furtherName(network: string): string {
  return `hf-${network}`
}

/** ip-netns(8) has them there. */
export function namespacePath(name: string): string {
  return `/run/netns/${name}`
}

/** `state`: of the device. */
export function networksDir(state: string): string {
  return join(state, 'networks')
}

export function networkDir(state: string, network: string): string {
  return join(networksDir(state), network)
}

/** The names of those that were joined, or begun to. */
export function furtherNetworks(state: string): readonly string[] {
  const directory = networksDir(state)
  try {
    return readdirSync(directory)
      .filter((name) => v.is(localNetwork, name))
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw fileError(`read ${directory}`, error)
  }
}

/** `directory`: of the network. */
function placesOf(directory: string): string {
  return join(dirname(directory), '.places')
}

function placePath(directory: string, place: number): string {
  return join(placesOf(directory), String(place))
}

const PLACES = Array.from({ length: NETWORKS_MAX }, (_, i) => i + 1)

/** Undefined where it was never given one. */
export function findPlace(directory: string): number | undefined {
  return PLACES.find((place) => readIfThere(placePath(directory, place))?.trim() === basename(directory))
}

/** Whoever took it never came as far as keys. */
function isForsaken(directory: string, place: number): boolean {
  const name = readIfThere(placePath(directory, place))?.trim()
  return name !== undefined && name !== '' && !existsSync(join(dirname(directory), name))
}

/** Gives the network a place of its own, the one that it has where it has one; 1 is the lowest. */
export function takePlace(directory: string): number {
  const held = findPlace(directory)
  if (held !== undefined) return held
  mkdirSync(placesOf(directory), { recursive: true, mode: 0o700 })
  for (const place of PLACES) {
    if (isForsaken(directory, place)) rmSync(placePath(directory, place), { force: true })
    try {
      writeFileSync(placePath(directory, place), `${basename(directory)}\n`, { flag: 'wx', mode: 0o600 })
      return place
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw fileError(`write ${placePath(directory, place)}`, error)
    }
  }
  throw new HoldfastError('exhausted', `this device has ${NETWORKS_MAX} further networks already`, {
    remedy: 'Leave one of them first: holdfast networks lists them.',
  })
}

export function freePlace(directory: string): void {
  const held = findPlace(directory)
  if (held !== undefined) rmSync(placePath(directory, held), { force: true })
}
