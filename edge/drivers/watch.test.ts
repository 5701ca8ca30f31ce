// What the lines of `ip -o monitor` and `nft monitor` say to the agent.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ipWord, nftWord } from './watch.ts'

for (const [line, word] of [
  ['[ROUTE]default via 192.168.1.1 dev eth0', 'way-out'],
  ['[ROUTE]default via fe80::1 dev eth0 proto ra metric 1024 expires 1800sec', 'way-out'],
  ['[ROUTE]Deleted default via 192.168.1.1 dev eth0', 'changed'],
  ['[ROUTE]10.80.0.0/16 dev hf0 proto 72 scope link', 'changed'],
  ['[ROUTE]default dev hf0 table 9 scope link', 'changed'],
  ['[ROUTE]local 172.17.0.1 dev docker0 table local', undefined],
  ['[ROUTE]192.168.7.0/24 dev eth1 proto kernel', undefined],
  ['[ADDR]2: eth0    inet 192.168.1.7/24 brd 192.168.1.255 scope global eth0', 'changed'],
  ['[LINK]3: eth1: <BROADCAST,MULTICAST> mtu 1500 state DOWN', 'changed'],
  ['[RULE]7272: from all lookup 7272', 'changed'],
] as const) {
  test(`${word ?? 'nothing'}: ${line}`, () => assert.is(ipWord(line, 'hf0'), word))
}

for (const [line, word] of [
  ['delete table inet holdfast', 'changed'],
  ['add rule inet holdfast input accept', 'changed'],
  ['add table inet other', undefined],
  ['# new generation 7 by process 412 (nft)', undefined],
  ['# ERROR: We lost some netlink events!', 'changed'],
] as const) {
  test(`${word ?? 'nothing'}: ${line}`, () => assert.is(nftWord(line, 'holdfast'), word))
}

test.run()
