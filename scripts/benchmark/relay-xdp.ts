// The relay's short cut at XDP against plain forwarding by the same kernel, of frames that come and go as fast drivers hand them
// on.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Forward } from '../../edge/relay/forwarder.ts'
import { renderShortcutChange, shortcutEndsOf } from '../../edge/relay/shortcut.ts'
import { readXdp, whyNoXdp } from '../../edge/relay/shortcut-xdp.ts'
import type { Figures } from './bench.ts'
import { costs, execute, type Flow, type Line, ratio, SINK_PORT } from './relay-line.ts'

export interface XdpBeside {
  readonly line: Line
  /** `holdfast-bpf`. */
  readonly program: string
  readonly inject: string
  readonly forward: Forward
  /** Bytes per second. */
  readonly limit: number
  readonly say: (words: string) => void
}

/** `at`: a directory of pins that is there as long as it runs; `ip netns exec` makes one for each call. */
async function holdMounts(line: Line) {
  const holder = spawn('ip', ['netns', 'exec', line.names[1], 'sh', '-c', 'echo; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  const run = (command: readonly string[], input?: string): string =>
    execute(['nsenter', '--net', '--mount', '-t', String(holder.pid), ...command], input)
  return { run, end: () => holder.kill('SIGKILL') }
}

export async function besideXdp(
  { forward, inject, limit, line, program, say }: XdpBeside,
  sizes: readonly number[],
): Promise<Figures> {
  const relay = await holdMounts(line)
  let pins = ''
  const way = (devices: readonly string[]): NonNullable<Flow['way']> => ({
    lay() {
      pins = relay.run([program, 'relay', 'load', '2048', String(limit), String(limit)]).trim()
      relay.run([program, 'relay', 'change'], renderShortcutChange(new Map(), shortcutEndsOf([forward])))
      relay.run(['tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact'])
      relay.run([
        'tc',
        'filter',
        'add',
        'dev',
        'eth0',
        'ingress',
        'bpf',
        'direct-action',
        'object-pinned',
        `${pins}/ether`,
      ])
      const standing = readXdp(relay.run([program, 'relay', 'hang'], devices.map((one) => `${one}\n`).join('')))
      for (const device of devices) {
        const why = whyNoXdp(standing.get(device))
        if (why !== undefined) say(`not at XDP of ${device}: ${why}`)
      }
    },
    remove() {
      relay.run([program, 'relay', 'hang'])
      relay.run(['tc', 'qdisc', 'delete', 'dev', 'eth0', 'clsact'])
      relay.run(['rm', '-r', pins])
    },
  })
  // Of a pair both ends take frames where this is on. That of the relay is for plain forwarding, which else would get none.
  const frames = (is: 'on' | 'off'): void => [1, 2].forEach((host) => void line.run(host, [inject, 'gro', 'eth0', is]))
  const figures: Record<string, number> = {}
  frames('on')
  try {
    for (const bytes of sizes) {
      const flow = { to: '10.98.1.1', port: forward.port, bytes }
      const flows = [
        { to: '10.98.2.2', port: SINK_PORT, bytes },
        { ...flow, way: way([]) },
        { ...flow, way: way(['eth0', 'eth1']) },
      ]
      const [plain = [], tc = [], xdp = []] = costs(line, inject, flows, say, { frames: true })
      // Others on this machine can only add to a cost: the least is the truest.
      figures[`plainFrameNs${bytes}`] = Math.min(...plain)
      figures[`tcFrameNs${bytes}`] = Math.min(...tc)
      figures[`xdpFrameNs${bytes}`] = Math.min(...xdp)
      figures[`xdpRatio${bytes}`] = ratio(plain, xdp)
    }
  } finally {
    frames('off')
    relay.end()
  }
  return figures
}
