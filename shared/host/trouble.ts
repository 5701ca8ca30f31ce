// What stood in the way of a connection, by the system's own word for it, which errors carry at the bottom of their causes.

import type { LinkTrouble } from '../effects.ts'

/** Of errno(3) and of the resolver, as Node names them. */
const TROUBLES: Readonly<Record<string, LinkTrouble>> = {
  ENOTFOUND: 'name',
  EAI_AGAIN: 'name',
  EAI_FAIL: 'name',
  EAI_NODATA: 'name',
  ENETUNREACH: 'way',
  ENETDOWN: 'way',
  EHOSTUNREACH: 'way',
  EHOSTDOWN: 'way',
  EADDRNOTAVAIL: 'way',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'silent',
}
/** Errors that wrap each other deeper than this are a defect. */
const DEPTH_MAX = 8

/** Undefined where the system said nothing of the kind. */
export function troubleOf(error: unknown): LinkTrouble | undefined {
  let at = error
  for (let depth = 0; depth < DEPTH_MAX && at instanceof Error; depth++) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : ''
    const trouble = Object.hasOwn(TROUBLES, code) ? TROUBLES[code] : undefined
    if (trouble !== undefined) return trouble
    at = at.cause
  }
  return undefined
}
