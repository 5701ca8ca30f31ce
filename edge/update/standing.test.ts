// Which orders are carried out, and in which words others are refused.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { encodeManifest } from '../../shared/release/manifest.ts'
import { type SignedManifest, signManifest } from '../../shared/release/seal.ts'
import { nothingWorks } from '../confirm/working.ts'
import { noUpdate, type UpdateCase } from './case.ts'
import { judgeOrder, mayPass, type OrderPlace } from './standing.ts'

const signer = signerFromSeed(new Uint8Array(32).fill(1))
const SHA = 'a'.repeat(64)

function releaseOf(version: string, target = 'linux-x64', by = signer): SignedManifest {
  const files = [{ name: 'holdfast', kind: 'agent', target, size: 1, sha256: SHA }]
  const manifest = { version, commit: 'unknown', createdAt: '2026-01-01T00:00:00Z', files }
  return signManifest(encodeManifest(manifest), by)
}

function judged(release: SignedManifest | undefined, change: Partial<OrderPlace> = {}, downgrade = false): string {
  const place: OrderPlace = {
    version: '1.0.0',
    target: 'linux-x64',
    releaseKeys: [signer.publicKey],
    kept: noUpdate,
    ...change,
  }
  const found = judgeOrder({ downgrade, ...(release === undefined ? {} : { release }) }, place, verify)
  return found.state === 'go' ? `go ${found.version} ${found.file.name}` : `${found.state} ${found.detail ?? ''}`.trim()
}

test('a newer version that a release key has signed is carried out; one that runs is done', () => {
  assert.is(judged(releaseOf('2.0.0')), 'go 2.0.0 holdfast')
  assert.is(judged(releaseOf('1.0.0')), 'done')
  assert.is(judged(undefined), 'none')
})

test('without release keys on the device, and by others, no order of any hub counts', () => {
  assert.match(judged(releaseOf('2.0.0'), { releaseKeys: undefined }), /^refused no release keys are laid/)
  const stranger = signerFromSeed(new Uint8Array(32).fill(2))
  assert.match(judged(releaseOf('2.0.0', 'linux-x64', stranger)), /^refused the manifest is not signed/)
  assert.match(judged({ ...releaseOf('2.0.0'), signature: new Uint8Array(64) }), /^refused the manifest is not signed/)
})

test('for another processor, or older: refused, unless the fleet is to go back', () => {
  assert.match(judged(releaseOf('2.0.0', 'linux-arm64')), /^refused release 2\.0\.0 has no agent for linux-x64/)
  assert.match(judged(releaseOf('0.9.0')), /^refused 0\.9\.0 is older than 1\.0\.0/)
  assert.is(judged(releaseOf('0.9.0'), {}, true), 'go 0.9.0 holdfast')
})

test('what was taken back here is refused with the check that failed; what is on trial is watched', () => {
  const [from, to] = [
    { slot: 'a', version: '1.0.0' },
    { slot: 'b', version: '2.0.0', sha256: SHA },
  ] as const
  const kept: UpdateCase = {
    now: { stage: 'steady' },
    last: { outcome: 'taken-back', from, to, at: 0, failed: { check: 'hub', detail: 'the link is lost' } },
    refused: [{ sha256: SHA, version: '2.0.0', at: 0 }],
  }
  assert.is(judged(releaseOf('2.0.0'), { kept }), 'refused taken back: check hub, the link is lost')
  const { last: _, ...older } = kept
  assert.is(judged(releaseOf('2.0.0'), { kept: older }), 'refused taken back')
  const trial: UpdateCase = { ...noUpdate, now: { stage: 'trial', from, to, before: nothingWorks, since: 0 } }
  assert.is(judged(releaseOf('2.0.0'), { version: '2.0.0', kept: trial }), 'trial')
})

test('a link, a disk and a busy hub may get better; what a file is does not', () => {
  for (const code of ['unreachable', 'failed', 'rate-limited', 'not-found', 'untrusted', 'invalid'] as const)
    assert.is(mayPass(new HoldfastError(code, ''), 'fetch'), true)
  assert.is(mayPass(new HoldfastError('corrupt', ''), 'fetch'), false)
  assert.is(mayPass(new HoldfastError('failed', 'no space'), 'lay'), true)
  for (const code of ['untrusted', 'unsupported', 'invalid', 'conflict'] as const)
    assert.is(mayPass(new HoldfastError(code, ''), 'lay'), false)
  assert.is(mayPass(new TypeError('a defect'), 'lay'), false)
})

test.run()
