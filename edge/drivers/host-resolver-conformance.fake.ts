// What every way of telling a host's resolver must do, run against the fake and the real one.

import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { HostResolver, Way, Wiring } from '../names/wiring/doors.ts'
import { nameserversOf, stubAddress } from '../names/wiring/resolv-conf.ts'

export interface ResolverSubject {
  readonly ways: readonly Way[]
  /** As a new process would make it, over the same host. */
  start(): HostResolver
  close(): Promise<void>
}

type Define = (name: string, run: () => Promise<void>) => void

/** @testonly */
export function wiringBy(way: Way, zone = 'mesh.internal'): Wiring {
  const at = ['100.80.0.2', 'fd80::2'].map(parseAddress)
  return { way, interface: 'hf0', zones: [zone, '80.100.in-addr.arpa'], at, port: 51_824 }
}

type Case = (subject: ResolverSubject, resolver: HostResolver) => Promise<void>

const cases: Readonly<Record<string, Case>> = {
  'stands once it is told, for the next process too, and is another thing for other zones': async (
    subject,
    resolver,
  ) => {
    for (const way of subject.ways) {
      const before = resolver.signature()
      assert.is(await resolver.stands(wiringBy(way)), false, way)
      await resolver.apply(wiringBy(way))
      assert.ok(await subject.start().stands(wiringBy(way)), way)
      assert.is.not(resolver.signature(), before, way)
      if (way !== 'file') assert.is(await resolver.stands(wiringBy(way, 'other.internal')), false, way)
    }
  },
  'one is told at a time': async (subject, resolver) => {
    for (const way of [...subject.ways, ...subject.ways.toReversed()]) {
      await resolver.apply(wiringBy(way))
      const standing = await Promise.all(subject.ways.map((one) => resolver.stands(wiringBy(one))))
      assert.equal(
        subject.ways.filter((_, at) => standing[at]),
        [way],
      )
    }
  },
  'told again is told once': async (subject, resolver) => {
    for (const way of subject.ways) {
      await resolver.apply(wiringBy(way))
      await resolver.apply(wiringBy(way))
      const { resolvConf } = await resolver.read()
      const own = nameserversOf(resolvConf?.text ?? '').filter((server) => server === stubAddress)
      assert.is(own.length, way === 'file' ? 1 : 0)
      assert.ok(await resolver.stands(wiringBy(way)))
    }
  },
  'cleaning up leaves what was there, whoever told it, and again nothing': async (subject, resolver) => {
    const { resolvConf } = await resolver.read()
    for (const way of subject.ways) {
      await resolver.apply(wiringBy(way))
      await subject.start().cleanup()
      assert.is(await resolver.stands(wiringBy(way)), false, way)
      assert.equal((await resolver.read()).resolvConf, resolvConf)
    }
    await resolver.cleanup()
  },
  'what people told systemd-resolved is theirs': async (subject, resolver) => {
    if (!subject.ways.includes('resolved')) return
    await resolver.apply(wiringBy('resolved'))
    await resolver.cleanup(wiringBy('resolved', 'other.internal'))
    assert.ok(await resolver.stands(wiringBy('resolved')))
    await resolver.cleanup(wiringBy('resolved'))
    assert.is(await resolver.stands(wiringBy('resolved')), false)
  },
}

/** @testonly */
export function defineResolverConformance(define: Define, open: () => Promise<ResolverSubject>): void {
  for (const [name, run] of Object.entries(cases)) {
    define(name, async () => {
      const subject = await open()
      try {
        await run(subject, subject.start())
      } finally {
        await subject.close()
      }
    })
  }
}
