// Tables of policy that change in the kernel, half or whole: what becomes of flows, of counters, and of packets meanwhile.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fakeWorld } from '../../shared/policy/world.fake.ts'
import * as f from './frames.fake.ts'
import { cookieOf, inward, outward, self, TCP, web, worldAt } from './policy-ends.fake.ts'
import { type PolicyRig, tableText, withPolicy } from './policy-rig.fake.ts'

function defineTests(rig: PolicyRig): void {
  const table = rig.put(worldAt(80))
  const [isIn, isOut] = (['ingress', 'egress'] as const).map((way) => `accept ${cookieOf(table, way, 'rule')}`)
  const [noIn, noOut] = (['ingress', 'egress'] as const).map((way) => `drop ${cookieOf(table, way, 'isolated')}`)

  test('a flow lives by the table as it is: with the next packet, either way', () => {
    const [open, answer] = [inward(web, self, TCP(4_000, 80)), outward(self, web, TCP(80, 4_000, f.ACK))]
    const [out, back] = [outward(self, web, TCP(4_001, 443)), inward(web, self, TCP(443, 4_001, f.ACK))]
    assert.equal(rig.ask([open, answer, out, back]), [isIn, isIn, isOut, isOut])
    rig.put(worldAt(8_080))
    // What was opened to a port that is closed now is over for the answer, too; and nobody brings it back by answering.
    assert.equal(rig.ask([answer, answer, back, out]), [noIn, noOut, isOut, isOut])
    rig.put(worldAt(80))
    assert.equal(rig.ask([answer, back, open, answer]), [noOut, isOut, isIn, isIn])
  })

  test('rules go on counting from one table to the next, and start at nothing where they are new', () => {
    const countOf = (cookie: string): number =>
      Number(new RegExp(`^${cookie} (\\d+) `, 'm').exec(rig.bpf(['rules']))?.[1] ?? 0)
    const cookie = cookieOf(table, 'ingress', 'rule')
    const before = countOf(cookie)
    rig.ask([inward(web, self, TCP(5_000, 80)), inward(web, self, TCP(5_000, 80, f.ACK))])
    rig.put(worldAt(80))
    rig.put(worldAt(81))
    assert.is(countOf(cookie), before + 2)
    rig.put(fakeWorld({}))
    rig.put(fakeWorld({}))
    rig.put(worldAt(80))
    assert.is(countOf(cookie), 0)
    rig.ask([inward(web, self, TCP(5_001, 80)), outward(self, web, TCP(80, 5_001, f.ACK))])
    assert.is(countOf(cookie), 2)
    const flow = rig
      .bpf(['flows'])
      .split('\n')
      .find((line) => line.startsWith(`${self} 80 ${web} 5001 `))
    assert.match(flow ?? '', new RegExp(` 6 in ${cookie} \\d+ 1 40 1 40 \\d+$`))
  })

  test('a table that is not whole, or does not fit, leaves the former in force', () => {
    // Without its last line.
    const cut = tableText(worldAt(80)).text.replace(/\.\n$/, '')
    const many = Array.from(
      { length: 262_144 },
      (_, at) => `a 10.${at >> 16}.${(at >> 8) & 255}.${at & 255}/32 9 behind\n`,
    )
    for (const bad of ['', '.\n', cut, `${cut}e 1 2\n.\n`, `${cut}x 1\n.\n`, `${cut}${many.join('')}.\n`]) {
      assert.throws(() => rig.bpf(['table'], bad))
      assert.equal(rig.ask([inward(web, self, TCP(6_000, 80))]), [isIn])
    }
  })

  test('no packet is decided by half of two tables, nor by half of one whose loader is killed', async () => {
    // Numbers differ, so that an address of one and an entry of the other would not meet.
    const text = (own: number): string =>
      `p 1\nl 10.77.0.1/32 ${own} node\na 10.77.0.3/32 ${own + 1} node\ne ${own} ${own + 1} in 6 80/16 accept ${own + 2} 0\n.\n`
    rig.bpf(['table'], text(100))
    const packets = Array.from({ length: 60_000 }, (_, at) => inward(web, self, TCP(1 + at, 80)))
    const asking = spawn(rig.program, ['policy', 'test', '1'], { stdio: ['pipe', 'pipe', 'inherit'] })
    let said = ''
    asking.stdout.setEncoding('utf8').on('data', (more: string) => (said += more))
    const closed = once(asking, 'close')
    asking.stdin.end(packets.map(([way, frame]) => `${way} ${frame.toString('hex')}\n`).join(''))
    let swaps = 0
    while (asking.exitCode === null) {
      const loader = spawn(rig.program, ['policy', 'table'], { stdio: ['pipe', 'ignore', 'ignore'] })
      loader.stdin.on('error', () => undefined)
      loader.stdin.end(text(100 + 10 * (++swaps % 2)))
      if (swaps % 3 === 0) setImmediate(() => loader.kill('SIGKILL'))
      await once(loader, 'close')
    }
    await closed
    const lines = said
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ \d+$/, ''))
    assert.is(lines.length, packets.length)
    // Who asks may be held up between the verdict and the name of the rule, for two tables long: by then the name is given away.
    // That happens once for a table at most; what decided was a rule all the same, for what is none has a word.
    const nameless = lines.filter((line) => line === 'accept 0')
    assert.ok(nameless.length <= swaps, `${nameless.length} of ${swaps} tables`)
    assert.equal([...new Set(lines)].filter((line) => line !== 'accept 0').sort(), ['accept 102', 'accept 112'])
    assert.ok(swaps >= 4, String(swaps))
    // The next process begins a generation of its own, by which whatever was left half done is judged.
    rig.bpf(['start', '65536'])
    rig.put(worldAt(80))
    assert.equal(rig.ask([inward(web, self, TCP(1, 80)), inward(web, self, TCP(1, 81))]), [isIn, noIn])
  })

  test.run()
}

await withPolicy(fileURLToPath(import.meta.url), defineTests)
