// The mirror next to policy in a real kernel: which of the packets that policy drops are copied, by who enforces it.

import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { createMirrorDriver } from '../../edge/drivers/mirror.ts'
import { createPolicy } from '../../edge/drivers/policy.ts'
import { closed } from '../../edge/plan/enforcement.ts'
import { renderMirrorTable } from '../../edge/plan/nft-mirror.ts'
import { parseCidr } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { count, read } from './mirror-frames.fake.ts'
import { FAR, HERE, type MirrorRig, openMirrorRig, type Seen } from './mirror-rig.fake.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { holds, waitFor } from './wait.ts'

const ICMP = 1
const SENT = 2
/** Of a ping without its payload: Ethernet, IPv4, ICMP. */
const HEADERS_BYTES = 42

function defineTests(rig: MirrorRig): void {
  const test = suite('mirror and policy')
  const log = memoryLog()
  const run = createRunner(log)
  const driver = createMirrorDriver(run, rig.program)
  const ruleset = renderMirrorTable({
    interface: 'hf0',
    to: 'ids0',
    blocks: [parseCidr(`${FAR[4]}/32`)],
    services: [],
    packetsPerS: 1_000,
    untilS: 4_000_000_000,
  })

  for (const [by, isOut, payloadBytes] of [
    ['auto', true, 201],
    ['nft', false, 202],
  ] as const) {
    test(`of what a closed policy by ${by} drops, what goes ${isOut ? 'out' : 'in'} is copied, and nothing else`, async () => {
      const policy = createPolicy({ run, log, interface: 'hf0', by, program: rig.program })
      await policy.load(closed({ interface: 'hf0', meshPort: 51_822 }))
      assert.is(policy.by(), by === 'auto' ? 'bpf' : 'nft')
      await driver.keep({ interface: 'hf0', to: 'ids0', ruleset })
      // Nobody answers. What could not be sent is sent again by `ping`, so there may be more; the size tells whose they are.
      const words = ['-q', '-c', String(SENT), '-i', '0.05', '-W', '1', '-s', String(payloadBytes)]
      spawnSync('ping', [...words, FAR[4]])
      spawnSync('ip', ['netns', 'exec', 'far', 'ping', ...words, HERE[4]])
      const found: Seen[] = []
      const look = async () => {
        found.push(...rig.frames().filter(({ bytes }) => bytes === HEADERS_BYTES + payloadBytes))
        return holds(found.length >= SENT, `${found.length}`)
      }
      await waitFor('they are read', look, { timeoutMs: 10_000 })
      await policy.remove()
      assert.is(count(found.map(read), 4, isOut, ICMP), found.length)
    })
  }

  test.after(() => rig.close())
  test.run()
}

testInOwnNamespace('the mirror next to policy', import.meta.url, () => {
  void openMirrorRig().then(defineTests)
})
