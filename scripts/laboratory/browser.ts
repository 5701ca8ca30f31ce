// A real Chromium in front of the hub: whatever it complains of, and whatever it asks of anybody but the hub, fails the test that
// drives it.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'
import { HoldfastError } from '../../shared/errors.ts'
import { patient } from './patience.ts'
import { expect } from './unmet.ts'

const PROGRAM = '/usr/bin/chromium'
const WAIT_MS = 15_000
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What the browser says of answers that are expected. */
const EXPECTED = /status of (?:401|403|404|409|503)|net::ERR_|Failed to fetch/

export interface Tab {
  readonly page: Page
  /** Signs in with that token, at the page that is there. */
  signIn(token: string): Promise<void>
  /** Goes to a place behind the #, and waits for its heading. */
  open(place: string, heading: string): Promise<void>
  /** Sees that text on the page, at last. */
  sees(text: string | RegExp): Promise<void>
  /** Throws where axe finds a violation of WCAG AA, or the page is wider than the screen. */
  audit(what: string): Promise<void>
  /** Throws what the browser complained of so far. */
  complaints(): void
}

export interface LabBrowser {
  /** `elsewhere`: another origin where the page may lead to; what happens there is not of the hub. */
  tab(url: string, elsewhere?: string): Promise<Tab>
  close(): Promise<void>
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly target: readonly unknown[] }[]
  }[]
}

async function violations(page: Page): Promise<readonly string[]> {
  // As a debugger does it: the page's own policy lets in no other script.
  const found = await page.evaluate<AxeResult>(
    `${axeSource};axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })`,
  )
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}

const GOES_MAX = 5
const NETWORK_CHANGED = 'ERR_NETWORK_CHANGED'

/**
 * Labs beside this one lay cables on this machine, and a browser that sees one drops what it was about to load: the page, or a
 * script of it, without which the page stays empty.
 */
async function goTo(page: Page, url: string): Promise<void> {
  let dropped = ''
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? ''
    if (why.includes(NETWORK_CHANGED) && /^(?:script|stylesheet)$/.test(request.resourceType())) dropped = request.url()
  })
  for (let left = GOES_MAX; ; left--) {
    dropped = ''
    try {
      await page.goto(url)
      if (dropped === '') return
      if (left === 1) throw new HoldfastError('unreachable', `${NETWORK_CHANGED} at ${dropped}`)
    } catch (error) {
      if (left === 1 || !String(error).includes(NETWORK_CHANGED)) throw error
    }
  }
}

async function openTab(browser: Browser, url: string, elsewhere: string | undefined): Promise<Tab> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  page.setDefaultTimeout(patient(WAIT_MS))
  const complaints: string[] = []
  const isAway = (): boolean => elsewhere !== undefined && page.url().startsWith(elsewhere)
  page.on('pageerror', (error) => void complaints.push(`threw ${error.message}`))
  page.on('dialog', (dialog) => void complaints.push(`asked ${dialog.message()}`))
  page.on('console', (said) => {
    const text = said.text()
    if (isAway()) return
    if ((said.type() === 'error' || said.type() === 'warning') && !EXPECTED.test(text)) complaints.push(text)
  })
  page.on('request', (request) => {
    if (isAway() || (elsewhere !== undefined && request.url().startsWith(elsewhere))) return
    if (!request.url().startsWith(url) && !/^(?:data|blob):/.test(request.url()))
      complaints.push(`asked for ${request.url()}`)
  })
  await goTo(page, url)
  return {
    page,
    async signIn(token) {
      const field = page.getByLabel('Access token')
      await field.fill(token)
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    },
    async open(place, heading) {
      await page.evaluate(`location.hash = ${JSON.stringify(place)}`)
      await page.getByRole('heading', { level: 1, name: heading }).waitFor()
      // What a page reads first is there.
      await page.locator('.busy').waitFor({ state: 'detached' })
    },
    sees: (text) => page.getByText(text).first().waitFor(),
    async audit(what) {
      const found = await violations(page)
      expect(found.length === 0, `axe finds nothing at ${what}`, found.join('; '))
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      expect(wide <= 0, `${what} fits the screen`, `${wide} pixels too wide`)
    },
    complaints: () => expect(complaints.length === 0, 'the browser complains of nothing', complaints.join('; ')),
  }
}

/** Debian's Chromium; setup installs it. */
export async function startBrowser(): Promise<LabBrowser> {
  let browser: Browser
  try {
    // Root has no sandbox to put it in.
    browser = await chromium.launch({
      executablePath: PROGRAM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    })
  } catch (cause) {
    throw new HoldfastError('failed', `${PROGRAM} does not start`, { cause, remedy: 'Run ./scripts/setup.' })
  }
  return { tab: (url, elsewhere) => openTab(browser, url, elsewhere), close: () => browser.close() }
}
