// The dashboard in a real Chromium over 2,000 devices that change: how long until it shows them, the worst that anybody waits for
// an answer to a click, a key or a scroll, and whether its memory grows.

import { chromium, type Page } from 'playwright-core'
import { systemClock } from '../../shared/host/clock.ts'
import type { Bench, BenchContext, Figures } from './bench.ts'
import { type StagedFleet, stageFleet } from './staged-fleet.ts'
import { type StagedHub, stageHub } from './staged-hub.ts'

const NODES = 2_000
/** Nodes that go or come in each second of the watch. */
const TURNS_PER_SECOND = 10
const WATCH_S = 120
const MIB = 1 << 20

/** Event Timing (W3C): from the key or click to the next frame, in steps of 8 ms; what is quicker than 16 ms is not told. */
const OBSERVE = `globalThis.waits = []
new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) waits.push(duration) })
  .observe({ type: 'event', durationThreshold: 16 })`

async function interact(page: Page): Promise<number> {
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  await page.getByRole('link', { name: 'Nodes', exact: true }).click()
  await page.locator('.table tbody a').first().waitFor()
  await page.getByRole('searchbox').click()
  await page.keyboard.type('kiel plc', { delay: 60 })
  await page.getByRole('searchbox').fill('')
  for (const column of ['State', 'Health', 'Peers', 'Address']) await press(column)
  await page.locator('.chip').first().click()
  await page.locator('.chip').first().click()
  await page.locator('.table-box').hover()
  for (let turn = 0; turn < 40; turn++) await page.mouse.wheel(0, 800)
  for (const title of ['Map', 'Policy', 'Flows', 'Join', 'Overview']) {
    await page.getByRole('link', { name: title, exact: true }).click()
    await page.getByRole('heading', { level: 1, name: title }).waitFor()
  }
  return await page.evaluate<number>('Math.max(0, ...waits)')
}

/** Nodes go and come while the page is left open; what the heap holds after, over what it held before. */
async function watch(page: Page, fleet: StagedFleet): Promise<{ readonly before: number; readonly after: number }> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const heap = async (): Promise<number> => {
    await session.send('HeapProfiler.collectGarbage')
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? 0
  }
  // What is kept of events is full by then.
  let turn = 0
  const change = async (seconds: number): Promise<void> => {
    const until = systemClock.monotonic() + seconds * 1_000
    while (systemClock.monotonic() < until) {
      const index = 20 + (Math.floor(turn / 2) % (NODES - 60))
      await (turn++ % 2 === 0 ? fleet.leave(index) : fleet.comeBack(index))
      await page.waitForTimeout(1_000 / TURNS_PER_SECOND)
    }
  }
  await change(30)
  const before = await heap()
  await change(WATCH_S)
  return { before, after: await heap() }
}

async function measureAt({ tokens, url }: StagedHub, fleet: StagedFleet, { say }: BenchContext): Promise<Figures> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1_366, height: 900 } })
    const page = await context.newPage()
    await page.addInitScript(OBSERVE)
    await page.goto(url)
    await page.getByLabel('Access token').fill(tokens.admin)
    const startedAt = systemClock.monotonic()
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.locator('.tile').first().waitFor()
    const overviewMs = systemClock.monotonic() - startedAt
    say(`${NODES} devices are shown`)
    const interactionMsWorst = await interact(page)
    const { after, before } = await watch(page, fleet)
    return { overviewMs, interactionMsWorst, heapMiB: after / MIB, heapGrowthKiB: (after - before) / 1_024 }
  } finally {
    await browser.close()
  }
}

export const dashboard: Bench = {
  about: 'the dashboard in a browser over 2,000 devices that come and go: waits and memory',
  runs: 1,
  budgets: { interactionMsWorst: '≤ 100', heapGrowthKiB: 'no trend' },
  async measure(context) {
    const hub = await stageHub()
    try {
      context.say(`stages ${NODES} devices`)
      return await measureAt(hub, await stageFleet(hub.world, NODES), context)
    } finally {
      await hub.close()
    }
  },
}
