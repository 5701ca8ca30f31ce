// An API server of pods and namespaces in memory, with pages, watches, bookmarks and a history that it forgets; or one with the
// manners of KubeEdge's MetaServer, which knows no pages and sends no bookmarks.

import { HoldfastError } from '../../shared/errors.ts'
import type { ClusterAnswer, ClusterDoor, ClusterWatch, WatchEvents } from './doors.ts'

interface Stored {
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

interface Open {
  readonly resource: string
  readonly onLine: (line: string) => void
  readonly end: PromiseWithResolvers<ClusterAnswer | undefined>
}

export interface FakeClusterOptions {
  /** As KubeEdge's MetaServer. */
  readonly meta?: true
}

export class FakeCluster implements ClusterDoor {
  readonly asked: string[] = []
  readonly #kinds = new Map<string, Map<string, Stored>>([
    ['pods', new Map()],
    ['namespaces', new Map()],
  ])
  readonly #watches = new Set<Open>()
  readonly #history: { readonly version: number; readonly resource: string; readonly line: string }[] = []
  readonly #meta: boolean
  #version = 100
  /** What is answered in place of what was asked for. */
  refusal: ClusterAnswer | undefined
  away = false

  constructor({ meta }: FakeClusterOptions = {}) {
    this.#meta = meta === true
  }

  get watching(): number {
    return this.#watches.size
  }

  put(resource: 'pods' | 'namespaces', ...objects: readonly Stored[]): void {
    for (const object of objects) {
      const kind = this.#kinds.get(resource)
      const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`
      const type = kind?.has(key) === true ? 'MODIFIED' : 'ADDED'
      kind?.set(key, object)
      this.#tell(resource, type, object)
    }
  }

  remove(resource: 'pods' | 'namespaces', name: string, namespace = ''): void {
    const held = this.#kinds.get(resource)?.get(`${namespace}/${name}`)
    this.#kinds.get(resource)?.delete(`${namespace}/${name}`)
    if (held !== undefined) this.#tell(resource, 'DELETED', held)
  }

  bookmark(): void {
    if (this.#meta) return
    for (const { onLine } of this.#watches)
      onLine(JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version) } } }))
  }

  /** Any line, to all who watch. */
  say(line: string): void {
    for (const watch of this.#watches) this.#hand(watch, line)
  }

  /** Ends all watches: in order, or as a connection that breaks. */
  endWatches(broken = false): void {
    for (const watch of this.#watches) {
      this.#watches.delete(watch)
      if (broken) watch.end.reject(new HoldfastError('unreachable', 'the connection broke'))
      else watch.end.resolve(undefined)
    }
  }

  /** What happened so far can't be watched from any more. */
  forget(): void {
    this.#history.length = 0
    this.#version += 1_000
  }

  async get(path: string): Promise<ClusterAnswer> {
    this.asked.push(path)
    this.#refuseIfAway()
    if (this.refusal !== undefined) return this.refusal
    const { query, resource } = read(path)
    const all = [...(this.#kinds.get(resource)?.values() ?? [])]
    const from = Number(query.get('continue') ?? 0)
    const limit = this.#meta ? Number.POSITIVE_INFINITY : Number(query.get('limit') ?? Number.POSITIVE_INFINITY)
    const more = from + limit < all.length ? { continue: String(from + limit) } : {}
    const metadata = { resourceVersion: String(this.#version), ...more }
    return { status: 200, body: JSON.stringify({ metadata, items: all.slice(from, from + limit) }) }
  }

  watch(path: string, { onLine, onOpen }: WatchEvents): ClusterWatch {
    this.asked.push(path)
    const end = Promise.withResolvers<ClusterAnswer | undefined>()
    try {
      this.#refuseIfAway()
      const { query, resource } = read(path)
      const version = Number(query.get('resourceVersion') ?? 0)
      if (this.refusal !== undefined) end.resolve(this.refusal)
      else if (version < (this.#history[0]?.version ?? this.#version) - 1) end.resolve({ status: 410, body: 'too old' })
      else {
        const opened = { resource, onLine, end }
        this.#watches.add(opened)
        onOpen()
        for (const one of this.#history) {
          if (one.resource === resource && one.version > version) this.#hand(opened, one.line)
        }
      }
    } catch (error) {
      end.reject(error)
    }
    return { ended: end.promise }
  }

  close(): void {
    this.endWatches()
  }

  #refuseIfAway(): void {
    if (this.away) throw new HoldfastError('unreachable', 'nobody listens')
  }

  #tell(resource: string, type: string, object: Stored): void {
    this.#version += 1
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) }
    const line = JSON.stringify({ type, object: { ...object, metadata } })
    this.#history.push({ version: this.#version, resource, line })
    for (const watch of this.#watches) if (watch.resource === resource) this.#hand(watch, line)
  }

  #hand(watch: Open, line: string): void {
    try {
      watch.onLine(line)
    } catch (error) {
      this.#watches.delete(watch)
      watch.end.reject(error)
    }
  }
}

function read(path: string): { readonly resource: string; readonly query: URLSearchParams } {
  const url = new URL(path, 'http://cluster')
  return { resource: url.pathname.split('/').at(-1) ?? '', query: url.searchParams }
}

export interface FakePodOptions {
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly more?: object
  readonly spec?: object
  readonly status?: object
}

/** As an API server writes it. */
export function fakePod(
  name: string,
  ip: string,
  { labels, more, namespace = 'shop', spec, status }: FakePodOptions = {},
) {
  return {
    metadata: { name, namespace, labels: labels ?? { app: name }, ...more },
    spec: { containers: [{ name: 'main', ports: [{ containerPort: 80 }] }], ...spec },
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], ...status },
  }
}
