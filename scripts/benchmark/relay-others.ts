// The relay beside what else relays: coturn with the same flow, nebula with the same pair of ends. What is not installed is
// said.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Figures, median } from './bench.ts'
import { startCoturn, turnPort, whyNoCoturn } from './coturn.ts'
import { startNebula, whyNoNebula } from './nebula.ts'
import { dropAt, type Line, type Overlay, ratio, rounds, SINK_PORT, SOURCE_PORT } from './relay-line.ts'
import { startRelayedWireguard } from './relayed-wireguard.ts'
import { channelHead, channelHeadBytes } from './turn-channel.ts'

export interface Beside {
  readonly line: Line
  readonly load: string
  readonly directory: string
  /** Session port of the two ends at the relay. */
  readonly relayPort: number
  readonly say: (words: string) => void
}

/** What goes through both, by payload: the second is the most that one packet of nebula's carries, in round numbers. */
const OVERLAY_SIZES = [200, 1_200] as const
/** WireGuard has the other one. */
const OVERLAY_SOURCE_PORT = SOURCE_PORT + 1

export async function besideCoturn({ line, load, relayPort, say }: Beside, sizes: readonly number[]): Promise<Figures> {
  const why = whyNoCoturn()
  if (why !== undefined) {
    say(`not compared: ${why}`)
    return {}
  }
  const [sender, relay] = line.names
  const place = { near: '10.98.1.1', far: '10.98.2.1', peer: '10.98.2.2', peerPort: SINK_PORT, sourcePort: SOURCE_PORT }
  const coturn = await startCoturn({ sender, relay, ...place })
  try {
    const figures: Record<string, number> = {}
    for (const bytes of sizes) {
      const head = channelHead(bytes)
      const [own, theirs] = rounds(
        line,
        load,
        [
          { to: '10.98.1.1', port: relayPort, bytes },
          { to: '10.98.1.1', port: turnPort, bytes: bytes + channelHeadBytes, head },
        ],
        say,
      )
      figures[`coturnPps${bytes}`] = median(theirs ?? [])
      figures[`coturnMbit${bytes}`] = (median(theirs ?? []) * bytes * 8) / 1e6
      figures[`othersRatio${bytes}`] = ratio(own, theirs)
    }
    return { ...figures, othersRatio: Math.min(...sizes.map((bytes) => figures[`othersRatio${bytes}`] ?? Number.NaN)) }
  } finally {
    coturn.end()
  }
}

/** From end to end, encryption and all: nebula's relay can't be had without its ends. */
async function overlays({ line, load, say }: Beside, [own, theirs]: readonly [Overlay, Overlay]): Promise<Figures> {
  dropAt(line, `iifname { ${own.device}, ${theirs.device} } udp dport ${SINK_PORT}`)
  const figures: Record<string, number> = {}
  for (const bytes of OVERLAY_SIZES) {
    const flows = [own, theirs].map(({ device, to }) => {
      return { to, device, port: SINK_PORT, sourcePort: OVERLAY_SOURCE_PORT, bytes }
    })
    const [ours, nebula] = rounds(line, load, flows, say)
    figures[`overlayPps${bytes}`] = median(ours ?? [])
    figures[`nebulaPps${bytes}`] = median(nebula ?? [])
    figures[`nebulaMbit${bytes}`] = (median(nebula ?? []) * bytes * 8) / 1e6
    figures[`nebulaRatio${bytes}`] = ratio(ours, nebula)
  }
  return {
    ...figures,
    nebulaRatio: Math.min(...OVERLAY_SIZES.map((bytes) => figures[`nebulaRatio${bytes}`] ?? Number.NaN)),
  }
}

export async function besideNebula(beside: Beside): Promise<Figures> {
  const { directory, line, relayPort, say } = beside
  const why = whyNoNebula()
  if (why !== undefined) {
    say(`not compared: ${why}`)
    return {}
  }
  const inside = join(directory, 'nebula')
  mkdirSync(inside)
  // Nothing but what comes through a tunnel is dropped at the end now.
  dropAt(line, `iifname lo udp dport ${SINK_PORT}`)
  const own = await startRelayedWireguard(line, directory, relayPort)
  try {
    const theirs = await startNebula(line, inside)
    try {
      return await overlays(beside, [own, theirs])
    } finally {
      theirs.end()
    }
  } finally {
    own.end()
  }
}
