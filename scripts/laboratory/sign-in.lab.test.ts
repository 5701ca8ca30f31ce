// Sign-in at a provider of identities as people do it: a real Chromium, a real hub and a real provider, each a process of its own
// and the provider on another site, so that the browser's own rules about cookies are kept. Nothing that was typed is lost by it.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { createFakeAuthority } from '../../shared/host/certificates.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { type LabBrowser, startBrowser, type Tab } from './browser.ts'

const test = suite('sign-in in a browser')
const DAY_MS = 86_400_000
const root = resolve(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'hf-sign-in-'))
const children: ChildProcess[] = []
let browser: LabBrowser
let hub: string
let issuer: string

/** Resolves with what `words` says of itself; `pattern` has it in parentheses. */
function run(words: readonly string[], pattern: RegExp): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, words, { cwd: root })
  children.push(child)
  let all = ''
  return new Promise((done, reject) => {
    const hear = (part: Buffer): void => {
      all += part.toString()
      const said = pattern.exec(all)?.[1]
      if (said !== undefined) done({ child, said })
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', (code) => reject(new HoldfastError('failed', `${words[0]} ended with ${code}: ${all}`)))
  })
}

test.before(async () => {
  const now = systemClock.now()
  const authority = createFakeAuthority('Test authority', now - DAY_MS)
  const { cert, key } = authority.issue({ name: 'localhost', from: now - DAY_MS, to: now + DAY_MS })
  writeFileSync(join(directory, 'tls.key'), key)
  writeFileSync(join(directory, 'tls.crt'), cert)
  const der = Buffer.from(authority.der).toString('base64')
  writeFileSync(join(directory, 'ca.pem'), `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`)
  writeFileSync(join(directory, 'secret'), 'a secret of thirty-two characters')
  const words = ['cloud/access/oidc-provider.fake.ts', directory, '-', 'localhost']
  const provider = await run(words, /^(https:\/\/localhost:\d+)$/m)
  issuer = provider.said
  const oidc = {
    issuer,
    name: 'Example',
    clientId: 'holdfast',
    clientSecretFile: join(directory, 'secret'),
    caFile: join(directory, 'ca.pem'),
    scopes: ['openid', 'profile', 'groups'],
    rules: [
      { claim: 'groups', value: 'netops', role: 'admin' },
      { claim: 'groups', value: 'everybody', role: 'viewer' },
    ],
  }
  const config = join(directory, 'hub.yaml')
  writeFileSync(config, JSON.stringify({ oidc }))
  const serve = ['serve', '--data', join(directory, 'data'), '--config', config]
  const at = ['--listen', '127.0.0.1:0', '--mqtt', '127.0.0.1:0']
  const started = await run(['build/out/holdfast-hub.mjs', ...serve, ...at], /The hub is at (https:\S+)\.\s/)
  hub = started.said
  provider.child.stdin?.write(`${hub}\n`)
  browser = await startBrowser()
})

test.after(async () => {
  await browser?.close()
  for (const child of children) child.removeAllListeners('exit').kill()
  rmSync(directory, { recursive: true, force: true })
})

/** Through the pages of the provider. */
async function asWhom({ page }: Tab, login: string): Promise<void> {
  // Its pages ask for letters of a third party, which is not waited for here.
  await page.route(/^https:\/\/fonts\./, (route) => route.abort())
  await page.getByRole('link', { name: 'Sign in with Example' }).click()
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill('any')
  await page.locator('button[type=submit]').click()
  // What the hub asks to know of them.
  await page.locator('button[type=submit]').click()
}

test('who is let in comes back signed in, and signs out', async () => {
  const tab = await browser.tab(hub, issuer)
  await tab.page.getByRole('link', { name: 'Sign in with Example' }).waitFor()
  await tab.audit('the door with a provider')
  await asWhom(tab, 'bob')
  await tab.sees('bob@example.org')
  await tab.sees('Needs attention')
  assert.is(await tab.page.getByRole('link', { name: 'Audit' }).count(), 0, 'a viewer has no audit log')
  await tab.page.getByRole('button', { name: 'Sign out' }).click()
  await tab.page.getByLabel('Access token').waitFor()
  tab.complaints()
})

test('who has no role here is told so, on a page that axe finds nothing on, with a way back', async () => {
  const tab = await browser.tab(hub, issuer)
  await asWhom(tab, 'eve')
  await tab.sees('is known to Example, and has no role here')
  await tab.audit('the refusal')
  assert.is(await tab.page.locator('b').count(), 0, 'what a name holds is words')
  await tab.page.getByRole('link', { name: 'Back to the sign-in' }).click()
  await tab.page.getByLabel('Access token').waitFor()
  tab.complaints()
})

test('a session that ends over an editor is begun anew at the provider: back at that very place, with what was typed', async () => {
  const tab = await browser.tab(hub, issuer)
  await asWhom(tab, 'ann')
  await tab.sees('Needs attention')
  await tab.open('#/policy?policy=%2Bnew', 'Policy')
  const editor = tab.page.getByLabel('Policy as YAML')
  const typed = `${await editor.inputValue()}# of the night shift\n`
  await tab.page.context().clearCookies()
  // It is tried on recorded flows, by somebody whom the hub no longer knows.
  await editor.fill(typed)
  await tab.sees('Your session has ended')
  await tab.audit('the door over a page')
  await asWhom(tab, 'ann')
  await editor.waitFor()
  assert.is(await editor.inputValue(), typed)
  tab.complaints()
})

test.run()
