// Somebody types at the dashboard while all goes wrong around them: another writer, a session that ends, a cable that is cut, a
// hub that dies. Nothing that was typed is lost by it, and what is old is said to be old.

import type { LabBrowser, Tab } from './browser.ts'
import { policyEditor } from './dashboard-acts.ts'
import type { Fleet } from './fleet.ts'
import { resource } from './shapes.ts'
import type { Story } from './story.ts'
import { expect } from './unmet.ts'
import { holds, waitFor } from './wait.ts'

/** The page calls a stream broken by then, milliseconds. */
const SILENCE_MS = 30_000
const STEP_MS = 2_000

export const web = { subject: { node: 'alpha-1' }, ingress: [{ name: 'web', ports: [{ port: 80 }] }] }

export interface Given {
  readonly fleet: Fleet
  readonly story: Story
  readonly browser: LabBrowser
  readonly url: string
}

export interface Access {
  readonly id: string
  readonly token: string
}

export async function access({ hub }: Fleet, name: string, role: string): Promise<Access> {
  return JSON.parse(await hub.cli(['access', 'create', name, '--role', role, '--json'])) as Access
}

/** Drops without a word what goes between the browser and the hub, or lets it pass again. */
async function cutDesk({ hub }: Fleet, isCut: boolean): Promise<void> {
  const rules = isCut
    ? `add table inet cut
add chain inet cut in { type filter hook input priority 0; }
add chain inet cut out { type filter hook output priority 0; }
add rule inet cut in iifname desk drop
add rule inet cut out oifname desk drop
`
    : 'delete table inet cut\n'
  await hub.host.exec(['nft', '-f', '-'], { input: rules })
}

/**
 * Its next try may be a quarter of a minute away, of the browser's time, which goes on in steps that answers come within: what
 * was on its way when the cable was cut is sent again by the kernel, after a while.
 */
async function isBack({ page }: Tab): Promise<void> {
  await waitFor(
    'the page is live again',
    async () => {
      if ((await page.locator('.banner').count()) === 0) return holds(true, '')
      await page.clock.runFor(STEP_MS)
      return holds(false, 'it calls itself old')
    },
    { timeoutMs: 30_000, everyMs: 300 },
  )
}

export async function keepsWhatWasTyped({ browser, fleet, story, url }: Given): Promise<void> {
  const who = await access(fleet, 'olga', 'operator')
  const tab = await browser.tab(url)
  await tab.page.clock.install()
  await tab.page.reload()
  await tab.signIn(who.token)
  await tab.sees('Needs attention')
  await tab.open('#/policy?policy=web', 'Policy')
  const typed = (await policyEditor(tab).inputValue()).replace('port: 80', 'port: 82')
  const stays = async (wanted: string): Promise<void> => {
    const now = await policyEditor(tab).inputValue()
    expect(now === wanted, 'what was typed is still there', `${now.length} characters of ${wanted.length}`)
  }
  await story.step('who wrote in between is shown, and nothing that was typed is lost', async () => {
    await policyEditor(tab).fill(typed)
    await fleet.hub.apply(resource('Policy', 'web', { ...web, priority: 400 }))
    await tab.page.getByRole('button', { name: 'Save', exact: true }).click()
    await tab.sees('Somebody else has written this policy meanwhile')
    await stays(typed)
  })
  await story.step('two megabytes are refused in words', async () => {
    const large = `${typed}# ${'x'.repeat(2 << 20)}`
    await policyEditor(tab).fill(large)
    await tab.sees(/one document has more than/)
    await stays(large)
    await policyEditor(tab).fill(typed)
  })
  await story.step('a session that ended is begun anew over the page', async () => {
    await fleet.hub.cli(['access', 'revoke', who.id])
    await tab.sees('Your session has ended')
    await tab.signIn((await access(fleet, 'olga', 'operator')).token)
    await tab.page.getByRole('dialog').waitFor({ state: 'detached' })
    await stays(typed)
  })
  await story.step(
    'a cable that drops all in silence is told of half a minute later, and it mends by itself',
    async () => {
      const banner = tab.page.locator('.banner')
      await cutDesk(fleet, true)
      // Of the browser's time, which takes none here.
      await tab.page.clock.runFor(SILENCE_MS)
      await tab.sees(/The hub is not answering since \d/)
      await stays(typed)
      await tab.page.clock.runFor(60_000)
      expect(await banner.isVisible(), 'it is told of as long as it lasts', 'nothing')
      await cutDesk(fleet, false)
      await isBack(tab)
      await stays(typed)
    },
  )
  await story.step('a hub that dies is told of, with what is old; it comes back by itself', async () => {
    await fleet.hub.kill()
    await tab.sees('The hub is not answering since')
    await stays(typed)
    await fleet.hub.start()
    await isBack(tab)
    await stays(typed)
  })
  await story.step('what a device brought before the hub died is still there', async () => {
    await tab.open('#/nodes/alpha-3', 'alpha-3')
    await tab.page.getByRole('button', { name: /: show what came of Collect a bundle/ }).click()
    const file = await tab.page.getByRole('link', { name: /^Download, / }).getAttribute('href')
    const begins = await tab.page.evaluate(async (path) => {
      const answer = await fetch(path)
      return [answer.status, ...new Uint8Array(await answer.arrayBuffer()).slice(0, 2)].join(' ')
    }, file ?? '')
    expect(begins === '200 31 139', 'a bundle, with gzip', begins)
  })
  tab.complaints()
}
