// `holdfast policy whatif` and `suggest` as a person calls them, beside an agent that has flows on record.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { History } from '../../shared/flows/history.ts'
import type { Replay } from '../../shared/flows/replay.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { record, withRecord } from './recorded.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

test('whatif: what would be refused, by which rule, and what the record does not tell', async () => {
  const asked = await withRecord([record()], async (call, state) => {
    const file = join(state, 'policy.yaml')
    writeFileSync(
      file,
      'apiVersion: holdfast.dev/v1alpha1\nkind: Policy\nmetadata: {name: web}\nspec: {subject: {node: web}, ingress: []}\n',
    )
    const { code, notes, out } = await call('policy', 'whatif', file)
    assert.is(code, 0, notes)
    assert.match(
      out,
      /refused +shop \(role=shop\) +web \(role=web\) +TCP 443 +1 +1 +11 .* web ingress\[0\], Standard +no rule of web, ingress/,
    )
    assert.match(out, 'flows that would be refused: 1, of which answered: 1; let through: 0; as before: 0')
    assert.match(notes, /not on record, 2 times from .*: an unknown number of packets; the agent was not running/)
    assert.match(notes, /the record begins at/)
    assert.is((await call('policy', 'whatif', file, '--fail-on', 'loss')).code, 1)
    const { changes } = JSON.parse((await call('policy', 'whatif', '--delete', 'web', '--json')).out) as Replay
    assert.equal(
      changes.map(({ kind, was, would }) => [kind, was.reason.kind, would.reason.kind]),
      [['lost', 'rule', 'default']],
    )
  })
  assert.equal(
    asked.slice(0, 2).map(({ beforeSeq }) => beforeSeq),
    [undefined, 2],
  )
  const ageMs = systemClock.now() - (asked[0]?.sinceMs ?? 0)
  assert.ok(Math.abs(ageMs - 7 * 86_400_000) < 60_000)
})

test('whatif: a change that loses nothing fails only where any change is to', async () => {
  await withRecord([record()], async (call, state) => {
    const file = join(state, 'policy.yaml')
    writeFileSync(
      file,
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: y}\nspec: {podSelector: {}}\n',
    )
    const { code, out } = await call('policy', 'whatif', file, '--fail-on', 'change')
    assert.equal(
      [code, out],
      [0, 'flows that would be refused: 0, of which answered: 0; let through: 0; as before: 1\n'],
    )
  })
})

test('whatif: bad files are refused by the field, and nobody is asked', async () => {
  const asked = await withRecord([], async (call, state) => {
    const file = join(state, 'policy.yaml')
    const tried = async (text: string): Promise<string> => {
      writeFileSync(file, text)
      const { code, notes } = await call('policy', 'whatif', file)
      assert.is(code, 1)
      return notes
    }
    const policy = 'apiVersion: holdfast.dev/v1alpha1\nkind: Policy\nmetadata: {name: x}\n'
    assert.match(
      await tried(`${policy}spec: {subject: {node: web}, ingress: [{ports: [{prot: 80}]}]}\n`),
      /spec\.ingress\[0\]\.ports\[0\]\.prot/,
    )
    assert.match(
      await tried('apiVersion: holdfast.dev/v1alpha1\nkind: Node\nmetadata: {name: x}\nspec: {}\n'),
      'Node/x is no Policy',
    )
    assert.match(await tried('nonsense: ['), 'YAML')
    assert.is((await call('policy', 'whatif')).code, 2)
    assert.match((await call('policy', 'whatif', join(state, 'missing'))).notes, 'cannot read')
    assert.is((await call('policy', 'whatif', file, '--since', 'x')).code, 2)
  })
  assert.equal(asked, [])
})

test('whatif: the ports of a scan are one line for people, and each their own for programs', async () => {
  const probes = Array.from({ length: 20 }, (_, n) =>
    record({ destinationPort: n + 1, sent: { packets: 1, bytes: 60 }, back: { packets: 1, bytes: 40 } }),
  )
  const wide = { subject: { node: 'web' }, ingress: [{}] }
  await withRecord(
    probes,
    async (call) => {
      const { notes, out } = await call('policy', 'whatif', '--delete', 'wide')
      assert.match(out, /TCP, 20 ports, 1 to 20 +20 +0 +40 /)
      assert.is(out.split('\n').length, 4)
      assert.match(notes, 'taken for a scan: shop tried 20 ports at web')
      const { changes } = JSON.parse((await call('policy', 'whatif', '--delete', 'wide', '--json')).out) as Replay
      assert.is(changes.length, 20)
    },
    { wide },
  )
})

test('whatif: what is so already today is counted, and no line', async () => {
  await withRecord([record({ destinationPort: 80 })], async (call) => {
    const { out } = await call('policy', 'whatif', '--delete', 'web')
    assert.match(out, /^flows that would be refused: 0, .*; decided otherwise than then, as they are today: 1\n$/)
  })
})

test('whatif: a policy that is not there can’t be deleted; one of another network is left out', async () => {
  await withRecord([record()], async (call, state) => {
    assert.match((await call('policy', 'whatif', '--delete', 'x')).notes, 'There are: web')
    const file = join(state, 'policy.yaml')
    writeFileSync(
      file,
      'apiVersion: holdfast.dev/v1alpha1\nkind: Policy\nmetadata: {name: web}\nspec: {network: other, subject: {node: web}}\n',
    )
    const { notes, out } = await call('policy', 'whatif', file)
    assert.match(notes, 'policy web is of network other')
    assert.match(out, /^flows that would be refused: 0/)
    const policy = (spec: string): string =>
      `apiVersion: holdfast.dev/v1alpha1\nkind: Policy\nmetadata: {name: x}\nspec: ${spec}\n`
    writeFileSync(file, policy('{mode: Audit, subject: {nodeSelector: {matchLabels: {role: nothing}}}}'))
    const told = (await call('policy', 'whatif', file)).notes
    assert.match(told, 'policy x speaks of nobody who is known here')
    assert.match(told, 'policy x is in Audit mode')
    writeFileSync(file, policy('{subject: {node: web}, ingress: [{ports: [{port: https}]}]}'))
    assert.match((await call('policy', 'whatif', file)).notes, 'policy x, ingress[0]: a named port: means nothing here')
  })
})

test('suggest: what it prints is read again, and loses nothing', async () => {
  await withRecord(
    [record(), record({ sourcePort: 41_000, destinationPort: 80, back: { packets: 0, bytes: 0 } })],
    async (call, state) => {
      const { code, notes, out } = await call('policy', 'suggest', '--since', '1h')
      assert.is(code, 0, notes)
      assert.match(out, /# Not learned from 1 accepted flows: nobody answered/)
      assert.match(
        out,
        /# 1 flows, first .*, from shop\n {4}- from:\n {8}- nodeSelector:\n {12}matchLabels:\n {14}role: shop\n/,
      )
      const file = join(state, 'least.yaml')
      writeFileSync(file, out)
      const { changes } = JSON.parse((await call('policy', 'whatif', file, '--delete', 'web', '--json')).out) as Replay
      assert.equal(
        changes.map(({ answered, already, port }) => [port, answered, already]),
        [[80, 0, true]],
      )
      const { policy } = JSON.parse((await call('policy', 'suggest', '-o', 'json')).out) as {
        policy: { metadata: object }
      }
      assert.equal(policy.metadata, { name: 'suggested-web' })
      assert.match(
        (await call('policy', 'suggest', '--by', 'role', '--name', 'by-role')).out,
        /name: by-role[^]*matchLabels:\n {8}role: web/,
      )
      assert.is((await call('policy', 'suggest', '--name', 'No Name')).code, 1)
    },
  )
})

test('explain: how such flows fare on record, since which revision, and how before', async () => {
  const drop = { verdict: 'drop', destinationPort: 81, back: { packets: 0, bytes: 0 } } as const
  const denied = record({ ...drop, reason: { kind: 'isolated', direction: 'ingress', policies: ['web'] } })
  await withRecord([record(), denied], async (call) => {
    const { code, notes, out } = await call('policy', 'explain', 'shop', 'web', '443')
    assert.is(code, 0, notes)
    assert.match(out, /into web: accepted by ingress\[0\] of policy web, tier Standard\n/)
    assert.match(
      out,
      /on record on this node: last seen .*Z, (?:60s|1m) ago, accepted: web ingress\[0\], Standard\n {2}so since .* revision 7: 1 flow, 11 packets\n/,
    )
    assert.match(out, /policy web has decided on this node since .* ago, or longer\n$/)
    // The same by the shorter word, which asks of a path where there is one name alone.
    assert.is((await call('explain', 'shop', 'web', '443')).out, out)
    assert.is((await call('explain', 'shop', 'web')).code, 2)
    assert.match((await call('explain', 'shop', 'web', '81')).out, /refused: no rule of web, ingress/)
    assert.match((await call('explain', 'shop', 'web', '82')).out, /not on record on this node, since /)
    const { record: told } = JSON.parse((await call('explain', 'shop', 'web', '81', '--json')).out) as {
      record: History
    }
    assert.equal(
      told.spans.map(({ flows, verdict }) => [verdict, flows]),
      [['drop', 1]],
    )
  })
})

test('audit: what a policy in Audit mode would refuse or let through, and nothing else', async () => {
  const drop = { verdict: 'drop', back: { packets: 0, bytes: 0 } } as const
  const reason = { kind: 'isolated', direction: 'ingress', policies: ['web'] } as const
  const denied = record({ ...drop, destinationPort: 81, reason: { ...reason, policies: [...reason.policies] } })
  // Passed once, and is refused today already.
  const past = record({ destinationPort: 82 })
  const rules = [
    { ports: [{ port: 443 }], action: 'Deny' },
    { ports: [{ port: 81 }], action: 'Accept' },
  ]
  const strict = { mode: 'Audit', tier: 'Admin', subject: { node: 'web' }, ingress: rules }
  await withRecord(
    [record(), denied, past],
    async (call) => {
      const { code, notes, out } = await call('policy', 'audit')
      assert.is(code, 0)
      assert.match(notes, 'in Audit mode: strict')
      assert.match(out, /refused .* TCP 443 .* web ingress\[0\], Standard +strict ingress\[0\], Admin\n/)
      assert.match(out, /let through .* TCP 81 .* no rule of web, ingress +strict ingress\[1\], Admin\n/)
      const { changes, policies } = JSON.parse((await call('policy', 'audit', '--json')).out) as Replay & {
        policies: object
      }
      assert.equal([changes.length, policies], [2, ['strict']])
    },
    { strict },
  )
  await withRecord([record()], async (call) =>
    assert.match((await call('policy', 'audit')).notes, 'no policy is in Audit mode'),
  )
})

test('suggest: nothing is made of nothing', async () => {
  await withRecord([], async (call) => {
    const { code, notes } = await call('policy', 'suggest')
    assert.is(code, 1)
    assert.match(notes, 'nothing to learn from')
  })
})

test.run()
