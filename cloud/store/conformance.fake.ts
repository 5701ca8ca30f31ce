// What every store of the hub must do, run against each of them.

import * as assert from 'uvu/assert'
import { fromUtf8, toBase64, utf8 } from '../../shared/bytes.ts'
import { parseDeviceKey, parseName, parseNetworkId, parseNodeId, parseWgKey } from '../../shared/ids.ts'
import { parseResource } from '../../shared/intent/resource.ts'
import { deltasKeptMax } from '../../shared/limits.ts'
import type { AuditQuery } from '../audit.ts'
import type { KeptCommand } from '../commands/asked.ts'
import type { Stored } from '../hub.ts'
import type { Enrolment, HubStore, Revision, TokenRecord } from './hub-store.ts'

export type Define = (name: string, run: () => void) => void

export const NET = parseNetworkId('netaaaaaaaaa')
const NODE = parseNodeId('nodeaaaaaaaaaaaa')
const key = toBase64(new Uint8Array(32).fill(7))
const name = parseName('alpha')
const network = parseName('default')

export function storedPolicy(policy: string): Stored {
  const resource = parseResource({
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name: policy },
    spec: { subject: { nodeSelector: {} } },
  })
  return { resource, uid: 'u', generation: 1, resourceVersion: '1', createdAt: 5 }
}

export function revision(
  number: number,
  put: Readonly<Record<string, string>>,
  del: readonly string[] = [],
  epoch = 1,
): Revision {
  const bytes = new Map(Object.entries(put).map(([id, text]) => [id, utf8(text)]))
  return { version: { epoch, revision: number }, head: utf8(`head ${epoch}.${number}`), put: bytes, del }
}

/** `head 1.2 | node/a=1@1 node/b=2@2`. */
export function shown(store: HubStore): string {
  const held = store.published(NET)
  if (held === undefined) return 'nothing'
  const records = [...held.records].map(
    ([id, bytes]) => `${id}=${fromUtf8(bytes)}@${held.changedAt.get(id)?.revision ?? '?'}`,
  )
  return `${fromUtf8(held.head)} | ${records.sort().join(' ')}`
}

function defineRevisions(define: Define, open: () => HubStore): void {
  define('a revision is kept whole, and each record with the revision that changed it', () => {
    const store = open()
    assert.is(shown(store), 'nothing')
    store.saveRevision(NET, revision(1, { 'node/a': '1', 'node/b': '1' }))
    store.saveRevision(NET, revision(2, { 'node/b': '2', 'node/c': '2' }, ['node/a']))
    assert.is(shown(store), 'head 1.2 | node/b=2@2 node/c=2@2')
    store.saveRevision(NET, revision(3, { 'node/c': '3' }))
    assert.is(shown(store), 'head 1.3 | node/b=2@2 node/c=3@3')
    store.close()
  })

  define('the steps since a revision come oldest first, of one epoch, and only so many are kept', () => {
    const store = open()
    const last = deltasKeptMax + 3
    for (let n = 1; n <= last; n++) store.saveRevision(NET, revision(n, { 'node/a': String(n) }))
    const numbers = (from: number) =>
      store.revisionsSince(NET, { epoch: 1, revision: from }).map((one) => one.version.revision)
    assert.equal(numbers(last - 2), [last - 1, last])
    assert.equal(numbers(last), [])
    assert.is(numbers(0).length, deltasKeptMax)
    store.saveRevision(NET, revision(1, {}, ['node/a'], 2))
    assert.equal(numbers(last - 2), [])
    assert.equal(store.revisionsSince(NET, { epoch: 2, revision: 0 })[0]?.del, ['node/a'])
    store.close()
  })

  define('a network that is deleted leaves nothing behind', () => {
    const store = open()
    store.putNetwork({ name: network, id: NET, epoch: 1 })
    store.saveRevision(NET, revision(1, { 'node/a': '1' }))
    assert.equal(store.networks(), [{ name: network, id: NET, epoch: 1 }])
    store.deleteNetwork(network, NET)
    assert.equal(store.networks(), [])
    assert.is(store.published(NET), undefined)
    assert.equal(store.revisionsSince(NET, { epoch: 1, revision: 0 }), [])
    store.close()
  })
}

function defineIntent(define: Define, open: () => HubStore): void {
  define('a transaction that throws leaves no trace, also of what is nested in it', () => {
    const store = open()
    store.putValue('v', '1')
    assert.throws(() =>
      store.transaction(() => {
        store.putValue('v', '2')
        store.transaction(() => store.putResource(storedPolicy('p')))
        store.saveRevision(NET, revision(1, { 'node/a': '1' }))
        throw new TypeError('power cut')
      }),
    )
    assert.is(store.value('v'), '1')
    assert.equal(store.resources(), [])
    assert.is(shown(store), 'nothing')
    store.close()
  })

  define('resources, enrolments, addresses and tokens are kept, replaced and deleted', () => {
    const store = open()
    const enrolment: Enrolment = {
      name,
      nodeId: NODE,
      network,
      wgKey: parseWgKey(key),
      deviceKey: parseDeviceKey(key),
      state: 'pending',
      tokenId: 'aaaaaaaa',
      at: 1,
    }
    const token: TokenRecord = {
      id: 'aaaaaaaa',
      secretHash: new Uint8Array(32).fill(3),
      network,
      createdAt: 1,
      expiresAt: 2,
      usesLeft: 1,
      revoked: false,
      labels: { a: 'b' },
      autoApprove: false,
    }
    store.putResource(storedPolicy('p'))
    store.putResource(storedPolicy('a'))
    store.putEnrolment(enrolment)
    store.putEnrolment({ ...enrolment, state: 'approved' })
    store.putAllocation({ network, owner: 'node/alpha', addresses: [] })
    store.putToken(token)
    assert.equal(store.resources(), [storedPolicy('a'), storedPolicy('p')])
    assert.equal(store.enrolments(), [{ ...enrolment, state: 'approved' }])
    assert.equal(store.allocations(), [{ network, owner: 'node/alpha', addresses: [] }])
    assert.equal(store.tokens(), [token])
    store.deleteResource('Policy', 'p')
    store.deleteEnrolment(name)
    store.deleteAllocation(network, 'node/alpha')
    store.deleteToken('aaaaaaaa')
    assert.equal(store.resources(), [storedPolicy('a')])
    assert.equal([...store.enrolments(), ...store.allocations(), ...store.tokens()], [])
    store.close()
  })
}

function defineHistory(define: Define, open: () => HubStore): void {
  define('the last word of a node replaces the one before', () => {
    const store = open()
    store.putLastWords([{ nodeId: NODE, lastSeen: 1, status: utf8('old') }])
    store.putLastWords([{ nodeId: NODE, lastSeen: 2, session: 's', since: 1, fact: utf8('f') }])
    assert.equal(store.lastWords(), [{ nodeId: NODE, lastSeen: 2, session: 's', since: 1, fact: utf8('f') }])
    store.deleteLastWord(NODE)
    assert.equal(store.lastWords(), [])
    store.close()
  })

  define('audit rows come newest first', () => {
    const store = open()
    for (let at = 1; at <= 4; at++) store.putAudit({ at, actor: 'a', verb: 'put', target: 't', detail: '' })
    assert.equal(
      store.audit(2).map((row) => row.at),
      [4, 3],
    )
    store.close()
  })

  define('of the audit, what is asked for, page by page', () => {
    const store = open()
    for (const [at, actor, verb, target, whence] of [
      [1, 'ann', 'put', 'policy/a', 'session 192.0.2.7'],
      [2, 'bob', 'put', 'policy/b', undefined],
      [3, 'ann', 'delete', 'policy/a', undefined],
      [4, 'ann', 'put', "node/'%_", undefined],
    ] as const)
      store.putAudit({ at, actor, verb, target, detail: '', whence })
    const at = (limit: number, query: AuditQuery): number[] => store.audit(limit, query).map((row) => row.at)
    assert.equal(at(9, { actor: 'ann' }), [4, 3, 1])
    assert.equal(at(9, { actor: 'ann', verb: 'put' }), [4, 1])
    assert.equal(at(9, { target: 'policy/a' }), [3, 1])
    assert.equal(at(9, { target: '%' }), [])
    assert.equal(at(9, { target: "node/'%_" }), [4])
    assert.equal(at(9, { since: 2, until: 3 }), [3, 2])
    const [first, second] = store.audit(2)
    assert.equal(at(2, { before: second?.id }), [2, 1])
    assert.ok((first?.id ?? 0) > (second?.id ?? 0))
    const [oldest] = store.audit(1, { until: 1 })
    assert.equal([oldest?.whence, first?.whence], ['session 192.0.2.7', undefined])
    store.close()
  })
}

function defineCommands(define: Define, open: () => HubStore): void {
  const command = (id: string, createdAt: number, change: Partial<KeptCommand['view']> = {}): KeptCommand => ({
    view: {
      id,
      node: parseName('alpha'),
      kind: 'bundle',
      by: 'ann',
      state: 'sent',
      createdAt,
      expiresAt: createdAt + 1,
      ...change,
    },
    nodeId: NODE,
    network: parseName('default'),
    size: 0,
  })

  define('commands come back as they were put, the oldest first, each with its file until that is dropped', () => {
    const store = open()
    store.putCommand(command('b', 2))
    store.putCommand(command('c', 3))
    store.putCommand(command('a', 1, { peer: parseName('beta'), result: { ok: [1, 'two'] } }))
    assert.equal(
      store.commands().map(({ view }) => view.id),
      ['a', 'b', 'c'],
    )
    assert.equal(store.commands()[0], command('a', 1, { peer: parseName('beta'), result: { ok: [1, 'two'] } }))
    const bytes = Uint8Array.of(31, 139, 0, 255)
    store.putCommand(command('b', 2, { state: 'answered' }), bytes)
    store.putCommand(command('b', 2, { state: 'answered', message: 'kept' }))
    assert.equal(
      [store.commandFile('b'), store.commandFile('c'), store.commandFile('x')],
      [bytes, undefined, undefined],
    )
    assert.is(store.commands()[1]?.view.message, 'kept')
    store.dropCommandFile('b')
    store.deleteCommand('c')
    assert.is(store.commandFile('b'), undefined)
    assert.is(store.commands().length, 2)
    store.close()
  })
}

export function defineConformance(define: Define, open: () => HubStore): void {
  defineRevisions(define, open)
  defineIntent(define, open)
  defineHistory(define, open)
  defineCommands(define, open)
}
