// The doctor's word on beacons, by what other firewalls of the host let in.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { lanFinding } from './lan-finding.ts'

const ON = { lan: true, lanPort: 51_823 }
const INPUT = { family: 'ip', table: 'filter', name: 'INPUT', hook: 'input', policy: 'drop' }

const firewall =
  (rules: string, chain: object = INPUT) =>
  async (words: readonly string[]) =>
    words.includes('-j') ? JSON.stringify({ nftables: [{ metainfo: {} }, { chain }] }) : rules

test('a firewall that drops is named with the rule that mends it', async () => {
  const found = await lanFinding(firewall('udp dport 51820 accept'), ON)
  assert.is(found.verdict, 'note')
  assert.match(found.found, 'the policy of ip filter INPUT is drop')
  assert.match(found.remedy ?? '', 'nft insert rule ip filter INPUT udp dport 51823 accept')
})

test('one that lets the port in, alone or in a set, is fine; so is one that drops nothing', async () => {
  for (const rules of ['udp dport 51823 counter accept', 'udp dport { 53, 51820, 51823 } accept']) {
    assert.is((await lanFinding(firewall(rules), ON)).verdict, 'ok', rules)
  }
  assert.is((await lanFinding(firewall('udp dport 518230 accept'), ON)).verdict, 'note')
  assert.is((await lanFinding(firewall('', { ...INPUT, policy: 'accept' }), ON)).verdict, 'ok')
  assert.is((await lanFinding(firewall('', { ...INPUT, hook: 'forward' }), ON)).verdict, 'ok')
})

test('without nft the port is named; switched off is said', async () => {
  const none = async (): Promise<string> => {
    throw new HoldfastError('failed', 'no nft')
  }
  assert.match((await lanFinding(none, ON)).found, 'UDP 51823, broadcast and group ff12::f068:6201')
  const off = await lanFinding(none, { ...ON, lan: false })
  assert.equal([off.verdict, off.found], ['note', 'switched off'])
})

test.run()
