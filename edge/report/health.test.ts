// Conditions appear when they have lasted, keep their beginning, and go when they end.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { createHealth } from './health.ts'

test('a condition that must last first is hidden, then shown with its true beginning', () => {
  const clock = new FakeClock(1_000)
  const health = createHealth({ clock })
  health.raise('hub-unreachable', 'no route', { afterMs: 10_000 })
  assert.equal(health.visible(), [])
  assert.ok(health.has('hub-unreachable'))
  clock.advance(9_999)
  health.raise('hub-unreachable', 'no route', { afterMs: 10_000 })
  assert.equal(health.visible(), [])
  clock.advance(1)
  assert.equal(health.visible(), [{ code: 'hub-unreachable', since: 1_000, detail: 'no route' }])
})

test('a flap is never shown and changes no revision', () => {
  const clock = new FakeClock()
  const health = createHealth({ clock })
  const before = health.revision()
  for (let i = 0; i < 5; i++) {
    health.raise('hub-unreachable', undefined, { afterMs: 10_000 })
    clock.advance(5_000)
    health.clear('hub-unreachable')
    clock.advance(5_000)
  }
  assert.is(health.revision(), before)
})

test('the revision rises with what is shown and with nothing else', () => {
  const clock = new FakeClock()
  const health = createHealth({ clock })
  const seen = [health.revision()]
  health.raise('apply-failed', 'a')
  seen.push(health.revision())
  health.raise('apply-failed', 'a')
  seen.push(health.revision())
  health.raise('apply-failed', 'b')
  seen.push(health.revision())
  health.clear('apply-failed')
  seen.push(health.revision())
  assert.equal(seen, [0, 1, 1, 2, 3])
})

test('a passing condition ends by itself, unless it is raised again', () => {
  const clock = new FakeClock()
  const health = createHealth({ clock })
  health.raise('intent-rejected', 'x', { forMs: 60_000 })
  clock.advance(59_000)
  health.raise('intent-rejected', 'y', { forMs: 60_000 })
  clock.advance(59_000)
  assert.is(health.visible()[0]?.detail, 'y')
  clock.advance(1_000)
  assert.equal(health.visible(), [])
})

test('conditions come in order of their codes and with a bounded detail', () => {
  const health = createHealth({ clock: new FakeClock() })
  health.raise('no-wireguard')
  health.raise('apply-failed', 'x'.repeat(9_000))
  assert.equal(
    health.visible().map((condition) => condition.code),
    ['apply-failed', 'no-wireguard'],
  )
  assert.is(health.visible()[0]?.detail?.length, 500)
})

test.run()
