// Blocks of intent and the networks that a device stands in, in words: said by the device, and found again by the hub in what the
// device reports, so that the object says it, too.

import type { Cidr } from '../address/cidr.ts'

export interface OverlapSubject {
  readonly kind: 'Route' | 'Network'
  readonly name: string
}

/** A network that the device is attached to. */
export interface Attached {
  readonly cidr: Cidr
  readonly interface: string
}

const SUBJECT = /(?:^|; )((?:Route|Network)\/[a-z0-9-]+) is not followed here/g

/** Packets to the own network would go through the mesh: the device would be cut off from it. */
export function refusedText({ kind, name }: OverlapSubject, block: Cidr, own: Attached): string {
  const what = block === own.cidr ? 'is' : `lies in ${own.cidr},`
  return `${kind}/${name} is not followed here: ${block} ${what} the network on ${own.interface}, which it would cut this device off from`
}

/** The own network is the narrower one, and goes first. */
export function heldText({ kind, name }: OverlapSubject, block: Cidr, own: Attached): string {
  return `${kind}/${name}: ${block} leads through the mesh but for ${own.cidr} on ${own.interface}`
}

/** `Route/plant`: objects that a text of the first sort speaks of. */
export function refusedIn(text: string): readonly string[] {
  return [...text.matchAll(SUBJECT)].map(([, subject = '']) => subject)
}
