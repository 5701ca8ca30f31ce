// What is said of the programs at XDP, read and told.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { carriersText, readXdp } from './shortcut-xdp.ts'

test('each device is told by what carries its packets, and reasons once', () => {
  const standing = readXdp('eth0 xdp\neth1 no-driver\neth2 no-driver\neth3 taken\neth9 free\n')
  assert.is(
    carriersText(['eth0', 'eth1', 'eth2', 'eth3', 'wwan0'], standing),
    [
      'by XDP at eth0, by BPF at eth1, eth2, eth3, wwan0, else by nft',
      'no XDP at eth1, eth2: its driver runs no XDP',
      "no XDP at eth3: another's program is at XDP",
      'no XDP at wwan0: its link header is not that of Ethernet',
    ].join('; '),
  )
  assert.is(carriersText(['eth0'], standing), 'by XDP at eth0, else by BPF or nft')
})

test('where nothing can tell of XDP, nothing is told', () => {
  assert.is(carriersText(['eth0'], undefined), 'by BPF at eth0, else by nft')
})

test('a state of another version is refused, not guessed', () => {
  for (const text of ['eth0 quickly\n', 'eth0\n', 'eth0 toString\n']) {
    assert.throws(
      () => readXdp(text),
      (error: unknown) => isHoldfastError(error, 'unsupported'),
    )
  }
})

test.run()
