// Sign-in at a real provider of identities, in a process of its own, as a browser goes through it: there, through its pages, and
// back. Then all that can be wrong about what comes back.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  oidcSessionMsMax,
  signInMsMax,
  signInsBegunMax,
  signInsBegunPerMinuteMax,
} from '../../shared/dashboard-limits.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { createFakeAuthority } from '../../shared/host/certificates.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { setup } from '../api/api-world.fake.ts'
import { createProviderFetch } from '../serve/provider-fetch.ts'
import type { ClaimRule } from './claim-roles.ts'
import { createOidc, type Oidc, type OidcSettings } from './oidc.ts'
import { createBrowser } from './oidc-browser.fake.ts'

const oidc = suite('sign-in at a provider')
const HUB = 'https://hub.example.org:8443'
const DAY_MS = 86_400_000
const directory = mkdtempSync(join(tmpdir(), 'hf-oidc-'))
const rules: readonly ClaimRule[] = [
  { claim: 'groups', value: 'netops', role: 'admin' },
  { claim: 'groups', value: 'everybody', role: 'viewer' },
]
let provider: ChildProcess
let issuer: string
let authority: string
let opened = 0

oidc.before(async () => {
  const made = createFakeAuthority('Test authority', systemClock.now() - DAY_MS)
  const { cert, key } = made.issue({
    name: '127.0.0.1',
    from: systemClock.now() - DAY_MS,
    to: systemClock.now() + DAY_MS,
  })
  authority = `-----BEGIN CERTIFICATE-----\n${Buffer.from(made.der).toString('base64')}\n-----END CERTIFICATE-----\n`
  writeFileSync(join(directory, 'tls.key'), key)
  writeFileSync(join(directory, 'tls.crt'), cert)
  provider = spawn(process.execPath, [join(import.meta.dirname, 'oidc-provider.fake.ts'), directory, HUB], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  issuer = await new Promise<string>((resolve, reject) => {
    provider.once('exit', (code) => reject(new HoldfastError('failed', `the provider ended with ${code}`)))
    provider.stdout?.once('data', (line: Buffer) => resolve(line.toString().trim()))
  })
})
oidc.after(() => {
  provider.kill()
  rmSync(directory, { recursive: true })
})

function open(change: Partial<OidcSettings> = {}, clock = new FakeClock(systemClock.now())): Oidc {
  return createOidc({
    settings: {
      issuer,
      clientId: 'holdfast',
      clientSecret: 'a secret of thirty-two characters',
      name: 'Example',
      scopes: ['openid', 'profile', 'groups'],
      rules,
      ...change,
    },
    redirectUri: () => `${HUB}/api/v1/session/oidc/callback`,
    fetch: createProviderFetch(authority),
    clock,
    entropy: seededEntropy(++opened),
    log: memoryLog(),
  })
}

/** A hub and a browser in front of it. */
function world(change: Partial<OidcSettings> = {}) {
  const clock = new FakeClock(systemClock.now())
  const made = setup(undefined, undefined, { oidc: open(change, clock), clock })
  const browser = createBrowser(authority, (url, init) => Promise.resolve(made.app.request(url, init)), HUB)
  return { ...made, browser, clock }
}

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
  } catch (error) {
    return error instanceof HoldfastError ? error.code : `crash: ${String(error)}`
  }
  return 'taken'
}

oidc('whoever the provider vouches for, and a rule lets in, has a session with that role', async () => {
  const { browser, hub, call, clock } = world()
  const ways = (await (await call('GET', '/api/v1/session')).json()) as { login: object }
  assert.equal(ways.login, { token: true, oidc: { name: 'Example' } })
  const back = await browser.signIn('ann')
  assert.equal([back.status, back.headers.get('location')], [303, '/'])
  const who = (await (await browser.hub('/api/v1/session')).json()) as Record<string, unknown>
  assert.equal(
    [who['role'], who['name'], who['expiresAt']],
    ['admin', 'ann@example.org', clock.now() + oidcSessionMsMax],
  )
  const [row] = hub.audit(1)
  assert.equal(
    [row?.actor, row?.verb, row?.detail, row?.whence],
    ['oidc:ann', 'sign-in', 'ann@example.org as admin', 'session local'],
  )
  assert.match(await (await call('GET', '/metrics', 'viewer')).text(), /sign_ins_total\{by="oidc"\} 1/)
})

oidc('whoever no rule lets in stays out, and is told why', async () => {
  const { browser, hub, sessions } = world()
  const back = await browser.signIn('eve')
  const page = await back.text()
  assert.is(back.status, 403)
  assert.match(page, /eve&lt;b&gt;@example.org is known to Example, and has no role here/)
  assert.not.match(page, /<b>/)
  assert.equal([sessions.count(), hub.audit(9).length], [0, 0])
  const bob = world()
  await bob.browser.signIn('bob')
  assert.match(await (await bob.browser.hub('/api/v1/session')).text(), /"role":"viewer"/)
})

oidc('what comes back counts once, in the browser that began it, with the state it was sent with', async () => {
  const { browser, clock } = world()
  const stolen = await browser.walk('ann')
  const other = world()
  assert.is((await other.browser.hub(stolen)).status, 403, 'a victim’s browser has not begun it')
  assert.is((await browser.hub(`${stolen}x`)).status, 401, 'another issuer or state')
  assert.is((await browser.hub(stolen)).status, 403, 'it was used up')
  const late = await browser.walk('ann')
  clock.advance(signInMsMax)
  const expired = await browser.hub(late)
  assert.is(expired.status, 403)
  assert.match(await expired.text(), /too long ago/)
  assert.is((await browser.hub('/api/v1/session')).status, 401)
})

oidc('a code of another sign-in, a refusal and nonsense are refused', async () => {
  const [one, two] = [open(), open()]
  const [begun, mine] = [await one.begin(), await two.begin()]
  const state = new URL(begun.url).searchParams.get('state')
  const iss = encodeURIComponent(issuer)
  for (const query of [
    '',
    '?code=x',
    `?code=x&state=${state}`,
    `?code=x&state=${state}&iss=https%3A%2F%2Fevil.example.org`,
    `?error=access_denied&error_description=no&state=${state}&iss=${iss}`,
    `?code=nobody-gave-it&state=${state}&iss=${iss}`,
  ]) {
    const { word, url } = await one.begin()
    const own = query.replace(String(state), new URL(url).searchParams.get('state') ?? '')
    assert.is(await codeOf(() => one.finish(word, own)), 'unauthenticated', query)
  }
  assert.is(await codeOf(() => one.finish(mine.word, '?code=x')), 'expired')
})

oidc('PKCE, state and nonce are of this sign-in alone', async () => {
  const one = open()
  const [first, second] = [new URL((await one.begin()).url), new URL((await one.begin()).url)]
  assert.is(first.searchParams.get('code_challenge_method'), 'S256')
  assert.is(first.searchParams.get('response_type'), 'code')
  for (const name of ['state', 'nonce', 'code_challenge']) {
    assert.match(first.searchParams.get(name) ?? '', /^[\w-]{43}$/)
    assert.is.not(first.searchParams.get(name), second.searchParams.get(name), name)
  }
})

oidc('a token for another client, or of another issuer, lets nobody in', async () => {
  assert.is(await codeOf(() => open({ issuer: `${issuer}/other` }).begin()), 'unreachable')
  const wrong = world({ clientSecret: 'not the secret of this client' })
  const back = await wrong.browser.signIn('ann')
  assert.is(back.status, 401)
  assert.match(await back.text(), /Example did not sign you in/)
})

oidc('a clock that is a little off is forgiven, one that is an hour off is not', async () => {
  // The library goes by the clock of this machine, so it is the provider’s that is off.
  const soon = await world().browser.signIn('soon')
  assert.is(soon.status, 303, await soon.text())
  const late = await world().browser.signIn('late')
  assert.is(late.status, 401)
  assert.match(await late.text(), /"exp"|expired|timestamp/)
})

oidc('a provider that is away is told so, and tokens sign in all the same', async () => {
  const nowhere = world({ issuer: 'https://127.0.0.1:1' })
  const answer = await nowhere.browser.hub('/api/v1/session/oidc')
  assert.is(answer.status, 503)
  assert.match(
    await answer.text(),
    /can&#39;t be asked who you are now: .*127\.0\.0\.1:1.*Sign in with a token meanwhile/,
  )
  const own = { origin: HUB, 'sec-fetch-site': 'same-origin' }
  const token = await nowhere.call('POST', '/api/v1/session', undefined, { token: nowhere.words.admin }, own)
  assert.is(token.status, 201)
  assert.is(await codeOf(() => open({ issuer: issuer.replace('https', 'http') }).begin()), 'unreachable')
  const stranger = createOidc({
    settings: { issuer, clientId: 'holdfast', clientSecret: undefined, name: 'Example', scopes: ['openid'], rules },
    redirectUri: () => HUB,
    fetch: createProviderFetch(undefined),
    clock: new FakeClock(),
    entropy: seededEntropy(1),
    log: memoryLog(),
  })
  assert.is(await codeOf(() => stranger.begin()), 'unreachable', 'a certificate that nobody vouches for')
})

oidc('sign-ins that nobody ends are bounded, in all and by address', async () => {
  const one = open()
  const first = await one.begin()
  for (let at = 0; at < signInsBegunMax; at++) await one.begin()
  assert.is(await codeOf(() => one.finish(first.word, '?code=x')), 'expired')
  const { browser } = world()
  const statuses = new Set<number>()
  for (let at = 0; at <= signInsBegunPerMinuteMax; at++)
    statuses.add((await browser.hub('/api/v1/session/oidc')).status)
  assert.equal([...statuses], [303, 429])
})

oidc('other rules end the sessions that the former ones opened', async () => {
  assert.is(open().grant, open().grant)
  assert.is.not(open().grant, open({ rules: rules.slice(1) }).grant)
  assert.is.not(open().grant, open({ clientId: 'other' }).grant)
})

oidc.run()
