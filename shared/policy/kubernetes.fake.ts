// Pods of three namespaces, and objects of Kubernetes as the policies of their world.

import { translate } from '../intent/kubernetes/translate.ts'
import { parseResource } from '../intent/resource.ts'
import { type FakePod, fakeWorld } from './world.fake.ts'
import type { World } from './world.ts'

const http = [
  { name: 'http', protocol: 'TCP', port: 80 },
  { name: 'http-udp', protocol: 'UDP', port: 81 },
] as const
export const PODS: readonly FakePod[] = ['x', 'y', 'z'].flatMap((namespace, i) =>
  ['a', 'b', 'c'].map((pod, j) => ({
    namespace,
    name: pod,
    labels: { pod },
    addresses: [`10.42.${i}.${j}`],
    ports: http,
  })),
)
const NAMESPACES = { x: { ns: 'x' }, y: { ns: 'y' }, z: { ns: 'z' } }

/** Nine pods, x/a to z/c, open to each other where no policy speaks. */
export function worldWith(...objects: readonly object[]): World {
  const policies = Object.fromEntries(
    objects.map((object) => {
      const { metadata, spec } = parseResource(translate(object))
      return [metadata.name, spec]
    }),
  )
  return fakeWorld({ network: { defaultPolicy: 'Allow' }, policies, pods: PODS, namespaces: NAMESPACES })
}
