// What the doctor says of the ways to the broker, each tried: its own port, the hub's one, and the proxy in between.

import type { Duplex } from 'node:stream'
import { describeError } from '../../shared/errors.ts'
import { type HttpProxy, proxyText } from '../../shared/host/http-proxy.ts'
import type { BrokerAddress } from '../../shared/wire/hub-url.ts'
import type { Finding } from './doctor.ts'

export interface BrokerWays {
  readonly ways: readonly BrokerAddress[]
  readonly proxy: HttpProxy | undefined
  readonly open: (way: BrokerAddress) => Promise<Duplex>
}

interface Tried {
  readonly way: string
  readonly why: string | undefined
}

const wordOf = ({ kind, port }: BrokerAddress): string =>
  kind === 'mqtts' ? `MQTT at TCP ${port}` : `MQTT in HTTPS at TCP ${port}`

async function tryWay(way: BrokerAddress, open: BrokerWays['open']): Promise<Tried> {
  try {
    const stream = await open(way)
    stream.destroy()
    return { way: wordOf(way), why: undefined }
  } catch (error) {
    return { way: wordOf(way), why: describeError(error) }
  }
}

export async function brokerFinding({ open, proxy, ways }: BrokerWays): Promise<Finding> {
  const check = 'broker'
  const tried = await Promise.all(ways.map((way) => tryWay(way, open)))
  const through = proxy === undefined ? '' : `, through the proxy ${proxyText(proxy)}`
  const found = `${tried.map(({ way, why }) => `${way}: ${why === undefined ? 'works' : 'does not'}`).join('; ')}${through}`
  const used = tried.find(({ why }) => why === undefined)?.way
  if (used !== undefined) return { check, verdict: 'ok', found, used }
  const why = [...new Set(tried.flatMap((one) => one.why ?? []))].join(' ')
  const remedy = `Let one of these ports out${proxy === undefined ? ', or set proxy in the config file' : ' of the proxy'}. ${why}`
  return { check, verdict: 'note', found, used: 'the cache', remedy }
}
