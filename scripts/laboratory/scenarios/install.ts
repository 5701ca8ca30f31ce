// From nothing to the mesh and back: a fresh Debian is given the package, and then the same by install.sh from a directory. An
// upgrade is an update on trial, a broken one takes itself back, whatever is wrong with what was brought changes nothing, and who
// removes it finds everything as it was.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { AgentStatus } from '../../../edge/agent.ts'
import type { CommandResult } from '../command.ts'
import { debianArchive } from '../debian-root.ts'
import type { Fleet } from '../fleet.ts'
import { allOf, createFreshDevice, type FreshDevice } from '../fresh-device.ts'
import { waitForMesh, watchPing } from '../ping.ts'
import { createReleases, type LabRelease, type LabReleases } from '../release-versions.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy } from '../shapes.ts'
import type { Story } from '../story.ts'
import { serveTorn } from '../torn-server.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

/** Shorter than on real devices, for the sake of whoever waits here. */
const SETTINGS = 'HOLDFAST_CONFIRM_S=5\n'
const PATIENCE_MS = 90_000
/** Room for one version and not for another beside it. */
const SMALL_OPT = 'size=160m'

interface Stage {
  readonly fleet: Fleet
  readonly story: Story
  readonly device: FreshDevice
  readonly releases: LabReleases
  readonly first: LabRelease
  readonly second: LabRelease
}

function apt(device: FreshDevice, ...words: readonly string[]): Promise<CommandResult> {
  // What it asks about settings that were changed here, people answer with "keep mine".
  return device.run('apt-get', '-y', '-qq', '-o', 'Dpkg::Options::=--force-confold', ...words)
}

function fine({ code, stderr, stdout }: CommandResult, what: string): void {
  expect(code === 0, `${what} succeeds`, `${code}: ${stdout.slice(-800)}${stderr.slice(-800)}`)
}

function refused({ code, stderr, stdout }: CommandResult, why: RegExp): void {
  const said = `${stdout}${stderr}`
  expect(code !== 0 && why.test(said), `a refusal: ${why.source}`, `${code}: ${said.slice(-800)}`)
}

async function sees({ device }: Stage, what: string, check: (status: AgentStatus) => boolean): Promise<AgentStatus> {
  const probe = async () => {
    const status = await device.status()
    return check(status) ? { done: status } : { notYet: JSON.stringify(status).slice(0, 1_500) }
  }
  return (await waitFor(`the device ${what}`, probe, { timeoutMs: PATIENCE_MS })).value
}

function settled({ mode, revision, update }: AgentStatus): boolean {
  return mode === 'online' && revision.trial === undefined && update?.trial === undefined
}

function lastOf({ update, version }: AgentStatus): string {
  return [version, update?.last?.outcome, update?.last?.version, update?.last?.failed?.check].filter(Boolean).join(' ')
}

/** Both ways between the device and the one at the site. */
async function onTheMesh(stage: Stage): Promise<readonly string[]> {
  const { device, fleet } = stage
  await sees(stage, 'is online', settled)
  const own = (await device.status()).addresses.map((address) => address.replace(/\/.*/, ''))
  const pair = [
    { host: device.host, addresses: own },
    { host: fleet.node('alpha-1').host, addresses: await fleet.node('alpha-1').addresses() },
  ]
  await waitForMesh(pair, { timeoutMs: PATIENCE_MS })
  return own
}

async function underPings<T>(stage: Stage, act: () => Promise<T>): Promise<T> {
  const [address = ''] = (await stage.device.status()).addresses
  const watch = watchPing(stage.fleet.node('alpha-1').host, address.replace(/\/.*/, ''))
  const value = await act()
  const { lost, sent } = await watch.stop()
  expect(lost === 0 && sent > 0, 'no ping lost', `${lost} of ${sent}`)
  return value
}

async function installPackage({ device, first, fleet }: Stage): Promise<void> {
  const from = device.bring('deb', first.deb)
  fine(await apt(device, 'install', `${from}/${basename(first.deb)}`), 'apt-get install')
  writeFileSync(join(device.root.path, 'etc/holdfast/agent.env'), SETTINGS)
  const { token } = await fleet.hub.token()
  await device.must('holdfast', 'join', fleet.hub.url, '--token', token, '--name', 'fresh')
  device.launch()
}

async function upgradePackage(stage: Stage, { deb, version }: LabRelease, expected: string): Promise<string> {
  const from = stage.device.bring('deb', deb)
  const result = await underPings(stage, () => apt(stage.device, 'install', `${from}/${basename(deb)}`))
  fine(result, 'apt-get install')
  const held = await stage.device.must('dpkg-query', '-W', '-f', '${Version} ${Status}', 'holdfast')
  expect(held === `${version} install ok installed`, `dpkg is done with ${version}`, held)
  await sees(stage, expected, (status) => lastOf(status) === expected && settled(status))
  return expected
}

async function foreignPackage({ device, releases }: Stage): Promise<void> {
  const path = releases.foreign()
  const from = device.bring('deb', path)
  refused(await device.run('dpkg', '-i', `${from}/${basename(path)}`), /does not match system/)
}

async function removePackage({ device }: Stage, before: readonly string[]): Promise<void> {
  fine(await apt(device, 'remove', 'holdfast'), 'apt-get remove')
  expect((await device.ended()) === 0, 'the agent ended well', 'it did not')
  await device.must('test', '-e', '/var/lib/holdfast/identity.json')
  fine(await apt(device, 'purge', 'holdfast'), 'apt-get purge')
  await device.clean(before)
}

function install(device: FreshDevice, from: string, ...words: readonly string[]): Promise<CommandResult> {
  return device.run('sh', `${from}/install.sh`, '--airgap', from, ...words)
}

async function installByScript({ device, first, fleet }: Stage): Promise<void> {
  await device.must('mount', '-t', 'tmpfs', '-o', SMALL_OPT, 'tmpfs', '/opt')
  const from = device.bring('first', ...allOf(first.directory))
  const { token } = await fleet.hub.token()
  fine(await install(device, from, '--join', fleet.hub.url, '--token', token, '--name', 'again'), 'install.sh')
  writeFileSync(join(device.root.path, 'etc/holdfast/agent.env'), SETTINGS)
  device.launch()
}

/** The same agent goes on, and nothing is left of the try. */
async function untouched(stage: Stage, act: () => Promise<void>): Promise<void> {
  const before = await stage.device.status()
  await act()
  const { uptimeS, version } = await stage.device.status()
  expect(version === before.version && uptimeS >= before.uptimeS, 'the same agent runs on', `${version}, ${uptimeS} s`)
}

/** What was brought is not what was signed, in every way that this happens. */
async function badRelease({ device, second, releases }: Stage): Promise<void> {
  const bring = (name: string): string => device.bring(name, ...allOf(second.directory))
  const at = (from: string, name: string): string => join(device.root.path, from, name)
  const packed = basename(second.packed)
  const tampered = bring('tampered')
  const bytes = readFileSync(second.packed)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(at(tampered, packed), bytes)
  refused(await install(device, tampered), /not the file that the release lists/)
  const torn = bring('torn')
  truncateSync(at(torn, packed), bytes.length >> 1)
  refused(await install(device, torn), /cut short on its way/)
  const forged = bring('forged')
  const list = readFileSync(at(forged, 'release.json'), 'utf8')
  writeFileSync(at(forged, 'release.json'), list.replace('2.0.0', '2.0.1'))
  refused(await install(device, forged), /not signed by a key that counts/)
  writeFileSync(at(forged, 'release.json'), list.replaceAll(releases.target, 'linux-riscv64'))
  refused(await install(device, forged, '--unsigned'), /not signed by a key that counts/)
  refused(await device.run('sh', `${forged}/install.sh`, '--airgap', '/srv/nowhere'), /there is no release in/)
}

/** The download breaks off, is taken up where it was, and then finds no room. */
async function tornDownload({ device, fleet, second }: Stage): Promise<void> {
  const server = await serveTorn(fleet.hub.host, second.directory, new URL(fleet.hub.url).hostname)
  try {
    const words = ['sh', '/srv/first/install.sh', '--from', server.url]
    refused(await device.run(...words), /can't be fetched/)
    await device.must('test', '-s', `/var/cache/holdfast/${basename(second.packed)}.part`)
    server.mend()
    refused(await device.run(...words), /there is no space in \/opt/)
    expect(server.resumed(), 'the download was taken up', 'it began again')
  } finally {
    await server.end()
  }
}

async function updateByScript(stage: Stage): Promise<void> {
  const { device } = stage
  await device.must('mount', '-o', 'remount,size=600m', '/opt')
  const from = device.bring('second', ...allOf(stage.second.directory))
  fine(await underPings(stage, () => install(device, from)), 'install.sh')
  await sees(stage, 'runs 2.0.0', (status) => lastOf(status) === '2.0.0+lab confirmed 2.0.0+lab' && settled(status))
}

async function uninstall({ device, fleet }: Stage, before: readonly string[]): Promise<void> {
  fine(await device.run('sh', '/srv/first/install.sh', '--uninstall'), 'install.sh --uninstall')
  expect((await device.ended()) === 0, 'the agent ended well', 'it did not')
  await device.must('umount', '/opt')
  await device.clean(before)
  const probe = async () => {
    const nodes = await fleet.hub.cli(['get', 'nodes'])
    return holds(/^again .* not enrolled /m.test(nodes), nodes)
  }
  await waitFor('the hub knows that it left', probe, { timeoutMs: 10_000 })
}

async function playOn(stage: Stage, before: readonly string[]): Promise<void> {
  const { releases, story } = stage
  const told = (text: string): string => text
  await story.step('version 1.0.0 by apt, joined, started', () => installPackage(stage))
  await story.step('it is on the mesh', () => onTheMesh(stage))
  await story.step(
    'upgraded to 2.0.0 by apt: on trial, confirmed',
    () => upgradePackage(stage, stage.second, '2.0.0+lab confirmed 2.0.0+lab'),
    told,
  )
  const broken = releases.make('3.0.0+lab', true)
  await story.step(
    'upgraded to a broken one by apt: taken back, and dpkg is at peace',
    () => upgradePackage(stage, broken, '2.0.0+lab taken-back 3.0.0+lab restarts'),
    told,
  )
  await story.step('a package for another processor is refused', () => untouched(stage, () => foreignPackage(stage)))
  await story.step('removed and purged: nothing is left', () => removePackage(stage, before))
  await story.step('version 1.0.0 by install.sh --airgap, joined, started', () => installByScript(stage))
  await story.step('it is on the mesh again', () => onTheMesh(stage))
  await story.step('tampered, torn, forged, foreign: refused', () => untouched(stage, () => badRelease(stage)))
  await story.step('a download that breaks off goes on; no space: refused', () =>
    untouched(stage, () => tornDownload(stage)),
  )
  await story.step('updated to 2.0.0 by install.sh', () => updateByScript(stage))
  await story.step('uninstalled: nothing is left, and the hub knows', () => uninstall(stage, before))
}

export const scenario: Scenario = {
  name: 'install',
  promise:
    'a fresh Debian is on the mesh by one package or one script; upgrades are on trial, bad input changes nothing, removal leaves nothing',
  shape: {
    topology: {
      internet: ['hub', 'fresh'],
      bystanders: ['fresh'],
      sites: [{ name: 'alpha', nat: 'eim', hosts: ['alpha-1'] }],
    },
    intent: [network, pingPolicy],
  },
  async play(fleet, story) {
    const releases = await story.step('a release is built', createReleases)
    try {
      const archive = await story.step('debootstrap makes a Debian, or has made one', debianArchive)
      const device = await createFreshDevice(fleet.net.host('fresh'), archive)
      const before = await device.root.files()
      const [first, second] = [releases.make('1.0.0+lab'), releases.make('2.0.0+lab')]
      await playOn({ fleet, story, device, releases, first, second }, before)
    } finally {
      releases.remove()
    }
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
