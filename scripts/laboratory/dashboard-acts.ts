// What people do at the dashboard and see come true on devices: let one in, ask one for its past, learn a policy from flows, and
// roll one out to a few first.

import type { Tab } from './browser.ts'
import type { Fleet } from './fleet.ts'
import type { LabNode } from './node.ts'
import { expect } from './unmet.ts'
import { holds, waitFor } from './wait.ts'

/**
 * A device that joins with the very command that the page shows, waits at the door, and is let in by a click. It asks again every
 * few seconds whether it is; what is returned waits for that, and sees it come online.
 */
export async function letIn({ page, ...tab }: Tab, device: LabNode): Promise<() => Promise<void>> {
  await tab.open('#/join', 'Join')
  await page.getByRole('button', { name: 'Make a token' }).click()
  await page.getByRole('img', { name: 'The join command as a QR code' }).waitFor()
  const [program, ...words] = (await page.locator('.command').innerText()).trim().split(/\s+/)
  expect(program === 'holdfast', 'a command of the device', String(program))
  const joined = device.cli([...words, '--name', device.name])
  const waiting = page.getByRole('listitem').filter({ hasText: device.name })
  // Where it fails, it does so before anybody waits for it.
  joined.catch(() => undefined)
  await Promise.race([waiting.getByRole('button', { name: 'Approve' }).click(), joined])
  return async () => {
    await joined
    await device.start()
    await tab.open('#/join', 'Join')
    await waiting.getByText('Online').waitFor()
  }
}

/** What a device measured of its way to a peer, asked of the device itself. */
export async function showPast({ page, ...tab }: Tab, node: string, peer: string): Promise<void> {
  await tab.open(`#/nodes/${node}`, node)
  const card = page.getByRole('region', { name: 'A peer over time' })
  await card.getByLabel('Peer').selectOption(peer)
  await card.getByRole('button', { name: 'Show its past' }).click()
  await card.getByText(`To ${peer}, as the node measured it`).waitFor()
  await card.getByRole('img', { name: /^Loss of probes: / }).waitFor()
  await card.getByText('The same as a table').click()
  await card
    .getByRole('row')
    .filter({ hasText: /LAN|Direct/ })
    .first()
    .waitFor()
  await tab.audit(`the past of ${node}`)
}

/** All else that may be asked of a device; and that it is shut out only by who means it. */
export async function tendTo({ page, ...tab }: Tab, node: string): Promise<void> {
  await tab.open(`#/nodes/${node}`, node)
  const card = page.getByRole('region', { name: 'Commands' })
  for (const kind of ['Check its network', 'Collect a bundle', 'Rotate its key']) {
    await card.getByRole('button', { name: kind, exact: true }).click()
    await card.locator('.outcome', { hasText: kind }).filter({ hasText: 'done' }).first().waitFor()
    if (kind === 'Check its network') {
      await card.getByRole('row', { name: /^hub connected to / }).waitFor()
      await tab.audit(`what ${node} found of its network`)
    }
    if (kind === 'Collect a bundle') await card.getByRole('link', { name: /^Download, / }).waitFor()
  }
  const asks = card.getByRole('button', { name: 'Disable …' })
  const hasFocus = async (name: string): Promise<void> => {
    await page.locator(':focus', { hasText: name }).waitFor()
  }
  await asks.press('Enter')
  await hasFocus('Leave it')
  await page.keyboard.press('Escape')
  await hasFocus('Disable …')
  await asks.click()
  await card.getByRole('button', { name: 'Disable it' }).click()
  await card.getByRole('button', { name: 'Enable' }).click()
  await page.getByText(`${node} is enabled`).waitFor()
}

export function policyEditor({ page }: Tab) {
  return page.getByLabel('Policy as YAML')
}

/** A policy that recorded flows need, with what speaks for each rule of it, in the editor and not yet saved. */
export async function learnPolicy({ page, ...tab }: Tab, node: string, port: number): Promise<void> {
  await tab.open('#/policy?tab=edit', 'Policy')
  await page.getByLabel('Suggest from the flows of').fill(node)
  const sound = page.getByText(`Sound: policy suggested-${node}`)
  const suggested = async () => {
    // Its record comes a few seconds behind the flows.
    if ((await sound.count()) > 0) return holds(true, '')
    await page.getByRole('button', { name: 'Suggest a policy' }).click()
    return holds(false, 'nothing to learn from')
  }
  await waitFor('a policy is suggested', suggested, { timeoutMs: 45_000, everyMs: 1_000 })
  const text = await policyEditor({ page, ...tab }).inputValue()
  const rule = new RegExp(`#.*flow[^]*port: ${port}\\b`)
  expect(rule.test(text), `a rule for port ${port} with its evidence`, text)
  await tab.audit('a suggested policy')
}

/** Saves a policy for some first, sees others wait, and lets all follow. */
export async function goByCanary(
  { page, ...tab }: Tab,
  { hub }: Fleet,
  change: (text: string) => string,
): Promise<void> {
  const editor = policyEditor({ page, ...tab })
  await editor.fill(change(await editor.inputValue()))
  await page.getByLabel('Canary: first on').check()
  await page.getByLabel('Per cent of the nodes that go first').fill('40')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  const canary = page.getByRole('listitem').filter({ hasText: 'Canary canary' })
  await canary.waitFor()
  const held = async () => holds((await hub.rollOut()).waiting.length > 0, 'no node')
  await waitFor('nodes wait', held, { timeoutMs: 30_000, everyMs: 300 })
  await tab.audit('a canary')
  await canary.getByRole('button', { name: 'Let all follow' }).click()
  await canary.waitFor({ state: 'detached' })
}
