// A device goes to the internet by other devices. The one in use dies under load, then the other: nothing of the device leaves by
// its own uplink but its own words, as the router at its site sees it, until intent says that it may.

import { askFromContainer, containerAt } from '../container.ts'
import { ask, serve } from '../conversation.ts'
import { expectExplained } from '../explained.ts'
import type { Fleet } from '../fleet.ts'
import type { Host } from '../host.ts'
import { kernelOf } from '../kernel-rest.ts'
import { expectNoLeak, forgetLeaks, leakWatch } from '../leaks.ts'
import { expectLedOut } from '../led-out.ts'
import { answering, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { openShop, stayAt } from '../services.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import { internetAddress, outsideOf, type Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const PORT = 8_080
/** Of connections that stay. */
const STAY_PORT = 8_081
/** At the device that goes out, forwarded to by its router. */
const SERVED = 2_222

const home = homeSite('alpha', ['alpha-1', 'alpha-2'])
const topology: Topology = {
  internet: ['hub', 'exit-1', 'exit-2', 'server'],
  bystanders: ['server'],
  sites: [{ ...home, forwards: [...(home.forwards ?? []), { protocol: 'tcp', port: SERVED, to: 'alpha-1' }] }],
}

const SERVER = internetAddress(topology, 'server')
const HUB = internetAddress(topology, 'hub')
const OUTSIDE = outsideOf(topology, 'alpha')
const EXITS = new Map(['exit-1', 'exit-2'].map((name) => [name, internetAddress(topology, name)] as const))
const [CLIENT, NEIGHBOUR] = ['192.168.1.11', '192.168.1.12']
/** The internet of IPv6: the exits have it, and the uplink of the device, which is not to be used, leads nowhere. */
const [SERVER6, ...EXITS6] = ['2001:db8:9::1', '2001:db8:9::11', '2001:db8:9::12'] as const

const [OLD, NEW] = ['100.80.', '10.90.']
/** Each may be taken before everybody has the one before it, and what the addresses of all begin with after it. */
const TURNS = [
  ['switch', NEW],
  ['abort', OLD],
  ['switch', NEW],
] as const

function exit(whenLost: 'Closed' | 'Open'): object {
  return resource('Exit', 'out', {
    nodes: { matchLabels: { site: 'alpha', role: 'gateway' } },
    via: { matchLabels: { site: 'internet' } },
    whenLost,
    resolvers: [SERVER],
  })
}

const outPolicy = resource('Policy', 'out', {
  subject: { nodeSelector: { matchLabels: { site: 'internet' } } },
  ingress: [{ from: [{ nodeSelector: { matchLabels: { site: 'alpha' } } }] }],
})

/** All that a program may try that does not care for routes. */
async function tryToLeak(host: Host): Promise<void> {
  const attempts = [
    ['ping', '-c', '1', '-W', '1', '-I', 'eth0', SERVER],
    ['ping', '-c', '1', '-W', '1', '-I', 'eth0', SERVER6],
    ['ping', '-c', '1', '-W', '1', SERVER6],
    ['bash', '-c', `echo x >/dev/udp/${SERVER}/9`],
  ]
  await Promise.all([...attempts.map((argv) => host.attempt(argv)), ask(host, 'udp', NEIGHBOUR, 53)])
}

function renumber({ hub }: Fleet, ...words: readonly string[]): Promise<string> {
  return hub.cli(['renumber', ...words])
}

function usedExit(fleet: Fleet): Promise<string> {
  return fleet
    .node('alpha-1')
    .status()
    .then(({ routers = [] }) => {
      const all = routers.filter(({ destination }) => destination === '0.0.0.0/0').flatMap((one) => one.routers)
      return all.find(({ state }) => state === 'used')?.name ?? 'none'
    })
}

/** The server sees the device come from there. */
function comesFrom(fleet: Fleet, wanted: string): Promise<unknown> {
  return waitFor(
    `the server sees alpha-1 come from ${wanted}`,
    async () => {
      const seen = await ask(fleet.node('alpha-1').host, 'tcp', SERVER, PORT)
      return holds(seen === wanted, seen ?? 'silence')
    },
    { timeoutMs: 60_000 },
  )
}

export const scenario: Scenario = {
  name: 'exit',
  promise: 'a device goes out by others and by nothing else, also while they die; its LAN and mesh stay as they are',
  shape: {
    topology,
    intent: [
      network,
      pingPolicy,
      outPolicy,
      ...gatewayNodes(topology),
      ...[...EXITS].map(([name, address]) => resource('Node', name, { publicEndpoint: `${address}:51820` })),
    ],
    async prepare(net) {
      await net.host('alpha-router').exec(['nft', '-f', '-'], {
        input: leakWatch({ client: CLIENT, hub: HUB, served: SERVED }),
      })
      for (const [i, name] of ['server', ...EXITS.keys()].entries()) {
        await net.host(name).ip([`address add ${[SERVER6, ...EXITS6][i]}/64 dev eth0 nodad`])
      }
      await net.host('alpha-router').ip(['address add 2001:db8:1::1/64 dev lan nodad'])
      await net
        .host('alpha-1')
        .ip(['address add 2001:db8:1::11/64 dev eth0 nodad', 'route add default via 2001:db8:1::1'])
    },
  },
  async play(fleet, story) {
    const [one, neighbour] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    const server = fleet.net.host('server')
    await story.step('the mesh is whole; alpha-1 goes out by its own uplink', async () => {
      await fleet.mesh()
      await serve(server, ['tcp', PORT], ['udp', 53])
      await serve(neighbour.host, ['tcp', PORT], ['udp', 53])
      await openShop({ host: server, name: 'server' }, STAY_PORT)
      await serve(one.host, ['tcp', SERVED])
      await comesFrom(fleet, OUTSIDE)
    })
    const before = await kernelOf(one.host)
    await story.step('it is to go out by exit-1 or exit-2, and closed where neither answers', async () => {
      await fleet.hub.apply(exit('Closed'))
      await fleet.acknowledged()
    })
    const first = await usedExit(fleet)
    const second = first === 'exit-1' ? 'exit-2' : 'exit-1'
    const [fromFirst, fromSecond] = [EXITS.get(first) ?? '', EXITS.get(second) ?? '']
    await story.step(`it comes from ${first}, over IPv6 as well, and explain says so`, async () => {
      await comesFrom(fleet, fromFirst)
      const six = await ask(one.host, 'tcp', SERVER6, PORT)
      expect(
        EXITS6.some((at) => at === six),
        'an exit at the server, by IPv6',
        six ?? 'silence',
      )
      await expectExplained(one.host, SERVER, new RegExp(`through ${first}\\.\nExit/out selects`))
      await expectExplained(one.host, SERVER6, /is gone to through exit-[12]\.\nExit\/out selects/)
      await expectExplained(neighbour.host, SERVER, /by this node’s own uplink\.\nNo Exit selects/)
    })
    await story.step('a name server of its LAN is not asked: the one of the exit is, through it', async () => {
      const asked = await ask(one.host, 'udp', NEIGHBOUR, 53)
      expect(asked === fromFirst, `an answer to ${fromFirst}`, asked ?? 'silence')
    })
    await story.step(
      'its LAN reaches it, it reaches its LAN, and who comes to it directly is answered directly',
      async () => {
        const seen = await ask(one.host, 'tcp', NEIGHBOUR, PORT)
        expect(seen === CLIENT, `${CLIENT} at the neighbour`, seen ?? 'silence')
        const came = await ask(server, 'tcp', OUTSIDE, SERVED)
        expect(came === SERVER, `${SERVER} at alpha-1`, came ?? 'silence')
      },
    )
    await story.step('a container of it goes out the same way, and asks the same name server', async () => {
      await containerAt(one.host)
      const seen = await askFromContainer(one.host, 'tcp', SERVER, PORT)
      expect(seen === fromFirst, fromFirst, seen)
      const asked = await askFromContainer(one.host, 'udp', NEIGHBOUR, 53)
      expect(asked === fromFirst, `an answer to ${fromFirst}`, asked)
    })
    await story.step(`${first} tells by family whom it leads out and how much`, () =>
      expectLedOut(fleet.node(first), 4, 1),
    )
    await story.step('nothing else leaves, whatever a program is bound to', async () => {
      await forgetLeaks(fleet)
      await tryToLeak(one.host)
      await expectNoLeak(fleet)
    })
    const watch = watchPing(one.host, SERVER)
    await story.step(`${first} loses its power under load: it goes by ${second}`, async () => {
      await fleet.node(first).end('SIGKILL')
      await fleet.node(first).host.powerOff()
      await tryToLeak(one.host)
      await comesFrom(fleet, fromSecond)
    })
    await story.step(
      'no packet left by the uplink meanwhile',
      async () => {
        const report = await watch.stop()
        await expectNoLeak(fleet)
        return report
      },
      ({ gapMs, lost, sent }) => `${lost} of ${sent} pings lost, ${gapMs} ms in a row`,
    )
    await story.step(`${second} loses its power, too: the way out is closed, and refuses`, async () => {
      const then = watchPing(one.host, SERVER)
      await fleet.node(second).end('SIGKILL')
      await fleet.node(second).host.powerOff()
      await fleet.sees(
        one,
        'the exit is closed',
        ({ health }) => health.some(({ code }) => code === 'exit-closed'),
        60_000,
      )
      await then.stop()
      const { stdout } = await one.host.attempt(['ping', '-c', '1', '-W', '5', SERVER])
      expect(/filtered|prohibited/i.test(stdout), 'a refusal', stdout)
      await waitFor(
        'the hub tells who is blocked',
        async () => {
          const seen = await fleet.hub.cli(['get', 'exit', 'out', '--json'])
          return holds(/"reason": ?"Blocked"/.test(seen) && /answers them: alpha-1/.test(seen), seen)
        },
        { timeoutMs: 60_000 },
      )
      await expectExplained(one.host, SERVER, /is blocked\.\n.*none answers\.\nExit\/out is Closed/)
      await tryToLeak(one.host)
      await expectNoLeak(fleet)
    })
    await story.step('LAN and mesh are as ever', async () => {
      const seen = await ask(one.host, 'tcp', NEIGHBOUR, PORT)
      expect(seen === CLIENT, `${CLIENT} at the neighbour`, seen ?? 'silence')
      const there = await neighbour.address()
      expect((await answering(one.host, [there])).has(there), `an answer of ${there}`, 'silence')
    })
    await story.step('intent opens it for that case: it goes by its own uplink', async () => {
      await fleet.hub.apply(exit('Open'))
      await comesFrom(fleet, OUTSIDE)
      const { health } = await one.status()
      expect(
        health.some(({ code }) => code === 'exit-open'),
        'exit-open',
        health.map(({ code }) => code).join(', '),
      )
    })
    await story.step(`${second} is back: it goes out by that again`, async () => {
      await fleet.node(second).host.boot()
      await fleet.node(second).start()
      await comesFrom(fleet, fromSecond)
    })
    await story.step('closed again, and its agent killed: it goes out by that, and by nothing else', async () => {
      await fleet.hub.apply(exit('Closed'))
      await fleet.acknowledged([one])
      await one.end('SIGKILL')
      await forgetLeaks(fleet)
      await tryToLeak(one.host)
      await comesFrom(fleet, fromSecond)
      await expectNoLeak(fleet)
    })
    await story.step('it loses its power: closed from the start, and out by that again with its agent', async () => {
      await one.reboot()
      await one.cli(['policy', 'close'])
      await forgetLeaks(fleet)
      await tryToLeak(one.host)
      const alone = await ask(one.host, 'tcp', SERVER, PORT)
      expect(alone === undefined, 'silence', alone ?? '')
      await expectNoLeak(fleet)
      await one.start()
      await comesFrom(fleet, fromSecond)
    })
    await story.step(
      'the mesh turns to other addresses, back, and there again for good: it goes out all the while',
      async () => {
        await forgetLeaks(fleet)
        const there = fleet.nodes.filter(({ name }) => name !== first)
        const stay = await stayAt(one, SERVER, 'server', STAY_PORT)
        const pings = watchPing(one.host, SERVER, 50)
        await renumber(fleet, 'start', '--cidr', `${NEW}0.0/16`, '--cidr6', 'fd90:1:2::/64')
        await fleet.sees(one, 'has addresses in both blocks', ({ addresses }) => addresses.length === 4)
        await fleet.acknowledged(there)
        for (const [word, prefix] of TURNS) {
          await renumber(fleet, word, ...(word === 'switch' ? ['--without', first] : []))
          await fleet.sees(one, `goes by ${prefix}`, ({ addresses }) => addresses[0]?.startsWith(prefix) === true)
        }
        await comesFrom(fleet, fromSecond)
        await stay.goesOn()
        await renumber(fleet, 'finish', ...fleet.nodes.flatMap(({ name }) => ['--without', name]))
        await fleet.sees(one, 'has the new addresses alone', ({ addresses }) => addresses.length === 2)
        await comesFrom(fleet, fromSecond)
        await expectNoLeak(fleet)
        return await pings.stop()
      },
      ({ gapMs, lost, sent }) => `${lost} of ${sent} pings lost, ${gapMs} ms in a row`,
    )
    await story.step('it leaves: rules, routes and tables are as before', async () => {
      await one.end('SIGTERM')
      await one.cli(['leave'])
      const after = await kernelOf(one.host)
      expect(after === before, before, after)
      await comesFrom(fleet, OUTSIDE)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
