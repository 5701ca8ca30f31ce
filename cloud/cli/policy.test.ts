// Policies asked on the command line, before and after they are applied; policies in the words of Kubernetes.

import { writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { scratch } from '../broker/broker.fake.ts'
import { type Server, startServer } from '../serve/server.ts'
import { resolveSettings } from '../serve/settings.ts'
import { run } from './run.ts'

const cli = suite('holdfast-hub policy')
const directory = scratch('hf-cli-policy-')
const data = `${directory.path}/data`
let server: Server

async function say(
  words: string,
  input = '',
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const said = { out: '', err: '' }
  const code = await run(words.split(' '), {
    env: { HOLDFAST_HUB_DATA: data },
    color: false,
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    readInput: async () => input,
  })
  return { code, ...said }
}

async function good(words: string, input?: string): Promise<string> {
  const said = await say(words, input)
  assert.is(said.code, 0, said.err)
  return said.out
}

const till = `apiVersion: holdfast.dev/v1alpha1
kind: Policy
metadata: {name: till}
spec:
  subject: {nodeSelector: {}}
  tier: Admin
  ingress:
    - ports: [{port: 4711}]
`

cli.before(async () => {
  server = await startServer(resolveSettings({}, { data, listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' }, false), {
    clock: systemClock,
    entropy: systemEntropy,
    log: memoryLog(),
  })
  await good(`apply -f ${new URL('../../examples/fleet.yaml', import.meta.url).pathname}`)
})
cli.after(async () => {
  await server.stop()
  directory.remove()
})

cli(
  'policies are asked before they are applied: who may reach whom, by which rule, and whether what must hold does',
  async () => {
    const node = (name: string, address: string): string =>
      `apiVersion: holdfast.dev/v1alpha1\nkind: Node\nmetadata: {name: ${name}}\nspec: {labels: {role: ${name}}, addresses: [${address}]}\n---\n`
    await good('apply -f -', `${node('till-1', '100.80.9.1')}${node('till-2', '100.80.9.2')}`)
    const file = `${directory.path}/assert.yaml`
    writeFileSync(file, 'assertions: [{from: till-1, mustReach: "till-2:4711", mustNotReach: "till-2:4712"}]\n')
    const refused = await say(`policy test ${file}`)
    assert.is(refused.code, 1)
    assert.match(
      refused.out,
      /till-1 \(100\.80\.9\.1\) → till-2 \(100\.80\.9\.2\), TCP 4711: must reach it, and does not/,
    )
    assert.match(refused.err, /1 of 2 pairs/)
    assert.match(await good(`policy test ${file} -f -`, till), /all as asserted: 2 pairs/)
    assert.match(
      await good('policy explain till-1 till-2 4711 -f -', till),
      /: accepted\n.*\n {2}into till-2: accepted by ingress\[0\] of policy till, tier Admin/,
    )
    const { items } = JSON.parse(await good('policy explain till-1 till-2 4711 --json')) as {
      items: { decision: { verdict: string } }[]
    }
    assert.is(items[0]?.decision.verdict, 'drop')
    assert.match((await say('policy explain till-1 nobody 1')).err, /"nobody" is no node and no pod/)
    assert.match((await say(`policy test ${file} --network other`)).err, /no network "other"/)
    for (const name of ['till-1', 'till-2']) await good(`delete node ${name}`)
  },
)

cli('objects of Kubernetes are applied as policies', async () => {
  const object = `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: shop}\nspec:\n  podSelector: {}\n`
  const { code, err, out } = await say('apply -f -', object)
  assert.is(code, 0)
  assert.match(out, /Policy\/np--shop--web applied/)
  assert.match(err, /mind: Policy\/np--shop--web speaks of pods/)
  assert.match(
    await good('get policy np--shop--web -o yaml'),
    /holdfast\.dev\/source: networking\.k8s\.io\/v1 NetworkPolicy shop\/web/,
  )
  assert.match((await say('apply -f -', `${object}  extra: 1\n`)).err, /spec\.extra: is not a known field \(line 6\)/)
  await good('delete policy np--shop--web')
})

cli('the example’s promises hold for the example’s policies', async () => {
  const node = (name: string, site: string, role: string, address: string): string =>
    `apiVersion: holdfast.dev/v1alpha1\nkind: Node\nmetadata: {name: ${name}}\nspec: {labels: {site: ${site}, role: ${role}}, addresses: [${address}]}\n---\n`
  const nodes = node('alpha-1', 'alpha', 'gateway', '100.80.8.1') + node('beta-2', 'beta', 'worker', '100.80.8.2')
  const example = new URL('../../examples/tests/policy-test.yaml', import.meta.url).pathname
  assert.match(await good(`policy test ${example} -f -`, nodes), /all as asserted/)
})

cli.run()
