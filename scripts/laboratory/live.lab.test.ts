// The dashboard in a real Chromium when what is between it and its hub fails: a browser without network, a proxy that tears
// streams, holds them back or goes silent, a tab that slept. What is old is said to be old, what was typed stays.

import type { Locator } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { silenceMsMax } from '../../cloud/dashboard/model/link.ts'
import { type StagedFleet, stageFleet } from '../benchmark/staged-fleet.ts'
import { type StagedHub, stageHub } from '../benchmark/staged-hub.ts'
import { type LabBrowser, startBrowser, type Tab } from './browser.ts'
import { type Middlebox, placeMiddlebox } from './middlebox.fake.ts'

const test = suite('the dashboard over a line that fails')
const NODES = 25
const TYPED = '# of the night shift\n'
/** Of the browser's own time. */
const TURN_MS = 2_000
const TURNS_MAX = 60

let hub: StagedHub
let fleet: StagedFleet
let box: Middlebox
let browser: LabBrowser
let tab: Tab

test.before(async () => {
  hub = await stageHub()
  fleet = await stageFleet(hub.world, NODES)
  box = await placeMiddlebox(hub.url)
  browser = await startBrowser()
  tab = await browser.tab(box.url)
  // Half a minute of the browser takes no time here; its network is as quick as it is.
  await tab.page.clock.install()
  await tab.page.reload()
  await tab.signIn(hub.tokens.operator)
  await live().waitFor()
  await tab.open('#/policy?policy=%2Bnew', 'Policy')
  await tab.page.getByLabel('Policy as YAML').fill(TYPED)
})

test.after(async () => {
  await browser?.close()
  await box?.close()
  await hub?.close()
})

const live = () => tab.page.locator('.link-live')
const banner = () => tab.page.locator('.banner')

/** Its time goes on in small steps, so that what is asked for is answered within them. */
async function inTime(seen: Locator): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX && !(await seen.isVisible()); turn++) await tab.page.clock.runFor(TURN_MS)
  await seen.waitFor()
}

/** What was typed is there, and nobody complained. */
async function keeps(): Promise<void> {
  await tab.open('#/policy?policy=%2Bnew', 'Policy')
  assert.is(await tab.page.getByLabel('Policy as YAML').inputValue(), TYPED)
  tab.complaints()
}

/** The state of that node as the list of nodes shows it. */
async function seesState(name: string, state: RegExp): Promise<void> {
  await tab.open('#/nodes', 'Nodes')
  await tab.page.getByRole('row').filter({ hasText: name }).getByText(state).waitFor()
}

const nameOf = (index: number): string => fleet.nodes[index]?.name ?? ''
const GONE = /Autonomous|Unreachable/

test('a proxy that tears the stream within an event: it is asked for again, and the event is there once', async () => {
  box.manner = 'torn'
  await fleet.leave(1)
  await seesState(nameOf(1), GONE)
  box.manner = 'passes'
  await inTime(live())
  assert.ok(box.torn() > 0, 'a stream was torn')
  await seesState(nameOf(1), GONE)
  await keeps()
})

test('a line that goes silent: told within half a minute of the browser, with the time, and mended by itself', async () => {
  await live().waitFor()
  box.manner = 'silent'
  await tab.page.clock.runFor(silenceMsMax + 1_000)
  await tab.sees(/The hub is not answering since \d\d:\d\d:\d\d/)
  await tab.sees(/no longer live/)
  await tab.audit('an old page')
  await fleet.comeBack(1)
  box.manner = 'passes'
  // The try that is under way is given up, and another is made.
  await inTime(live())
  await banner().waitFor({ state: 'detached' })
  await seesState(nameOf(1), /Online/)
  await keeps()
})

test('a proxy that holds the stream back: said so, and what is new is seen without it', async () => {
  box.manner = 'held'
  await tab.page.clock.runFor(silenceMsMax + 1_000)
  await inTime(banner().filter({ hasText: 'Events of the hub do not come through' }))
  await fleet.leave(2)
  box.passed.length = 0
  await tab.page.clock.runFor(60_000)
  await seesState(nameOf(2), GONE)
  const streams = box.passed.filter((path) => path === '/api/v1/events').length
  assert.ok(streams <= 8, `${streams} streams in a minute`)
  box.manner = 'passes'
  await inTime(live())
  await keeps()
})

test('a browser without network says so at once, and is back at once', async () => {
  await tab.page.clock.runFor(5_000)
  await live().waitFor()
  await tab.page.context().setOffline(true)
  await tab.sees(/The hub is not answering since/)
  await fleet.comeBack(2)
  await tab.page.context().setOffline(false)
  await live().waitFor()
  await seesState(nameOf(2), /Online/)
  await keeps()
})

test('a tab that slept for minutes does not show old things as new', async () => {
  await live().waitFor()
  box.passed.length = 0
  await tab.page.clock.fastForward(10 * 60_000)
  await fleet.leave(3)
  await seesState(nameOf(3), GONE)
  await live().waitFor()
  assert.ok(box.passed.includes('/api/v1/events'), 'another stream')
  await keeps()
})

test.run()
