// The choice in virtual time: a world of two or three uplinks, of which some answer.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createUplinkChoice, type UplinkEvent } from './choice.ts'

const RTT_MS = 50

interface World {
  now: number
  /** Uplinks by which somebody answers. */
  readonly alive: Set<string>
  readonly uses: { at: number; uplink: string; why: string }[]
  probes: number
  choice: ReturnType<typeof createUplinkChoice>
  tell(event: UplinkEvent): void
  /** Ordinary traffic once a second; or none. */
  run(ms: number, traffic?: boolean): void
}

function world(list = ['eth0', 'lte0'], { metered = false, inUse }: { metered?: boolean; inUse?: string } = {}): World {
  const answers: { at: number; uplink: string; probe: boolean }[] = []
  const tell: World['tell'] = (event) => {
    for (const action of one.choice.handle(event, one.now)) {
      if (action.type === 'use') one.uses.push({ at: one.now, uplink: action.uplink, why: action.why })
      else {
        one.probes += 1
        if (one.alive.has(action.uplink)) answers.push({ at: one.now + RTT_MS, uplink: action.uplink, probe: true })
      }
    }
  }
  const one: World = {
    now: 0,
    alive: new Set(list),
    uses: [],
    probes: 0,
    choice: createUplinkChoice({ metered, inUse }),
    tell,
    run(ms, traffic = true) {
      const end = one.now + ms
      let nextSend = traffic ? one.now : Number.POSITIVE_INFINITY
      while (one.now < end) {
        const due = one.choice.dueAt()
        assert.ok(due > one.now || due === Number.POSITIVE_INFINITY || due <= one.now, 'a number')
        const at = Math.min(end, nextSend, Math.max(due, one.now), ...answers.map((answer) => answer.at))
        assert.ok(at >= one.now)
        one.now = at
        const due_ = answers.filter((answer) => answer.at <= one.now)
        for (const answer of due_) {
          answers.splice(answers.indexOf(answer), 1)
          if (answer.probe) tell({ type: 'answered', uplink: answer.uplink })
          else if (answer.uplink === one.choice.inUse()) tell({ type: 'heard' })
        }
        if (nextSend <= one.now) {
          nextSend = one.now + 1_000
          tell({ type: 'asked' })
          const by = one.choice.inUse() ?? ''
          if (one.alive.has(by)) answers.push({ at: one.now + RTT_MS, uplink: by, probe: false })
        }
        if (one.choice.dueAt() <= one.now) {
          tell({ type: 'time' })
          assert.ok(one.choice.dueAt() > one.now, 'time moves on')
        }
      }
    },
  }
  tell({ type: 'uplinks', list })
  return one
}

test('one uplink is never asked', () => {
  const one = world(['eth0'])
  one.alive.clear()
  one.run(600_000)
  assert.is(one.probes, 0)
  assert.equal(one.uses, [])
  assert.is(one.choice.inUse(), 'eth0')
  assert.is(one.choice.dueAt(), Number.POSITIVE_INFINITY)
})

test('as long as all is well nobody is asked beyond the first round', () => {
  const one = world()
  one.run(3_600_000)
  assert.equal(one.uses, [])
  assert.is(one.probes, 2)
})

test('a silent uplink is left for the next within five seconds, and gone back to when it answers again', () => {
  const one = world()
  one.run(60_000)
  one.alive.delete('eth0')
  const cutAt = one.now
  one.run(30_000)
  assert.is(one.uses.length, 1)
  assert.is(one.uses[0]?.uplink, 'lte0')
  assert.ok((one.uses[0]?.at ?? 0) - cutAt <= 5_000, `${(one.uses[0]?.at ?? 0) - cutAt} ms`)
  const [eth, lte] = one.choice.view()
  assert.ok(eth?.silentSince !== undefined && eth.silentSince - cutAt <= 1_000)
  assert.is(lte?.silentSince, undefined)
  one.run(600_000)
  assert.is(one.uses.length, 1)
  one.alive.add('eth0')
  const backAt = one.now
  one.run(60_000)
  assert.equal(
    one.uses.map(({ uplink }) => uplink),
    ['lte0', 'eth0'],
  )
  const tookMs = (one.uses[1]?.at ?? 0) - backAt
  assert.ok(tookMs >= 10_000 && tookMs <= 20_000, `${tookMs} ms`)
  assert.is(one.choice.inUse(), 'eth0')
})

test('where all are silent nothing changes, and questions become rare', () => {
  const one = world()
  one.alive.clear()
  one.run(3_600_000)
  assert.equal(one.uses, [])
  assert.ok(one.probes < 60 * 2 * 3 + 60, `${one.probes} probes`)
})

test('an uplink that comes and goes is gone back to ever later', () => {
  const one = world()
  for (let i = 0; i < 120; i++) {
    one.run(30_000)
    if (one.alive.has('eth0')) one.alive.delete('eth0')
    else one.alive.add('eth0')
  }
  // An hour of half minutes up and half minutes down.
  assert.ok(one.uses.length <= 24, `${one.uses.length} changes`)
  const late = one.uses.filter(({ at }) => at > 1_800_000)
  assert.ok(late.length <= 8, `${late.length} changes in the second half`)
})

test('without traffic nobody asks; the first answerless packet does', () => {
  const one = world()
  one.run(60_000)
  const before = one.probes
  one.alive.delete('eth0')
  one.run(3_600_000, false)
  assert.is(one.probes, before)
  one.run(10_000)
  assert.is(one.choice.inUse(), 'lte0')
})

test('the best of several that answer is used, and the host’s order counts on the way back', () => {
  const one = world(['eth0', 'wlan0', 'lte0'])
  one.run(10_000)
  one.alive.delete('eth0')
  one.alive.delete('wlan0')
  one.run(20_000)
  assert.is(one.choice.inUse(), 'lte0')
  one.alive.add('wlan0')
  one.run(60_000)
  assert.is(one.choice.inUse(), 'wlan0')
  one.alive.add('eth0')
  one.run(60_000)
  assert.is(one.choice.inUse(), 'eth0')
})

test('one that follows the host follows it to another uplink; one that is steered asks first', () => {
  const one = world()
  one.run(10_000)
  one.tell({ type: 'uplinks', list: ['usb0', 'eth0', 'lte0'] })
  assert.is(one.choice.inUse(), 'usb0')
  one.run(20_000)
  assert.ok(one.choice.inUse() !== 'usb0', 'it answers nothing')
  one.tell({ type: 'uplinks', list: ['wlan0', 'usb0', 'eth0', 'lte0'] })
  assert.is(one.choice.inUse(), 'eth0')
  one.alive.add('wlan0')
  one.run(60_000)
  assert.is(one.choice.inUse(), 'wlan0')
})

test('an uplink that is gone is left at once', () => {
  const one = world()
  one.run(10_000)
  one.alive.delete('eth0')
  one.run(20_000)
  one.tell({ type: 'uplinks', list: ['eth0'] })
  assert.is(one.choice.inUse(), 'eth0')
  assert.is(one.uses.at(-1)?.uplink, 'eth0')
})

test('what an earlier run chose is kept until the better one answers', () => {
  const one = world(['eth0', 'lte0'], { inUse: 'lte0' })
  assert.is(one.choice.inUse(), 'lte0')
  one.alive.delete('eth0')
  one.run(60_000)
  assert.is(one.choice.inUse(), 'lte0')
  one.alive.add('eth0')
  one.run(60_000)
  assert.is(one.choice.inUse(), 'eth0')
})

test('a metered host asks the better uplink rarely', () => {
  const probes = [true, false].map((metered) => {
    const one = world(['eth0', 'lte0'], { metered })
    one.alive.delete('eth0')
    one.run(600_000)
    return one.probes
  })
  assert.ok((probes[0] ?? 0) * 4 < (probes[1] ?? 0), probes.join(' and '))
})

test('whatever happens, it ends at the best uplink that answers', () => {
  const names = ['a', 'b', 'c'] as const
  const step = fc.record({
    name: fc.constantFrom(...names),
    alive: fc.boolean(),
    ms: fc.integer({ min: 0, max: 40_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.subarray([...names], { minLength: 1 }), (steps, last) => {
      const one = world([...names])
      for (const { alive, ms, name } of steps) {
        if (alive) one.alive.add(name)
        else one.alive.delete(name)
        one.run(ms)
      }
      for (const name of names) {
        if ((last as readonly string[]).includes(name)) one.alive.add(name)
        else one.alive.delete(name)
      }
      one.run(1_300_000)
      assert.is(
        one.choice.inUse(),
        names.find((name) => one.alive.has(name)),
      )
    }),
    { numRuns: 60 },
  )
})

test.run()
