// Pods of two sites, whose objects are in a real API server and whose packets are real: policy by their labels decides between
// the sites, and a pod that is made anew is known at the other site with neither hub nor cloud. What pods of one site are called
// elsewhere is mapped, as where sites have the same addresses; those of the other keep theirs beside flannel's masquerade. Pods
// that serve are found by the name of their Service, and those alone that are ready.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AgentStatus } from '../../edge/agent.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { run } from '../laboratory/command.ts'
import { ask, expectAll, lookUp, type Question, serve } from '../laboratory/conversation.ts'
import { type Fleet, startFleet } from '../laboratory/fleet.ts'
import type { Host } from '../laboratory/host.ts'
import { holds, waitFor } from '../laboratory/wait.ts'
import { whyNoLab } from '../testing/privilege.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'
import {
  ApiCrossing,
  createNamespace,
  createPod,
  deletePod,
  givePodAddress,
  kubeconfigPath,
  layBridge,
  layKubeconfig,
  layMasquerade,
  setReady,
} from './pod-site.ts'
import { ALPHA, BETA, intent, MAPPED, PAGE, SQL, topology } from './pod-sites.ts'

function lets(rule: string): string {
  return `table inet only {\nchain in {\ntype filter hook input priority filter\n${rule}\n}\n}\n`
}
/** Lets no ICMP in, … */
const DEAF = lets('ip protocol icmp drop')
/** … no page, … */
const CLOSED = lets('tcp dport 80 drop')
/** … or no connection whose segments are larger than the mesh carries: 1420 bytes without 40 of headers. */
const NARROW = lets('tcp flags & (syn | ack) == syn tcp option maxseg size > 1380 drop')

/** The gateways enforce in different ways, so that both are seen to judge what is forwarded. */
function agent(node: string, driver: 'auto' | 'nft') {
  return { agent: ['--kubernetes', kubeconfigPath, '--kubernetes-node', node, '--policy-driver', driver] }
}

const why = whyNoLab() ?? whyNoApiServer()
if (why === undefined) {
  let api: ApiServer
  let fleet: Fleet
  let crossing: ApiCrossing
  const host = (name: string): Host => fleet.net.host(name)
  const told = (name: string, what: string, check: (view: NonNullable<AgentStatus['kubernetes']>) => boolean) =>
    fleet.sees(fleet.node(name), what, ({ kubernetes }) => kubernetes !== undefined && check(kubernetes))
  const reaches = async (from: string, to: string, expected: string, port = SQL): Promise<number> => {
    const probe = async () => {
      const seen = await ask(host(from), 'tcp', to, port)
      return holds(seen === expected, seen ?? 'silence')
    }
    const what = `${from} reaches ${to}, which sees ${expected}`
    return (await waitFor(what, probe, { timeoutMs: 15_000, everyMs: 20 })).elapsedMs
  }
  const fails = async (from: string, to: string, port = SQL): Promise<unknown> => {
    const probe = async () => {
      const seen = await ask(host(from), 'tcp', to, port)
      return holds(seen === undefined, seen ?? '')
    }
    return await waitFor(`${from} does not reach ${to}`, probe, { timeoutMs: 15_000, everyMs: 20 })
  }
  const dropped = (from: string, to: string, port = SQL): Question => {
    return { from: host(from), protocol: 'tcp', to, port, passes: false }
  }

  test.before(async () => {
    api = await startApiServer()
    const flags = { 'alpha-1': agent('site-a', 'auto'), 'beta-1': agent('site-b', 'nft') }
    fleet = await startFleet({ topology, intent, flags })
    crossing = new ApiCrossing(api.url)
    for (const [gateway, block] of [['alpha-1', ALPHA] as const, ['beta-1', BETA] as const]) {
      await layBridge(host(gateway), block)
      await layMasquerade(host(gateway), block)
      await crossing.toHost(host(gateway))
    }
    await givePodAddress(host('web'), ALPHA, 11)
    await givePodAddress(host('batch'), ALPHA, 12)
    await givePodAddress(host('db'), BETA, 11)
    await givePodAddress(host('cache'), BETA, 12)
    await serve(host('db'), ['tcp', SQL], ['tcp', 80])
    await serve(host('cache'), ['tcp', SQL])
    await serve(host('web'), ['tcp', SQL], ['tcp', 80])
    await createNamespace(api, 'shop', { team: 'sales' })
    const shop = { namespace: 'shop' }
    await createPod(api, { ...shop, name: 'web', node: 'site-a', labels: { app: 'web' }, ip: `${ALPHA}.11` })
    await createPod(api, { ...shop, name: 'batch', node: 'site-a', labels: { app: 'batch' }, ip: `${ALPHA}.12` })
    await createPod(api, { ...shop, name: 'db', node: 'site-b', labels: { app: 'db' }, ip: `${BETA}.11` })
    await createPod(api, { ...shop, name: 'cache', node: 'site-b', labels: { app: 'cache' }, ip: `${BETA}.12` })
    // Claims an address of the other site.
    await createPod(api, { ...shop, name: 'liar', node: 'site-a', labels: { app: 'web' }, ip: `${BETA}.13` })
  })
  test.after(async () => {
    crossing.close()
    await Promise.all([fleet.remove(), api.stop()])
  })

  test('what stands in the way is said: no kubeconfig, and no right', async () => {
    await told('alpha-1', 'there is no kubeconfig', ({ failure = '' }) => failure.includes(kubeconfigPath))
    const { users } = JSON.parse(readFileSync(api.hubKubeconfig, 'utf8')) as { users: { user: { token: string } }[] }
    for (const name of ['alpha-1', 'beta-1']) layKubeconfig(host(name), api, users[0]?.user.token ?? '')
    await told('alpha-1', 'the rule that it lacks', ({ failure = '' }) => failure.includes('verbs ["list", "watch"]'))
  })

  test('with the role of the examples each gateway tells of the pods behind it', async () => {
    const role = readFileSync(join(import.meta.dirname, '../../examples/kubernetes/agent-role.yaml'), 'utf8')
    const kubectl = (words: readonly string[], input: string) =>
      run(['kubectl', '--kubeconfig', api.kubeconfig, ...words], { input })
    await createNamespace(api, 'holdfast-agent', {})
    // The user of the tests stands for the service account.
    const bound = role.replace(
      /subjects:[^]*$/,
      'subjects: [{kind: User, name: holdfast-hub, apiGroup: rbac.authorization.k8s.io}]\n',
    )
    await kubectl(['apply', '-f', '-'], bound)
    const isWhole = (view: NonNullable<AgentStatus['kubernetes']>): boolean =>
      view.pods === 2 && view.state === 'reading'
    await told('alpha-1', 'two pods, and one elsewhere', (view) => isWhole(view) && view.elsewhere === 1)
    await told('beta-1', 'two pods', isWhole)
  })

  test('policy by labels of pods decides between the sites, by who they are', async () => {
    await fleet.mesh()
    await reaches('web', `${MAPPED}.11`, `${ALPHA}.11`)
    await expectAll([
      dropped('web', `${MAPPED}.11`, 80),
      dropped('batch', `${MAPPED}.11`),
      dropped('web', `${MAPPED}.12`),
      dropped('db', `${ALPHA}.11`),
    ])
  })

  test('a packet of a pod that is too large for the mesh is told of, and TCP fits from its first packet on', async () => {
    await host('web').ip(['link set eth0 mtu 1450'])
    const { stdout } = await host('web').attempt(['ping', '-M', 'do', '-c', '1', '-s', '1422', `${MAPPED}.11`])
    assert.match(stdout, /Frag needed and DF set \(mtu = 1420\)/)
    // Its kernel knows the size now; one that hears no ICMP is told by the segments' own.
    await host('web').ip(['route flush cache'])
    await host('web').exec(['nft', '-f', '-'], { input: DEAF })
    await host('db').exec(['nft', '-f', '-'], { input: NARROW })
    await reaches('web', `${MAPPED}.11`, `${ALPHA}.11`)
    await host('web').exec(['nft', 'delete table inet only'])
    await host('db').exec(['nft', 'delete table inet only'])
  })

  test('explain and flows call pods by their names', async () => {
    const words = ['policy', 'explain', 'shop/web', 'shop/db', `tcp/${SQL}`]
    // Nothing before hung on whether this site has heard of the other's server.
    const probe = async () => ({ done: await fleet.node('alpha-1').cli(words) })
    const { value: explained } = await waitFor('shop/db is heard of', probe, { timeoutMs: 15_000 })
    assert.match(explained, /shop\/web.*shop\/db/)
    const { code, stderr, stdout } = await host('alpha-1').attempt(['holdfast', 'explain', 'shop/db'])
    assert.is(code, 0, stderr)
    assert.match(stderr, `shop/db (${MAPPED}.11) is behind beta-1`)
    assert.match(stdout, 'beta-1')
    const flows = await fleet.node('beta-1').cli(['flows', '--json'])
    assert.match(flows, /"shop\/web"/)
  })

  test('with the hub gone, a pod made anew with another address is reached and policed from the other site', async () => {
    await fleet.hub.kill()
    await fleet.sees(fleet.node('beta-1'), 'the hub is away', ({ mode }) => mode === 'autonomous')
    const shop = { namespace: 'shop', name: 'web', node: 'site-a', labels: { app: 'web' } }
    await deletePod(api, 'shop', 'web')
    await givePodAddress(host('web'), ALPHA, 21)
    const from = systemClock.monotonic()
    await createPod(api, { ...shop, ip: `${ALPHA}.21` })
    await reaches('web', `${MAPPED}.11`, `${ALPHA}.21`)
    const elapsedMs = systemClock.monotonic() - from
    process.stdout.write(`client made anew: reached its server after ${Math.round(elapsedMs)} ms\n`)
    await deletePod(api, 'shop', 'db')
    await givePodAddress(host('db'), BETA, 22)
    const again = systemClock.monotonic()
    await createPod(api, { namespace: 'shop', name: 'db', node: 'site-b', labels: { app: 'db' }, ip: `${BETA}.22` })
    await reaches('web', `${MAPPED}.22`, `${ALPHA}.21`)
    process.stdout.write(`server made anew: reached after ${Math.round(systemClock.monotonic() - again)} ms\n`)
    await givePodAddress(host('batch'), ALPHA, 11)
    await expectAll([dropped('batch', `${MAPPED}.22`), dropped('web', `${MAPPED}.22`, 80)])
  })

  test('with the API server gone too, and the agents started anew, all stays as it was', async () => {
    await api.halt()
    for (const name of ['alpha-1', 'beta-1']) {
      await fleet.node(name).end('SIGKILL')
      await fleet.node(name).start()
    }
    await told('beta-1', 'waits with the pods it knew', ({ pods, state }) => state === 'waiting' && pods === 2)
    await reaches('web', `${MAPPED}.22`, `${ALPHA}.21`)
    // A power cut may cost the last seconds of what others told; they tell it again.
    await fails('batch', `${MAPPED}.22`)
    await expectAll([dropped('web', `${MAPPED}.12`)])
  })

  test('it comes back, and a label that changed meanwhile counts', async () => {
    await api.resume()
    await deletePod(api, 'shop', 'batch')
    await createPod(api, {
      namespace: 'shop',
      name: 'batch',
      node: 'site-a',
      labels: { app: 'web' },
      ip: `${ALPHA}.11`,
    })
    await reaches('batch', `${MAPPED}.22`, `${ALPHA}.11`)
    await reaches('db', `${ALPHA}.21`, `${MAPPED}.22`, 80)
  })

  test('a service that pods serve is found by its name at the other site, and follows who of them is ready', async () => {
    const serving = (pod: string) =>
      fleet.sees(fleet.node('beta-1'), `${pod} alone serves`, ({ services = [] }) => {
        const backends = services[0]?.backends ?? []
        const names = backends.filter(({ state }) => state === 'serves').map(({ name }) => name)
        return backends.length === 2 && names.join() === pod
      })
    const { names } = await fleet.node('beta-1').status()
    const virtual = await lookUp(
      host('db'),
      `${await fleet.node('beta-1').address()}:${names?.port ?? 0}`,
      'page.shop.svc.clusterset.local',
    )
    // Nobody serves there: that it is led elsewhere is seen by every connection.
    await setReady(api, 'shop', 'batch', false)
    await serving('shop/web')
    for (let time = 0; time < 4; time++) assert.is(await ask(host('db'), 'tcp', virtual, PAGE), `${MAPPED}.22`, virtual)
    await serve(host('batch'), ['tcp', 80])
    await host('web').exec(['nft', '-f', '-'], { input: CLOSED })
    const from = systemClock.monotonic()
    await setReady(api, 'shop', 'batch', true)
    await setReady(api, 'shop', 'web', false)
    await serving('shop/batch')
    process.stdout.write(`another is ready: led there after ${Math.round(systemClock.monotonic() - from)} ms\n`)
    for (let time = 0; time < 4; time++) assert.is(await ask(host('db'), 'tcp', virtual, PAGE), `${MAPPED}.22`, virtual)
    await host('web').exec(['nft', 'delete table inet only'])
  })

  test('a headless one is answered with the pods themselves, each by its name, and hub and cluster are not asked', async () => {
    const { names } = await fleet.node('alpha-1').status()
    const server = `${await fleet.node('alpha-1').address()}:${names?.port ?? 0}`
    const whole = 'store.shop.svc.clusterset.local'
    const answered = (name: string, wanted: string): Promise<unknown> =>
      waitFor(
        `${name} is ${wanted}`,
        async () => {
          const found = await lookUp(host('web'), server, name)
          return holds(found === wanted, found)
        },
        { timeoutMs: 30_000 },
      )
    const shop = { namespace: 'shop', node: 'site-b', labels: { app: 'db' } }
    await answered(whole, `${MAPPED}.22`)
    await createPod(api, { ...shop, name: 'store-1', subdomain: 'store', ip: `${BETA}.23` })
    const from = systemClock.monotonic()
    await answered(whole, `${MAPPED}.22 ${MAPPED}.23`)
    process.stdout.write(`a pod came: answered after ${Math.round(systemClock.monotonic() - from)} ms\n`)
    await answered(`store-1.kube.${whole}`, `${MAPPED}.23`)
    const dashed = `${MAPPED.replaceAll('.', '-')}-22`
    await answered(`_sql._tcp.${whole}`, `${dashed}.kube.${whole}:${SQL} store-1.kube.${whole}:${SQL}`)
    // By the address that it is told.
    await reaches('web', `${MAPPED}.22`, `${ALPHA}.21`)
    await setReady(api, 'shop', 'db', false)
    await answered(whole, `${MAPPED}.23`)
    await setReady(api, 'shop', 'db', true)
    await deletePod(api, 'shop', 'store-1')
    await answered(whole, `${MAPPED}.22`)
    await api.halt()
    await answered(`${dashed}.kube.${whole}`, `${MAPPED}.22`)
    await api.resume()
  })

  test('policy at their own site counts too', async () => {
    // Each is judged by what stands in front of it, too: by programs in the kernel at one site, by nft at the other.
    const shop = { namespace: 'shop' }
    await deletePod(api, 'shop', 'batch')
    await deletePod(api, 'shop', 'db')
    const quiet = { quiet: 'yes' }
    await createPod(api, {
      ...shop,
      name: 'batch',
      node: 'site-a',
      labels: { app: 'web', ...quiet },
      ip: `${ALPHA}.11`,
    })
    await createPod(api, { ...shop, name: 'db', node: 'site-b', labels: { app: 'db', ...quiet }, ip: `${BETA}.22` })
    await fails('batch', `${MAPPED}.22`)
    await fails('db', `${ALPHA}.21`, 80)
    await reaches('web', `${MAPPED}.22`, `${ALPHA}.21`)
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
