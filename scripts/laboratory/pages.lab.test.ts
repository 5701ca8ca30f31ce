// What people do at the dashboard in a real Chromium over a fleet that is staged: the join command as a camera reads it, the map
// by keyboard and by label, and what each role sees and may do.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Role } from '../../cloud/access/access-store.ts'
import { device, enrolRequest } from '../../cloud/hub-world.fake.ts'
import { stageFleet } from '../benchmark/staged-fleet.ts'
import { type StagedHub, stageHub } from '../benchmark/staged-hub.ts'
import { type LabBrowser, startBrowser, type Tab } from './browser.ts'

const test = suite('pages of the dashboard')
const NODES = 62
const CAMERA = '/usr/bin/zbarimg'

let hub: StagedHub
let browser: LabBrowser
const tabs = new Map<Role, Tab>()

/** Signed in once for each role. */
async function as(role: Role): Promise<Tab> {
  const held = tabs.get(role)
  if (held !== undefined) return held
  const tab = await browser.tab(hub.url)
  await tab.signIn(hub.tokens[role])
  await tab.sees('Needs attention')
  tabs.set(role, tab)
  return tab
}

test.before(async () => {
  hub = await stageHub()
  await stageFleet(hub.world, NODES)
  const token = hub.world.token({ uses: 1, autoApprove: false })
  await hub.world.hub.enrol(enrolRequest(token, device(5_000), 'at-the-door'))
  browser = await startBrowser()
})

test.after(async () => {
  await browser?.close()
  await hub?.close()
})

test('the QR code of the join page is the command beside it, in both themes and on a phone', async () => {
  if (!existsSync(CAMERA)) return void process.stdout.write('skip: no zbarimg reads the QR code: install zbar-tools\n')
  const tab = await as('operator')
  await tab.open('#/join', 'Join')
  await tab.page.getByRole('button', { name: 'Make a token' }).click()
  const image = tab.page.getByRole('img', { name: 'The join command as a QR code' })
  for (const [colorScheme, width] of [
    ['light', 1_280],
    ['dark', 390],
  ] as const) {
    await tab.page.setViewportSize({ width, height: 850 })
    await tab.page.emulateMedia({ colorScheme })
    await image.scrollIntoViewIfNeeded()
    const input = await image.screenshot()
    const read = execFileSync(CAMERA, ['--quiet', '--raw', '--nodbus', '-Sdisable', '-Sqrcode.enable', 'png:-'], {
      input,
    })
    const command = (await tab.page.locator('.command').innerText()).trim()
    assert.match(command, /^holdfast join https:\/\/\S+ --token \S+/)
    assert.is(read.toString().trim(), command, `${colorScheme}, ${width} pixels`)
  }
  await tab.page.setViewportSize({ width: 1_280, height: 900 })
  tab.complaints()
})

const focused = (page: Page): Promise<string> =>
  page.evaluate("document.activeElement?.querySelector(':scope > title')?.textContent ?? ''")

test('arrow keys lead round the map, and Enter leads into a site', async () => {
  const tab = await as('viewer')
  const { page } = tab
  await tab.open('#/map', 'Map')
  const spots = page.locator('.map .spot')
  await spots.first().waitFor()
  const titles = await spots.locator('title').allTextContents()
  assert.ok(titles.length > 3, titles.join(', '))
  assert.is(await page.locator('.map .spot[tabindex="0"]').count(), 1, 'one stop of the tabulator')
  // A page that is new takes the focus itself, once.
  await page.locator('main:focus').waitFor()
  await page.locator('.map .spot[tabindex="0"]').focus()
  assert.is(await focused(page), titles[0])
  for (const [key, at] of [
    ['ArrowRight', 1],
    ['ArrowDown', 2],
    ['ArrowUp', 1],
    ['ArrowLeft', 0],
    ['ArrowLeft', titles.length - 1],
    ['ArrowRight', 0],
    ['ArrowRight', 1],
  ] as const) {
    await page.keyboard.press(key)
    assert.is(await focused(page), titles[at], key)
  }
  await page.keyboard.press('Tab')
  await page.keyboard.press('Shift+Tab')
  assert.is(await focused(page), titles[1], 'the tabulator comes back to where the arrows led')
  const site = titles[1]?.split(' ')[0] ?? ''
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: site }).waitFor()
  tab.complaints()
})

test('the map by label: one that is known narrows it, one that is not says so, and it can be taken away', async () => {
  const tab = await as('viewer')
  const { page } = tab
  await tab.open('#/map?each=true', 'Map')
  const spots = page.locator('.map .spot')
  await spots.first().waitFor()
  const all = await spots.count()
  const onlyThere = async (wanted: RegExp): Promise<void> => {
    await spots.filter({ hasNotText: wanted }).first().waitFor({ state: 'detached' })
    await spots.filter({ hasText: wanted }).first().waitFor()
  }
  const field = page.getByLabel('Only with label')
  await field.fill('role=no')
  await tab.sees('No node has this label.')
  await field.press('Enter')
  assert.is(await spots.count(), all)
  await field.fill('role=till')
  await field.press('Enter')
  const chip = page.getByRole('button', { name: 'Take away role=till' })
  await chip.waitFor()
  await onlyThere(/-till-/)
  assert.match(page.url(), /label=role%3Dtill/)
  await field.fill('site=cadiz')
  await field.press('Enter')
  await onlyThere(/^cadiz-till-/)
  await page.goBack()
  await spots.filter({ hasText: 'bremen' }).first().waitFor()
  await chip.click()
  await spots.filter({ hasText: 'gateway' }).first().waitFor()
  tab.complaints()
})

/** What changes something, by place; and the least role that it is offered to. */
const BUTTONS: readonly (readonly [place: string, heading: string, button: string, least: Role])[] = [
  ['#/nodes/bremen-gateway-1', 'bremen-gateway-1', 'Ping', 'operator'],
  ['#/nodes/bremen-gateway-1', 'bremen-gateway-1', 'Check its network', 'operator'],
  ['#/nodes/bremen-gateway-1', 'bremen-gateway-1', 'Collect a bundle', 'operator'],
  ['#/nodes/bremen-gateway-1', 'bremen-gateway-1', 'Disable …', 'operator'],
  ['#/nodes/bremen-gateway-1', 'bremen-gateway-1', 'Rotate its key', 'admin'],
  ['#/policy?policy=%2Bnew', 'Policy', 'Save', 'operator'],
  ['#/join', 'Join', 'Make a token', 'operator'],
  ['#/join', 'Join', 'Approve', 'operator'],
]

/** The same past the page, as whoever has its session. */
const WRITES: readonly (readonly [method: string, path: string, body: string, least: Role])[] = [
  ['POST', '/api/v1/nodes/bremen-gateway-1/commands', '{"kind":"ping"}', 'operator'],
  ['POST', '/api/v1/nodes/bremen-gateway-1/commands', '{"kind":"rotate-key"}', 'admin'],
  ['PUT', '/api/v1/nodes/bremen-gateway-1', '{"spec":{"disabled":true}}', 'operator'],
  ['DELETE', '/api/v1/nodes/bremen-gateway-1', '', 'operator'],
  ['PUT', '/api/v1/policies/web', '{}', 'operator'],
  ['POST', '/api/v1/apply', '{}', 'operator'],
  ['POST', '/api/v1/tokens', '{}', 'operator'],
  ['DELETE', '/api/v1/tokens/aaaaaaaa', '', 'operator'],
  ['POST', '/api/v1/nodes/at-the-door/approve', '', 'operator'],
  ['GET', '/api/v1/commands', '', 'operator'],
  ['GET', '/api/v1/audit', '', 'admin'],
]

const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 }

for (const role of ['viewer', 'operator', 'admin'] as const) {
  const may = (least: Role): boolean => RANK[role] >= RANK[least]

  test(`${role}: sees the buttons of what it may do, and no others`, async () => {
    const tab = await as(role)
    let there = ''
    for (const [place, heading, name, least] of BUTTONS) {
      if (place !== there) await tab.open(place, heading)
      there = place
      const button = tab.page.getByRole('button', { name, exact: true })
      if (may(least)) await button.first().waitFor()
      const offered = (await button.count()) > 0 && (name === 'Approve' ? await button.first().isEnabled() : true)
      assert.is(offered, may(least), `${name} for ${role}`)
    }
    assert.is(await tab.page.getByRole('link', { name: 'Audit', exact: true }).count(), may('admin') ? 1 : 0)
    if (role === 'viewer') {
      await tab.open('#/audit', 'Audit log')
      assert.is(await tab.page.locator('.record').count(), 0, 'nothing of the audit log')
    }
    tab.complaints()
  })

  test(`${role}: the hub refuses what it may not, whatever the page would send`, async () => {
    const tab = await as(role)
    const refused = WRITES.filter(([, , , least]) => !may(least))
    const statuses = await tab.page.evaluate(async (writes) => {
      const { csrf } = (await (await fetch('/api/v1/session')).json()) as { csrf: string }
      const answers = []
      for (const [method, path, body] of writes) {
        const headers = { 'x-csrf-token': csrf, 'content-type': 'application/json' }
        answers.push((await fetch(path, { method, headers, ...(body === '' ? {} : { body }) })).status)
      }
      return answers
    }, refused)
    assert.equal(
      statuses,
      refused.map(() => 403),
    )
    const { disabled } = (hub.world.hub.get('Node', 'bremen-gateway-1')?.resource.spec ?? {}) as { disabled?: boolean }
    assert.is(disabled, false)
    tab.complaints()
  })
}

test.run()
