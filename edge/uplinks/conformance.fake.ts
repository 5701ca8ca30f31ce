// What every driver of steering must do: hold what it is told, show it to the next process, leave others alone, and leave
// nothing behind.

import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { SteeringDriver } from './doors.ts'
import { chosenIn, noSteering, routeText, ruleText, type Steering, type SteeringWish, steeringOf } from './steering.ts'
import type { Family } from './uplink.ts'

export type Define = (name: string, run: () => Promise<void>) => void

/** Interfaces eth0 and wwan0 of the subject's kernel; the second has no gateway. */
const WISHES: Readonly<Record<Family, SteeringWish>> = {
  4: {
    uplinks: [
      {
        interface: 'eth0',
        gateway: parseAddress('192.0.2.1'),
        address: parseAddress('192.0.2.10'),
        probePort: 40_001,
      },
      { interface: 'wwan0', address: parseAddress('198.51.100.7'), probePort: 40_002 },
    ],
    chosen: 'wwan0',
    ports: [51_820, 51_821],
    contacts: [{ address: parseAddress('203.0.113.1'), port: 8_443 }],
  },
  6: {
    uplinks: [
      {
        interface: 'eth0',
        gateway: parseAddress('fe80::1'),
        address: parseAddress('2001:db8:1::10'),
        probePort: 40_003,
      },
      { interface: 'wwan0', address: parseAddress('2001:db8:2::7'), probePort: 40_004 },
    ],
    chosen: 'wwan0',
    ports: [51_820, 51_821],
    contacts: [{ address: parseAddress('2001:db8:3::1'), port: 8_443 }],
  },
}

/** The kernel keeps its own order among equals. */
function textOf({ routes, rules }: Steering): readonly string[] {
  return [...rules.map(ruleText), ...routes.map(routeText)].sort()
}

/** `start`: as a new process would make it, over the same kernel, which is as new at each `open`. */
export function defineSteeringConformance(define: Define, open: () => Promise<{ start(): SteeringDriver }>): void {
  for (const family of [4, 6] as const) {
    const wish = WISHES[family]
    const check = (name: string, run: (driver: SteeringDriver, start: () => SteeringDriver) => Promise<void>): void =>
      define(`IPv${family}: ${name}`, async () => {
        const subject = await open()
        await run(subject.start(), () => subject.start())
      })

    check('what was set is read back by the next process', async (driver, start) => {
      await driver.set(family, steeringOf(wish))
      const found = await start().read(family)
      assert.equal(textOf(found), textOf(steeringOf(wish)))
      assert.is(chosenIn(found), 'wwan0')
    })

    check('another choice, other ports and other contacts replace the ones before', async (driver, start) => {
      await driver.set(family, steeringOf(wish))
      const next = { ...wish, chosen: 'eth0', ports: [51_999], contacts: [] }
      await start().set(family, steeringOf(next))
      assert.equal(textOf(await driver.read(family)), textOf(steeringOf(next)))
      assert.is(chosenIn(await driver.read(family)), 'eth0')
    })

    check('no choice leaves the host its own', async (driver) => {
      await driver.set(family, steeringOf(wish))
      await driver.set(family, steeringOf({ ...wish, chosen: undefined }))
      const found = await driver.read(family)
      assert.is(chosenIn(found), undefined)
      assert.equal(textOf(found), textOf(steeringOf({ ...wish, chosen: undefined })))
    })

    check('setting the same again changes nothing, and cleaning up leaves nothing', async (driver, start) => {
      await driver.set(family, steeringOf(wish))
      await driver.set(family, steeringOf(wish))
      assert.equal(textOf(await driver.read(family)), textOf(steeringOf(wish)))
      await start().cleanup()
      assert.equal(await driver.read(family), noSteering)
      await driver.cleanup()
    })
  }
}
