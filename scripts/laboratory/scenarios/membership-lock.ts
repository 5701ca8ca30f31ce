// Promise 4, against the hub itself: somebody steals it, with every key and its database, and adds a device of their own. The
// keys of the membership lock lie elsewhere, so nobody talks to that device. Then the keys are lost, too. With those that take
// their place people sign for other addresses, and the network moves there.

import type { Fleet } from '../fleet.ts'
import type { Host } from '../host.ts'
import { createLabNode, type LabNode } from '../node.ts'
import { answering, watchPing } from '../ping.ts'
import { nextIs } from '../renumbering.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { type Seen, waitFor } from '../wait.ts'

const topology = {
  ...oneSite.topology,
  internet: ['hub', 'desk', 'late', 'thief'],
  bystanders: ['desk', 'late', 'thief'],
}

/** Where people's own machine keeps its keys and files; it is not the hub's. */
const DESK = '/var/lib/desk'
const AT_HUB = '/var/lib/lock.json'
const LABELS = { site: 'internet', role: 'worker' }
const LOOK_TIMEOUT_MS = 30_000
const [OLD, NEW] = ['100.80.', '10.90.']
const [OLD6, NEW6] = ['fd5e:ad0:71d5::', 'fd90:1:2::']
const TO = ['--cidr', `${NEW}0.0/16`, '--cidr6', `${NEW6}/64`] as const
const START = ['renumber', 'start', ...TO] as const

/** What a thief does who has the hub's disk: the database forgets that there ever was a lock. */
const FORGET = `
const { DatabaseSync } = require('node:sqlite')
const db = new DatabaseSync('/var/lib/holdfast-hub/hub.db')
db.exec("DELETE FROM value WHERE name LIKE 'membership-lock/%'")
const network = JSON.parse(db.prepare("SELECT json FROM resource WHERE kind = 'Network'").get().json)
delete network.resource.spec.membershipLock
db.prepare("UPDATE resource SET json = ? WHERE kind = 'Network'").run(JSON.stringify(network))
db.close()
`

async function carry(from: Host, path: string, to: Host, target: string): Promise<void> {
  await to.exec(['sh', '-c', `umask 077; cat > ${target}`], { input: await from.exec(['cat', path]) })
}

function keyAt(desk: Host, name: string): Promise<string> {
  return desk.exec(['holdfast-hub', 'lock', 'key', `${DESK}/${name}`]).then((text) => text.trim())
}

/** Carries a file from the hub to the desk, signs it there with keys that have never been at the hub, and hands it in. */
async function signAtDesk({ hub, net }: Fleet, whom: readonly string[], keys: readonly string[]): Promise<void> {
  const desk = net.host('desk')
  await carry(hub.host, AT_HUB, desk, `${DESK}/file.json`)
  const flags = keys.flatMap((name) => ['--key', `${DESK}/${name}`])
  await desk.exec(['holdfast-hub', 'lock', 'sign', '--file', `${DESK}/file.json`, ...whom, ...flags])
  await carry(desk, `${DESK}/file.json`, hub.host, AT_HUB)
  await hub.cli(['lock', 'submit', AT_HUB])
}

function allSee(fleet: Fleet, what: string, check: Parameters<Fleet['sees']>[2]) {
  return Promise.all(fleet.nodes.map((node) => fleet.sees(node, what, check)))
}

const tells = (code: string) => (status: { readonly health: readonly { readonly code: string }[] }) =>
  status.health.some((condition) => condition.code === code)

async function waits({ hub }: Fleet, name: string): Promise<Seen<true>> {
  const bundle = JSON.parse(await hub.cli(['lock', 'pending', '-o', '-'])) as {
    members: { member: { name: string } }[]
  }
  return bundle.members.some(({ member }) => member.name === name) ? { done: true } : { notYet: 'nobody waits' }
}

/** All have turned to the new block, with so many addresses, and leave no member out. */
async function turned(fleet: Fleet, members: readonly LabNode[], count: number): Promise<void> {
  for (const node of members) {
    await fleet.sees(node, 'has the new addresses', ({ addresses, membershipLock }) => {
      const isTurned = addresses[0]?.startsWith(NEW) === true && addresses.length === count
      return isTurned && membershipLock?.leftOut.length === 0
    })
  }
}

/** Nobody answers it, in either direction: `stranger` asks all members, and no member has a peer of its name. */
async function expectAlone(members: readonly LabNode[], stranger: LabNode): Promise<string> {
  const all = (await Promise.all(members.map((node) => node.addresses()))).flat()
  const heard = await answering(stranger.host, all)
  expect(heard.size === 0, 'no member answers it', [...heard].join(', '))
  for (const node of members) {
    const { peers } = await node.status()
    const known = peers.map(({ name }) => name).includes(stranger.name as never)
    expect(!known, `${node.name} does not have it among its peers`, 'it has')
  }
  return `${all.length} addresses asked`
}

export const scenario: Scenario = {
  name: 'membership-lock',
  promise:
    'under a membership lock a stolen hub adds no device, people sign beforehand for other addresses, and lost keys are no end',
  shape: { ...oneSite, topology },
  async play(fleet, story) {
    const { hub, net } = fleet
    const [desk, late, thief] = [net.host('desk'), createLabNode(net.host('late')), createLabNode(net.host('thief'))]
    const members = [...fleet.nodes, late]
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('two people make lock keys on a machine that is not the hub', async () => {
      await desk.exec(['mkdir', '-p', DESK])
      const keys = await Promise.all(['alice', 'bob'].map((name) => keyAt(desk, name)))
      const flags = keys.flatMap((key) => ['--public', key])
      await hub.cli(['lock', 'init', ...flags, '--threshold', '2', '-o', AT_HUB])
    })
    await story.step('both sign; the lock comes into force, and every device pins it', async () => {
      await signAtDesk(fleet, ['--all'], ['alice', 'bob'])
      await allSee(fleet, 'pins the lock', ({ membershipLock }) => membershipLock?.threshold === 2)
      await fleet.acknowledged()
    })
    await story.step('the mesh is as it was', () => fleet.mesh())
    await story.step('a device joins, and waits until both have signed for it', async () => {
      const { token } = await hub.token()
      const joined = late.join(hub.url, token, LABELS)
      await waitFor('late waits for signatures', () => waits(fleet, 'late'), { timeoutMs: LOOK_TIMEOUT_MS })
      await hub.cli(['lock', 'pending', '-o', AT_HUB])
      await signAtDesk(fleet, ['late'], ['alice', 'bob'])
      await joined
      await late.start()
    })
    await story.step('it is in the mesh', () => fleet.mesh({ among: members }))
    await story.step('the hub is stolen: its database forgets the lock, and a device of the thief joins', async () => {
      await hub.stop()
      await hub.host.exec([process.execPath, '-e', FORGET])
      await hub.start()
      const { token } = await hub.token()
      await thief.join(hub.url, token, LABELS)
      await thief.start()
    })
    await story.step(
      'every device says that somebody is named who is not signed for, and that the lock is missing',
      async () => {
        await allSee(
          fleet,
          'leaves the thief out',
          ({ membershipLock }) => membershipLock?.leftOut.includes('thief' as never) === true,
        )
        await allSee(
          fleet,
          'tells of it',
          (status) => tells('members-unsigned')(status) && tells('lock-refused')(status),
        )
      },
    )
    await story.step(
      'nobody talks to it',
      () => expectAlone(members, thief),
      (told) => told,
    )
    await story.step('the mesh is as it was', () => fleet.mesh({ among: members }))
    await story.step('the hub is taken back; the lock’s keys are lost, and a lock is made anew', async () => {
      await hub.cli(['delete', 'node', 'thief'])
      await desk.exec(['rm', '-rf', DESK])
      await desk.exec(['mkdir', '-p', DESK])
      const carol = await keyAt(desk, 'carol')
      await hub.cli(['lock', 'init', '--public', carol, '-o', AT_HUB])
      await signAtDesk(fleet, ['--all'], ['carol'])
      await fleet.acknowledged(members)
    })
    await story.step('no device takes it up by itself', async () => {
      for (const node of members) {
        const { membershipLock } = await node.status()
        expect(membershipLock?.threshold === 2, `${node.name} trusts the old lock`, JSON.stringify(membershipLock))
      }
    })
    await story.step('somebody with root on each device does', async () => {
      await hub.cli(['lock', 'export', AT_HUB])
      for (const node of members) {
        await carry(hub.host, AT_HUB, node.host, AT_HUB)
        await node.cli(['lock', 'trust', AT_HUB])
      }
      const calm = (status: Parameters<Parameters<Fleet['sees']>[2]>[0]): boolean =>
        status.membershipLock?.threshold === 1 && !tells('lock-refused')(status) && !tells('members-unsigned')(status)
      await allSee(fleet, 'trusts the new lock', calm)
    })
    await story.step('the mesh is as it was', () => fleet.mesh({ among: members }))
    await story.step('the network can not move to other addresses, for which nobody has signed', async () => {
      const { code, stderr } = await hub.host.attempt(['holdfast-hub', ...START])
      const names = 'to come of alpha-1, alpha-2, late'
      expect(code !== 0 && stderr.includes(names), 'it is refused, and names whom signatures lack', stderr)
    })
    const [one, two] = fleet.nodes as [LabNode, LabNode]
    const olds = [...(await two.addresses()), ...(await late.addresses())]
    const pings = olds.map((address) => watchPing(one.host, address, 50))
    await story.step(
      'people sign for all steps at once, far from the hub; it turns, all stay members, and no packet is lost',
      async () => {
        await hub.cli(['lock', 'pending', ...TO, '-o', AT_HUB])
        await signAtDesk(fleet, ['--all'], ['carol'])
        await hub.cli([...START])
        await nextIs(fleet, 'switch')
        await hub.cli(['renumber', 'switch'])
        await turned(fleet, members, 4)
        const reports = await Promise.all(pings.map((watch) => watch.stop()))
        const lost = reports.reduce((sum, report) => sum + report.lost, 0)
        expect(lost === 0 && reports.every(({ sent }) => sent > 0), 'all pings are answered', `lost ${lost}`)
        return reports.reduce((sum, { sent }) => sum + sent, 0)
      },
      (sent) => `${sent} pings, none lost`,
    )
    await story.step('old addresses go, and everybody answers at the new ones', async () => {
      // All are here: what they watch is not waited for.
      await hub.cli(['renumber', 'finish', ...members.flatMap(({ name }) => ['--without', name])])
      await turned(fleet, members, 2)
      const news = olds.map((address) => address.replace(OLD, NEW).replace(OLD6, NEW6))
      const everybody = async (): Promise<Seen<true>> => {
        const heard = await answering(one.host, news)
        return heard.size === news.length ? { done: true } : { notYet: [...heard].join(', ') }
      }
      await waitFor('everybody answers', everybody, { timeoutMs: LOOK_TIMEOUT_MS, everyMs: 200 })
    })
    await Promise.all([late, thief].map((node) => node.end('SIGTERM')))
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
