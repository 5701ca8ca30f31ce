// What every driver must do while a network is renumbered: nothing of the mesh goes, and each block is asked from the
// address in it.

import * as assert from 'uvu/assert'
import { renumbered, steps } from '../../shared/record/renumbered.fake.ts'
import { type Define, type Subject, sampleDesired, sampleRecords, turn } from './conformance.fake.ts'

export function defineRenumbering(define: Define, open: () => Promise<Subject>): void {
  define('a network is renumbered under it', async () => {
    const subject = await open()
    const driver = subject.start()
    const records = sampleRecords(subject.wgKey)
    try {
      for (const step of [...steps, 'before'] as const) {
        const wanted = sampleDesired(subject, renumbered(records, step))
        const before = (await driver.read()).link
        const ops = (await turn(driver, wanted)).map(({ op }) => op)
        assert.not(before !== undefined && (ops.includes('link-add') || ops.includes('peer-remove')), ops.join())
        const seen = await driver.read()
        assert.equal(seen.routes, wanted.routes)
        assert.equal([...(seen.link?.addresses ?? [])].sort(), [...wanted.addresses].sort())
        assert.equal(await turn(driver, wanted), [])
      }
    } finally {
      await subject.close()
    }
  })
}
