// Addresses to listen at, `host:port` as people write them, and the names they put into the certificate.

import { networkInterfaces } from 'node:os'
import { HoldfastError } from '../../shared/errors.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `0.0.0.0:8443`, `[::]:8443`, `hub.example.org:8443` or `:8443`; port 0 lets the kernel choose. */
export function parseListen(text: string, field: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new HoldfastError('invalid', `"${text.slice(0, 80)}" is not an address to listen at`, {
      field,
      remedy: 'Write it like 0.0.0.0:8443 or [::]:8443.',
    })
  }
  const host = match[1] ?? match[2] ?? ''
  return { host: host === '' ? '0.0.0.0' : host, port }
}

/** What clients may call the hub by: the address itself, or all of this machine's where it listens on all. */
export function namesFor(addresses: readonly ListenAddress[]): readonly string[] {
  const hosts = addresses.flatMap(({ host }) => {
    if (host !== '0.0.0.0' && host !== '::') return [host]
    return Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter((one) => !one.internal && !one.address.startsWith('fe80'))
      .map((one) => one.address)
  })
  return [...new Set(hosts)].sort()
}
