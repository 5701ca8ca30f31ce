// The dashboard in a real browser, at a real hub with real devices: what happens is seen as it happens, a policy that is edited
// there closes real packets, and neither a role, another writer, a session that ended nor a dead hub takes what was typed.

import { startBrowser, type Tab } from '../browser.ts'
import { ask, serve } from '../conversation.ts'
import { goByCanary, learnPolicy, letIn, policyEditor, showPast, tendTo } from '../dashboard-acts.ts'
import { access, type Given, keepsWhatWasTyped, web } from '../dashboard-typed.ts'
import type { FleetShape } from '../fleet.ts'
import { createLabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

/** The third is let in at the page. */
const topology = {
  internet: ['hub'],
  sites: [homeSite('alpha', ['alpha-1', 'alpha-2', 'alpha-3'])],
  bystanders: ['alpha-3'],
}
const shape: FleetShape = {
  topology,
  desk: true,
  intent: [network, pingPolicy, resource('Policy', 'web', web), ...gatewayNodes(topology)],
}

const PAGES = [
  ['#/', 'Overview'],
  ['#/nodes', 'Nodes'],
  ['#/nodes/alpha-1', 'alpha-1'],
  ['#/map', 'Map'],
  ['#/map?each=true', 'Map'],
  ['#/policy', 'Policy'],
  ['#/policy?policy=web', 'Policy'],
  ['#/flows', 'Flows'],
  ['#/join', 'Join'],
  ['#/audit', 'Audit log'],
] as const

async function everyPage({ story }: Given, tab: Tab): Promise<void> {
  await story.step('each page in both themes and on a phone: axe finds nothing, and all of it fits', async () => {
    for (const [place, heading] of PAGES) {
      for (const [theme, width] of [
        ['light', 1_280],
        ['dark', 390],
      ] as const) {
        await tab.page.setViewportSize({ width, height: 850 })
        await tab.page.emulateMedia({ colorScheme: theme })
        await tab.open(place, heading)
        await tab.audit(`${place}, ${theme}, ${width} pixels`)
      }
    }
    await tab.page.setViewportSize({ width: 1_280, height: 900 })
    tab.complaints()
  })
}

async function goAndCome({ fleet, story }: Given, tab: Tab): Promise<void> {
  await tab.open('#/nodes', 'Nodes')
  const row = tab.page.getByRole('row').filter({ hasText: 'alpha-2' })
  await row.getByText('Online').waitFor()
  await story.step('a node that loses power is seen to go, without a reload', async () => {
    await fleet.node('alpha-2').end('SIGTERM')
    await row.getByText(/Autonomous|Unreachable/).waitFor()
  })
  await story.step('and to come back', async () => {
    await fleet.node('alpha-2').start()
    await row.getByText('Online').waitFor()
  })
}

async function command({ story }: Given, tab: Tab): Promise<void> {
  await story.step('a device pings another one, because somebody asked for it at the page', async () => {
    await tab.open('#/nodes/alpha-1', 'alpha-1')
    await tab.page.getByRole('button', { name: 'Ping', exact: true }).click()
    await tab.page.locator('.outcome', { hasText: 'done' }).waitFor()
  })
  await story.step('it tells how it reached that one of late, as it measured it', () =>
    showPast(tab, 'alpha-1', 'alpha-2'),
  )
}

async function auditLog({ story }: Given, tab: Tab): Promise<void> {
  await story.step('the audit log is asked for what one person did, and says nothing else', async () => {
    await tab.open('#/audit', 'Audit log')
    const verbs = tab.page.locator('.record td[data-title="Did"]')
    await verbs.filter({ hasText: 'create' }).first().waitFor()
    const did = tab.page.getByLabel('Did')
    await did.fill('sign-in')
    await did.press('Enter')
    await verbs.filter({ hasNotText: 'sign-in' }).first().waitFor({ state: 'detached' })
    await verbs.filter({ hasText: 'sign-in' }).first().waitFor()
  })
}

async function closePort({ fleet, story }: Given, tab: Tab): Promise<void> {
  const [server, client] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
  const to = await server.address()
  const answers = async (): Promise<boolean> => (await ask(client.host, 'tcp', to, 80)) !== undefined
  await story.step('a flow that a rule lets pass stands on record', async () => {
    await waitFor(
      'the hub has it on record',
      async () => holds(/"destinationPort":\s*80\b/.test(await fleet.hub.cli(['flows', '--json'])), 'not yet'),
      { timeoutMs: 60_000, everyMs: 500 },
    )
    await tab.open('#/flows', 'Flows')
    await tab.page.getByRole('cell', { name: 'tcp 80' }).first().waitFor()
  })
  await story.step(
    'what if that port were another one: the flow would be lost, says the page before anything is saved',
    async () => {
      await tab.open('#/policy?policy=web', 'Policy')
      const text = await policyEditor(tab).inputValue()
      await policyEditor(tab).fill(text.replace('port: 80', 'port: 81'))
      await tab.page
        .getByRole('row')
        .filter({ hasText: 'Lost' })
        .filter({ hasText: 'alpha-2' })
        .filter({ hasText: '80' })
        .waitFor()
      expect(await answers(), 'port 80 is still answered', 'silence')
    },
  )
  await story.step('saved, it closes the port to real packets', async () => {
    await tab.page.getByRole('button', { name: 'Save', exact: true }).click()
    await tab.sees('web is saved')
    await waitFor('port 80 is closed', async () => holds(!(await answers()), 'an answer'), { timeoutMs: 20_000 })
  })
  await story.step('opened again for some first, others wait; then all follow, and packets pass', async () => {
    await goByCanary(tab, fleet, (text) => text.replace('port: 81', 'port: 80'))
    await waitFor('port 80 is open', async () => holds(await answers(), 'silence'), { timeoutMs: 20_000 })
  })
}

/** Shuts the port that was just opened, if it were enforced. */
const shut = {
  subject: { node: 'alpha-1' },
  tier: 'Admin',
  action: 'Deny',
  mode: 'Audit',
  ingress: [{ ports: [{ port: 80 }] }],
}

async function onTrial({ fleet, story }: Given, tab: Tab): Promise<void> {
  await story.step('a policy in Audit mode shows what it would refuse, and refuses nothing', async () => {
    await fleet.hub.apply(resource('Policy', 'shut', shut))
    await tab.open('#/policy?tab=audit', 'Policy')
    const table = tab.page.getByRole('region', { name: 'If they were enforced' })
    await table.getByRole('link', { name: 'shut' }).waitFor()
    await table.getByRole('row').filter({ hasText: 'Lost' }).filter({ hasText: '80' }).first().waitFor()
    await tab.audit('policies in Audit mode')
  })
}

async function viewer({ browser, fleet, story, url }: Given): Promise<void> {
  const { token } = await access(fleet, 'vera', 'viewer')
  const tab = await browser.tab(url)
  await story.step('a viewer sees, and writes nothing: not at the page, and not past it', async () => {
    await tab.signIn(token)
    await tab.sees('Needs attention')
    expect((await tab.page.getByRole('link', { name: 'Audit' }).count()) === 0, 'no audit log', 'one')
    await tab.open('#/policy?policy=web', 'Policy')
    await tab.sees('You are a viewer')
    expect(!(await policyEditor(tab).isEditable()), 'a policy that is only read', 'an editor')
    const status = await tab.page.evaluate(async () => {
      const { csrf } = (await (await fetch('/api/v1/session')).json()) as { csrf: string }
      const answer = await fetch('/api/v1/policies/web', { method: 'DELETE', headers: { 'x-csrf-token': csrf } })
      return answer.status
    })
    expect(status === 403, 'a refusal', String(status))
  })
  await story.step('words of a device that look like a page are words', async () => {
    const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>'
    await tab.page.route('**/api/v1/roster*', async (route) => {
      const answer = await route.fetch()
      const body = (await answer.json()) as { items: { labels: object; health: object[] }[]; meanings: object }
      for (const item of body.items) Object.assign(item, { labels: { site: evil }, version: evil })
      await route.fulfill({ response: answer, json: body })
    })
    await tab.page.reload()
    await tab.open('#/nodes', 'Nodes')
    await tab.page.getByText(evil).first().waitFor()
    expect((await tab.page.locator('img, #app script').count()) === 0, 'no element of it', 'one')
  })
  tab.complaints()
}

export const scenario: Scenario = {
  name: 'dashboard',
  promise:
    'what happens is seen in a browser as it happens, and what is decided there is in force, for who may and as typed',
  shape,
  async play(fleet, story) {
    const browser = await startBrowser()
    try {
      const url = `https://${fleet.hubAtDesk}:8443`
      const given: Given = { fleet, story, browser, url }
      await story.step('the mesh is whole', () => fleet.mesh())
      await serve(fleet.node('alpha-1').host, ['tcp', 80])
      // Devices bring their record within half a minute; much can be looked at meanwhile.
      await story.step('a port is answered that a policy opens', async () => {
        const [server, client] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
        const seen = await ask(client.host, 'tcp', await server.address(), 80)
        expect(seen !== undefined, 'port 80 is answered', 'silence')
      })
      const tab = await browser.tab(url)
      await story.step('a wrong token is refused in words, a right one shows the fleet', async () => {
        await tab.signIn('hfa.aaaaaaaa.wrong')
        await tab.sees('Not signed in: the token is not valid')
        await tab.audit('the door')
        await tab.signIn((await access(fleet, 'anna', 'admin')).token)
        await tab.page.locator('.tile.presence-online', { hasText: '2' }).waitFor()
      })
      const comesOnline = await story.step(
        'a device joins by the command on the page, is seen at the door, and let in',
        () => letIn(tab, createLabNode(fleet.net.host('alpha-3'))),
      )
      await goAndCome(given, tab)
      await command(given, tab)
      await auditLog(given, tab)
      await story.step('who was let in is seen online', comesOnline)
      await story.step(
        'it tells of its network, sends a bundle, takes another key, and is shut out and let in again',
        () => tendTo(tab, 'alpha-3'),
      )
      await everyPage(given, tab)
      await closePort(given, tab)
      await onTrial(given, tab)
      await keepsWhatWasTyped(given)
      await viewer(given)
      await story.step('what flows on record need is suggested with its evidence, and is in the editor', () =>
        learnPolicy(tab, 'alpha-1', 80),
      )
    } finally {
      await browser.close()
    }
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
