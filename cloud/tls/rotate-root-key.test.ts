// Another root key in a hub's directory: what leads to it, what it signs anew, and that no power cut leaves half of it.

import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import { followRoots } from '../../shared/record/root.ts'
import { openAuthority } from '../../shared/wire/authority.ts'
import { exportKeys, readKeys } from '../backup/keys.ts'
import { scratch } from '../broker/broker.fake.ts'
import { type HubKeys, openHubKeys } from './hub-keys.ts'
import { rotateRootKey } from './rotate-root-key.ts'
import { rotateSigningKey } from './rotate-signing-key.ts'

const authority = new Uint8Array([1, 2, 3, 4])
const open = (path: string): HubKeys => openHubKeys(path, authority, new FakeClock(5_000))
const rootOf = ({ anchor }: HubKeys): Uint8Array => fromBase64(anchor.rootKey)

function onHub(run: (path: string, before: HubKeys) => void): void {
  const directory = scratch('hf-root-')
  try {
    run(directory.path, open(directory.path))
  } finally {
    directory.remove()
  }
}

/** The signing key, as the root of `keys` certifies it. */
const certified = (keys: HubKeys) =>
  readKeyCertificate(keys.keyCertificates[0] ?? authority, rootOf(keys), verify, sha256)

test('the hub opens with the new root; the signing key stays, and all that the root signs is signed anew', () =>
  onHub((path, before) => {
    const { after: id, before: was, serial, shortened } = rotateRootKey(path, 1_000)
    const after = open(path)
    assert.equal(
      [was, id],
      [before, after].map((keys) => keyIdOf(rootOf(keys), sha256)),
    )
    assert.equal([serial, shortened], [1, false])
    assert.equal(after.signer.publicKey, before.signer.publicKey)
    assert.equal(certified(after).publicKey, before.signer.publicKey)
    assert.ok(certified(after).issuedAt > certified(before).issuedAt, 'whatever the clock says')
    assert.equal([...openAuthority(after.signedAuthority, rootOf(after), verify, sha256)], [...authority])
    const reached = followRoots({ key: rootOf(before), serial: 0 }, after.roots, { sha256, verify })
    assert.equal(reached, { key: rootOf(after), serial: 1 })
  }))

test('cut off at whatever file, the next start finishes what was decided', () => {
  const names = ['root.key', 'root-chain.json', 'signing.crt'] as const
  for (let done = 0; done <= names.length; done++) {
    onHub((path, before) => {
      const old = ['root.key', 'signing.crt'].map((name) => [name, readFileSync(`${path}/${name}`, 'utf8')] as const)
      rotateRootKey(path, 1_000)
      const files = Object.fromEntries(names.map((name) => [name, readFileSync(`${path}/${name}`, 'utf8')]))
      const whole = open(path)
      writeFileSync(`${path}/staged.json`, JSON.stringify({ files }))
      const undone = new Set<string>(names.slice(done))
      for (const [name, text] of old) if (undone.has(name)) writeFileSync(`${path}/${name}`, text)
      if (undone.has('root-chain.json')) writeFileSync(`${path}/root-chain.json`, '[]')
      // Whoever opens it first: the hub, or who takes the keys along.
      assert.equal(readKeys(path).root.publicKey, rootOf(whole))
      assert.equal({ ...open(path), signer: undefined }, { ...whole, signer: undefined })
      assert.is.not(whole.anchor.rootKey, before.anchor.rootKey)
    })
  }
  onHub((path, before) => {
    writeFileSync(`${path}/staged.json.new`, '{"files":')
    assert.equal(open(path).anchor, before.anchor, 'what was never decided is nothing')
    writeFileSync(`${path}/staged.json`, '{"files":')
    assert.throws(() => open(path), /staged\.json cannot be read/)
  })
})

test('a chain of many goes on to the last; beyond its length the oldest link goes', () =>
  onHub((path, before) => {
    for (let at = 1; at <= rootLinksMax; at++) assert.is(rotateRootKey(path, 1_000).shortened, false)
    const full = open(path)
    assert.is(followRoots({ key: rootOf(before), serial: 0 }, full.roots, { sha256, verify }).serial, rootLinksMax)
    assert.equal(rotateRootKey(path, 1_000).shortened, true)
    const { roots } = open(path)
    assert.equal([roots.length, roots[0]?.link.serial, roots.at(-1)?.link.serial], [rootLinksMax, 2, rootLinksMax + 1])
  }))

test('exported keys bring the chain along, and a chain that does not lead to the root is refused', () =>
  onHub((path, before) => {
    rotateRootKey(path, 1_000)
    rotateSigningKey(path, 2_000)
    rotateRootKey(path, 3_000)
    exportKeys(path, `${path}/out.keys`, 4_000)
    const { root, roots, signing } = readKeys(`${path}/out.keys`)
    assert.equal(followRoots({ key: rootOf(before), serial: 0 }, roots, { sha256, verify }).key, root.publicKey)
    assert.ok(signing !== undefined)
    writeFileSync(`${path}/root-chain.json`, JSON.stringify(roots.slice(0, 1)))
    assert.throws(() => open(path), /root-chain\.json in .* cannot be used/)
    assert.throws(() => readKeys(path), /cannot be used/)
  }))

test('where no hub has ever been nothing is made', () => {
  const directory = scratch('hf-root-')
  assert.throws(() => rotateRootKey(directory.path, 1), /there is no .*root\.key/)
  directory.remove()
})

test.run()
