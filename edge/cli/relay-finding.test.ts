// The doctor's word on a relay, by what the kernel lists.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { readXdp } from '../relay/shortcut-xdp.ts'
import { relayFinding } from './relay-finding.ts'

const arrive = `table inet holdfast_relay {
	chain arrive {
		type filter hook prerouting priority raw; policy accept;
		udp dport 61000-62023 goto session
		udp dport { 3478, 3479 } fib daddr type local goto control
	}
}`

const kernel =
  (chains: readonly object[], program = '') =>
  async (words: readonly string[]): Promise<string> => {
    if (words.includes('qdisc')) return '[{"kind":"noqueue","dev":"lo"},{"kind":"clsact","dev":"eth0"}]'
    if (words.includes('filter')) return JSON.stringify([{ kind: 'bpf' }, { options: { prog: { name: program } } }])
    if (!words.includes('-j')) return arrive
    return JSON.stringify({ nftables: [{ metainfo: {} }, ...chains.map((chain) => ({ chain }))] })
  }
const nothing = { whyNoShortcut: async () => undefined, lookAtXdp: async () => new Map() }

test('a relay names its ports', async () => {
  const found = await relayFinding(kernel([{ family: 'inet', table: 'holdfast_relay', name: 'session' }]), nothing)
  assert.is(found?.verdict, 'ok')
  assert.is(found?.found, 'UDP 61000-62023, 3478, 3479: firewalls must let them in')
})

test('what carries its packets is told, and why not what is faster', async () => {
  const used = async (program: string, why?: string, xdp = '') => {
    const look = { whyNoShortcut: async () => why, lookAtXdp: async () => readXdp(xdp) }
    const found = await relayFinding(kernel([], program), look)
    return found?.used.replace('to relay between other nodes, ', '') ?? ''
  }
  assert.is(await used('hf_relay_ether', undefined, 'eth0 xdp\neth1 no-frames\n'), 'by XDP at eth0, else by BPF or nft')
  assert.is(
    await used('hf_relay_ether', undefined, 'eth0 no-driver\n'),
    'by BPF at eth0, else by nft; no XDP at eth0: its driver runs no XDP',
  )
  assert.match(await used('hf_relay_raw'), 'no XDP at eth0: its link header is not that of Ethernet')
  assert.is(await used('cil_from_netdev', 'no tc'), 'by nft: no tc')
  assert.is(await used('cil_from_netdev'), 'by nft: no session has both its ends')
})

test('a forward chain that drops is named with the rule that mends it', async () => {
  const docker = { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop' }
  const found = await relayFinding(kernel([docker, { ...docker, table: 'other', policy: 'accept' }]), nothing)
  assert.is(found?.verdict, 'note')
  assert.match(found?.remedy ?? '', 'nft insert rule ip filter FORWARD meta mark and 0xffff0000 == 0x48660000 accept')
})

test('without a relay, or without nft, nothing is said', async () => {
  const none = async (): Promise<string> => {
    throw new HoldfastError('failed', 'No such file or directory')
  }
  assert.is(await relayFinding(none, nothing), undefined)
})

test.run()
