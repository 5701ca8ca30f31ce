// Another TLS authority at the hub's address: taken where the root key signed it and it proves itself, and from nobody else.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { createFakeAuthority, type FakeAuthority, issuedAt } from '../../shared/host/certificates.fake.ts'
import { generateSigningSeed, sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { seal } from '../../shared/record/envelope.ts'
import { sealAuthority } from '../../shared/wire/authority.ts'
import type { Anchor } from '../../shared/wire/enrol.ts'
import { parseHubUrl } from '../../shared/wire/hub-url.ts'
import { fetchAuthority } from './hub-exchange.ts'

const DAY_MS = 86_400_000
const root = signerFromSeed(generateSigningSeed())
const pinned = createFakeAuthority()
const younger = createFakeAuthority('Younger', issuedAt + DAY_MS)
const older = createFakeAuthority('Older', issuedAt - DAY_MS)
const anchor: Anchor = { rootKey: parseDeviceKey(toBase64(root.publicKey)), tlsAuthority: toBase64(pinned.der) }

/** What a device makes of a server with a certificate of `by` that shows `envelope`. */
async function met(by: FakeAuthority, envelope: Uint8Array, status = 200): Promise<unknown> {
  const server = createServer(by.issue({ from: issuedAt }), (request, response) => {
    assert.is(request.url, '/api/v1/enrol/authority')
    const body = status === 200 ? { envelope: toBase64(envelope) } : { code: 'forbidden', message: 'no' }
    response.writeHead(status).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const hub = parseHubUrl(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const outcome: unknown = await fetchAuthority({ hub, clock: new FakeClock(issuedAt), floor: 0 }, anchor).catch(
    (error: unknown) => error,
  )
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return outcome
}

test('the hub’s own, younger one takes the place of the pinned one; the root key stays', async () => {
  const taken = await met(younger, sealAuthority(younger.der, root, sha256))
  assert.equal(taken, { ...anchor, tlsAuthority: toBase64(younger.der) })
})

test('nobody else gets anything in its place', async () => {
  const stranger = signerFromSeed(generateSigningSeed())
  const genuine = sealAuthority(younger.der, root, sha256)
  for (const [why, by, envelope] of [
    ['signed by another key', younger, sealAuthority(younger.der, stranger, sha256)],
    ['the root signed it as something else', younger, seal('key', younger.der, root, sha256)],
    ['the hub’s true word, shown by somebody else', createFakeAuthority('Stranger'), genuine],
    ['older than the pinned one', older, sealAuthority(older.der, root, sha256)],
    ['the pinned one', pinned, sealAuthority(pinned.der, root, sha256)],
    ['changed on the way', younger, genuine.map((byte, at) => (at === genuine.length - 1 ? byte ^ 1 : byte))],
    ['nothing', younger, new Uint8Array(0)],
  ] as const) {
    const outcome = await met(by, envelope)
    const refused = ['untrusted', 'bad-signature', 'invalid'].some((code) =>
      isHoldfastError(outcome, code as 'invalid'),
    )
    assert.ok(refused, `${why}: ${String(outcome)}`)
  }
  assert.ok(isHoldfastError(await met(younger, genuine, 403), 'forbidden'))
})

test.run()
