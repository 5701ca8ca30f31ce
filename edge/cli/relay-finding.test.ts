// The doctor's word on a relay, by what the kernel lists.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { relayFinding } from './relay-finding.ts'

const arrive = `table inet holdfast_relay {
	chain arrive {
		type filter hook prerouting priority raw; policy accept;
		udp dport 61000-62023 goto session
		udp dport { 3478, 3479 } fib daddr type local goto control
	}
}`

const kernel = (chains: readonly object[]) => async (words: readonly string[]) =>
  words.includes('-j')
    ? JSON.stringify({ nftables: [{ metainfo: {} }, ...chains.map((chain) => ({ chain }))] })
    : arrive

test('a relay names its ports', async () => {
  const found = await relayFinding(kernel([{ family: 'inet', table: 'holdfast_relay', name: 'session' }]))
  assert.is(found?.verdict, 'ok')
  assert.is(found?.found, 'UDP 61000-62023, 3478, 3479: firewalls must let them in')
})

test('a forward chain that drops is named with the rule that mends it', async () => {
  const docker = { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop' }
  const found = await relayFinding(kernel([docker, { ...docker, table: 'other', policy: 'accept' }]))
  assert.is(found?.verdict, 'note')
  assert.match(found?.remedy ?? '', 'nft insert rule ip filter FORWARD meta mark and 0xffff0000 == 0x48660000 accept')
})

test('without a relay, or without nft, nothing is said', async () => {
  const none = async (): Promise<string> => {
    throw new HoldfastError('failed', 'No such file or directory')
  }
  assert.is(await relayFinding(none), undefined)
})

test.run()
