// A hub and five devices on two sites behind NATs, on this one machine, kept running until Ctrl-C. Run by ./scripts/up.

import { readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { AgentStatus } from '../../edge/agent.ts'
import { renderTable } from '../../shared/cli/table.ts'
import { describeError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { whyNoLab } from '../testing/privilege.ts'
import { serveControl } from './control.ts'
import { type Fleet, type FleetShape, startFleet } from './fleet.ts'
import type { Host } from './host.ts'
import { abandonRun } from './run-directory.ts'
import { homeSite } from './shapes.ts'
import { durationText, failureText } from './story.ts'
import type { Topology } from './topology.ts'
import { carrierFor } from './verbs.ts'

const root = resolve(import.meta.dirname, '../..')
const examples = ['examples/fleet.yaml', 'examples/lab/gateways.yaml']

const topology: Topology = {
  internet: ['hub'],
  sites: [
    homeSite('alpha', ['alpha-1', 'alpha-2', 'alpha-3'], { backyard: { gateway: 'alpha-1', hosts: ['machine'] } }),
    homeSite('beta', ['beta-1', 'beta-2']),
  ],
}

const write = (text: string): void => void process.stdout.write(text)

/** One line that is written over while something goes on; plain lines where nobody watches. */
function progress(text: string): void {
  write(process.stdout.isTTY ? `\r\u001b[K${text}` : `${text}\n`)
}

/** Workers serve a web page, and so does the machine behind the gateway, which runs no agent. */
async function servePage(host: Host): Promise<void> {
  if (host.name.endsWith('-1')) return
  await host.spawn([process.execPath, join(import.meta.dirname, 'page.ts')], 'page').said(/serving/)
}

async function nodeTable(fleet: Fleet): Promise<string> {
  const rows = await Promise.all(
    fleet.nodes.map(async (node) => {
      const { addresses, mode, peers } = await node.status()
      const lan = fleet.net.host(node.name)
      const { stdout } = await lan.attempt(['hostname', '-I'])
      const direct = peers.map(({ name, path }) => `${name} ${path}`).join(', ')
      return [node.name, addresses.join(' '), stdout.split(' ')[0] ?? '', mode, direct]
    }),
  )
  return renderTable(['device', 'mesh addresses', 'at its site', 'mode', 'paths'], rows, process.stdout.isTTY)
}

async function whatToTry(fleet: Fleet): Promise<string> {
  const lab = relative(process.cwd(), join(root, 'scripts/lab'))
  const command = lab.includes('/') && !lab.startsWith('.') ? `./${lab}` : lab
  const changed = relative(process.cwd(), join(root, 'examples/lab/web-for-all.yaml'))
  const [worker = ''] = await fleet.node('alpha-2').addresses()
  const tries: readonly (readonly [string, string])[] = [
    ['the mesh as a device sees it', `${command} exec alpha-2 holdfast status`],
    ['a shell on a device', `${command} enter beta-2`],
    ['the fleet as the hub sees it', `${command} exec hub holdfast-hub get nodes`],
    ['a web page that only gateways may open', `${command} exec beta-1 curl -sm 2 http://${worker}:8080`],
    ['… and others may not, yet: silence', `${command} exec beta-2 curl -sm 2 http://${worker}:8080`],
    ['change the policy, then try again', `${command} exec hub holdfast-hub apply -f ${changed}`],
    ['a machine without agent, behind alpha-1', `${command} exec beta-1 ping -c 3 192.168.77.11`],
    ['kill the hub', `${command} hub kill`],
    ['pull a device’s power: it comes back from its cache', `${command} power-cycle alpha-2`],
    ['… and says that it is autonomous', `${command} exec alpha-2 holdfast status`],
    ['start the hub again', `${command} hub start`],
    ['who has the newest revision', `${command} exec hub holdfast-hub status`],
  ]
  return tries.map(([what, line]) => `  # ${what}\n  ${line}\n`).join('')
}

function realDevice(): string {
  return [
    'A real device, such as a Raspberry Pi with a 64-bit Debian:',
    '  npm run build                                         # packages for it, in build/release',
    '  # here, where the device can reach this machine',
    '  build/out/holdfast-hub serve --data ./hub --url https://ADDRESS-OF-THIS-MACHINE:8443',
    '  build/out/holdfast-hub token create --data ./hub      # prints the join command',
    '  # on the device, as root',
    '  apt install ./holdfast_VERSION_arm64.deb',
    '  holdfast join https://ADDRESS-OF-THIS-MACHINE:8443 --token hf1.… && systemctl start holdfast',
    '',
  ].join('\n')
}

/** The browser warns of the hub's own authority once. */
async function whereToLook({ hub, hubAtDesk }: Fleet): Promise<string> {
  const made = await hub.cli(['access', 'create', 'you', '--role', 'admin', '--json'])
  const { token } = JSON.parse(made) as { readonly token: string }
  const authority = join(hub.host.lib, 'holdfast-hub/tls/authority.crt')
  return [
    `The dashboard:  https://${hubAtDesk}:8443/`,
    `  sign in with  ${token}`,
    `The API:        https://${hubAtDesk}:8443/api/v1/openapi.json (authority: ${authority})`,
    '',
  ].join('\n')
}

async function tell(fleet: Fleet, startedAt: number): Promise<void> {
  write(
    `\nUp after ${durationText(systemClock.monotonic() - startedAt)}: a hub and ${fleet.nodes.length} devices, every pair answers.\n\n`,
  )
  write(`${await nodeTable(fleet)}\n`)
  write(await whereToLook(fleet))
  write(`Intent in force: ${examples.join(', ')}\n\nTry, in another terminal:\n${await whatToTry(fleet)}\n`)
  write(`${realDevice()}\nCtrl-C takes everything away.\n`)
}

async function bringUp(shape: FleetShape): Promise<Fleet> {
  const fleet = await startFleet({ ...shape, onProgress: (doing) => progress(`${doing} …`) })
  try {
    let shown = -1
    await fleet.mesh({
      timeoutMs: 120_000,
      onProgress(answered, pairs) {
        if (answered !== shown) progress(`mesh pings: ${answered} of ${pairs} answered`)
        shown = answered
      },
    })
    await Promise.all([...fleet.nodes.map(({ host }) => host), fleet.net.host('machine')].map(servePage))
    const whole: (status: AgentStatus) => boolean = ({ peers }) => peers.every(({ path }) => path !== 'none')
    await Promise.all(fleet.nodes.map((node) => fleet.sees(node, 'a path to every peer', whole)))
    return fleet
  } catch (error) {
    write(`\n${failureText(error, fleet.net.hosts())}`)
    await fleet.remove()
    throw error
  }
}

async function main(): Promise<number> {
  const reason = whyNoLab()
  if (reason !== undefined) {
    write(`up: ${reason}\n`)
    return 1
  }
  const startedAt = systemClock.monotonic()
  const asked = Promise.withResolvers<string>()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => asked.resolve(signal))
  const intent = examples.map((path) => readFileSync(join(root, path), 'utf8'))
  const fleet = await Promise.race([bringUp({ topology, intent, desk: true }), asked.promise])
  if (typeof fleet === 'string') {
    // It still starts. The hosts die with this process, so only files are left to remove.
    write('\n')
    abandonRun()
    return 130
  }
  const close = await serveControl(
    fleet.net.directory.path,
    carrierFor(fleet, servePage, (what) => write(`• ${what}\n`)),
  )
  await tell(fleet, startedAt)
  await asked.promise
  write('\ntakes everything away …\n')
  close()
  await fleet.remove()
  return 0
}

try {
  process.exit(await main())
} catch (error) {
  write(`up: ${describeError(error)}\n`)
  process.exit(1)
}
