// A router made of a map: maps ports by what it is told to speak, may restart and forget, and others on its LAN may lie.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, parseEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { DatagramHandlers, Page, PageRequest, RouterDoors } from './doors.ts'
import type { Gateway } from './lease.ts'

export const testGateway: Gateway = {
  interface: 'eth0',
  address: '192.168.1.1' as Address,
  local: '192.168.1.5' as Address,
}
const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:1'
const PAGES = 'http://192.168.1.1:5000'

interface Mapping {
  readonly to: Endpoint
  readonly nonce?: string
}

export interface FakeRouter {
  readonly doors: RouterDoors
  /** What it speaks; changed at will. */
  speaks: readonly ('PCP' | 'NAT-PMP' | 'UPnP')[]
  external: string
  /** The result of every answer by PCP and NAT-PMP, and the fault of every mapping by UPnP. */
  refusal: number
  /** UPnP only: leases that end are nothing it knows. */
  onlyPermanent: boolean
  lifetimeSMax: number
  readonly mappings: Map<number, Mapping>
  /** Everything that was asked, in words. */
  readonly asked: string[]
  /** Sockets that are open. */
  open(): number
  /** Forgets, counts anew, and calls that out if it speaks. */
  restart(): void
  /** Somebody on the LAN sends this to everybody who asks and to all who listen. */
  readonly lies: { bytes: Uint8Array; from: Endpoint }[]
  call(bytes: Uint8Array, from: Address): void
}

export function pcpAnnouncement(epochS: number): Uint8Array {
  const bytes = new Uint8Array(24)
  bytes.set([2, 0x80])
  new DataView(bytes.buffer).setUint32(8, epochS)
  return bytes
}

export function createFakeRouter(clock: Clock): FakeRouter {
  let startedAt = clock.monotonic()
  let sockets = 0
  const listeners = new Set<(bytes: Uint8Array, from: Address) => void>()
  const epoch = (): number => Math.floor((clock.monotonic() - startedAt) / 1_000)

  /** The outside port for an insider: the wished one, or the next that is free or its own. */
  const place = (wished: number, to: Endpoint, nonce?: string): number => {
    for (const [port, mapping] of router.mappings) if (mapping.to === to && mapping.nonce === nonce) return port
    let port = wished
    while (router.mappings.has(port)) port += 1
    router.mappings.set(port, nonce === undefined ? { to } : { to, nonce })
    return port
  }

  const external = (): number[] => router.external.split('.').map(Number)

  const pcp = (bytes: Uint8Array, local: Address): Uint8Array | undefined => {
    if (!router.speaks.includes('PCP')) {
      if (!router.speaks.includes('NAT-PMP')) return undefined
      return Uint8Array.of(0, 0x80 | (bytes[1] ?? 0), 0, 1, 0, 0, 0, 0)
    }
    const answer = bytes.slice()
    const view = new DataView(answer.buffer)
    const lifetimeS = Math.min(view.getUint32(4), router.lifetimeSMax)
    answer[1] = 0x80 | (bytes[1] ?? 0)
    answer.fill(0, 2, 24)
    view.setUint8(3, router.refusal)
    view.setUint32(8, epoch())
    router.asked.push(bytes[1] === 1 ? `PCP map ${lifetimeS}` : 'PCP announce')
    if (bytes[1] !== 1 || router.refusal !== 0) return answer
    const to = formatEndpoint(local, view.getUint16(40))
    const nonce = fromUtf8(bytes.slice(24, 36).map((byte) => byte & 0x7f))
    if (lifetimeS === 0) {
      for (const [port, one] of router.mappings) if (one.nonce === nonce) router.mappings.delete(port)
    } else view.setUint16(42, place(view.getUint16(42), to, nonce))
    view.setUint32(4, lifetimeS)
    answer.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...external()], 44)
    return answer
  }

  const natPmp = (bytes: Uint8Array, local: Address): Uint8Array | undefined => {
    if (!router.speaks.includes('NAT-PMP')) return undefined
    const answer = new Uint8Array(bytes[1] === 0 ? 12 : 16)
    const view = new DataView(answer.buffer)
    view.setUint8(1, 128 + (bytes[1] ?? 0))
    view.setUint16(2, router.refusal)
    view.setUint32(4, epoch())
    if (bytes[1] === 0) {
      router.asked.push('NAT-PMP address')
      answer.set(external(), 8)
      return answer
    }
    const asked = new DataView(bytes.buffer, bytes.byteOffset)
    const lifetimeS = Math.min(asked.getUint32(8), router.lifetimeSMax)
    const to = formatEndpoint(local, asked.getUint16(4))
    router.asked.push(`NAT-PMP map ${lifetimeS}`)
    if (lifetimeS === 0) for (const [port, one] of router.mappings) if (one.to === to) router.mappings.delete(port)
    view.setUint16(8, asked.getUint16(4))
    view.setUint16(10, lifetimeS === 0 ? 0 : place(asked.getUint16(6), to))
    view.setUint32(12, lifetimeS)
    return answer
  }

  const action = (body: string): Page => {
    const value = (name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(body)?.[1] ?? ''
    const fault = (code: number): Page => ({
      status: 500,
      body: `<s:Envelope><errorCode>${code}</errorCode></s:Envelope>`,
    })
    const done = (inside: string): Page => ({
      status: 200,
      body: `<s:Envelope><s:Body>${inside}</s:Body></s:Envelope>`,
    })
    const name = /<u:(\w+)/.exec(body)?.[1] ?? ''
    const port = Number(value('NewExternalPort'))
    router.asked.push(`UPnP ${name}${port === 0 ? '' : ` ${port}`}`)
    switch (name) {
      case 'GetExternalIPAddress':
        return done(`<NewExternalIPAddress>${router.external}</NewExternalIPAddress>`)
      case 'AddPortMapping': {
        if (router.refusal !== 0) return fault(router.refusal)
        if (router.onlyPermanent && value('NewLeaseDuration') !== '0') return fault(725)
        const to = parseEndpoint(`${value('NewInternalClient')}:${value('NewInternalPort')}`)
        if ((router.mappings.get(port)?.to ?? to) !== to) return fault(718)
        router.mappings.set(port, { to })
        return done('<u:AddPortMappingResponse/>')
      }
      case 'DeletePortMapping':
        return router.mappings.delete(port) ? done('') : fault(714)
      case 'GetSpecificPortMappingEntry': {
        const to = router.mappings.get(port)?.to
        return to === undefined ? fault(714) : done(`<NewInternalClient>${hostOf(to)}</NewInternalClient>`)
      }
      default:
        return fault(401)
    }
  }

  const page = async ({ post, url }: PageRequest): Promise<Page> => {
    if (!router.speaks.includes('UPnP')) throw new HoldfastError('unreachable', 'nobody there')
    if (post !== undefined) return action(post.body)
    if (url.href !== `${PAGES}/root.xml`) return { status: 404, body: '' }
    const service = `<service><serviceType>${SERVICE}</serviceType><controlURL>/ctl</controlURL></service>`
    return { status: 200, body: `<root><device><serviceList>${service}</serviceList></device></root>` }
  }

  const answerTo = (bytes: Uint8Array, local: Address, to: Endpoint): Uint8Array | undefined => {
    if (portOf(to) === 5_351) return bytes[0] === 2 ? pcp(bytes, local) : natPmp(bytes, local)
    if (!router.speaks.includes('UPnP')) return undefined
    return utf8(`HTTP/1.1 200 OK\r\nLOCATION: ${PAGES}/root.xml\r\n\r\n`)
  }

  const open = async (local: Address, only: Endpoint | undefined, { onMessage }: DatagramHandlers) => {
    sockets += 1
    let closed = false
    const deliver = (bytes: Uint8Array, from: Endpoint): void => {
      if (!closed && (only === undefined || from === only)) onMessage(bytes, from)
    }
    return {
      send(bytes: Uint8Array, to: Endpoint) {
        clock.after(1, () => {
          for (const lie of router.lies) deliver(lie.bytes, lie.from)
          const answer = answerTo(bytes, local, to)
          if (answer !== undefined) deliver(answer, formatEndpoint(testGateway.address, portOf(to)))
        })
      },
      close() {
        if (!closed) sockets -= 1
        closed = true
      },
    }
  }

  const router: FakeRouter = {
    speaks: ['PCP', 'NAT-PMP', 'UPnP'],
    external: '203.0.113.4',
    refusal: 0,
    onlyPermanent: false,
    lifetimeSMax: 86_400,
    mappings: new Map(),
    asked: [],
    lies: [],
    open: () => sockets,
    restart() {
      startedAt = clock.monotonic()
      router.mappings.clear()
      if (router.speaks.includes('PCP')) router.call(pcpAnnouncement(0), testGateway.address)
    },
    call(bytes, from) {
      for (const listener of listeners) listener(bytes, from)
    },
    doors: {
      open,
      page,
      async listen(onMessage) {
        listeners.add(onMessage)
        sockets += 1
        return {
          close() {
            sockets -= 1
            listeners.delete(onMessage)
          },
        }
      },
    },
  }
  return router
}
