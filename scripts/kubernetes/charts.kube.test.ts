// The charts by the real Helm: it has nothing to say of them, refuses values that can’t be meant, and makes the manifests.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChartName, charts } from '../../build/kubernetes/charts.ts'
import { renderings } from '../../build/kubernetes/manifests.ts'
import { settingsSchema } from '../../edge/host/settings.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import { attempt, run } from '../laboratory/command.ts'
import { helmProgram, whyNoHelm } from './helm-program.ts'
import { releaseInto, things } from './released.ts'
import { layChart, manifests, rendered } from './render.ts'

const HUB_URL = 'https://hub.example.org:8443'

const why = whyNoHelm()
if (why === undefined) {
  const directory = mkdtempSync(join(tmpdir(), 'hf-charts-'))
  const helm = await helmProgram()
  const released = releaseInto(directory)
  const env = { PATH: process.env['PATH'] ?? '', HOME: directory }

  test.after(() => rmSync(directory, { recursive: true, force: true }))

  test('Helm finds nothing to say of the charts', async () => {
    for (const name of charts)
      await run(
        [
          helm,
          'lint',
          '--strict',
          '--set',
          `${name === 'holdfast-hub' ? '' : 'hub.'}url=${HUB_URL}${name === 'holdfast-cluster' ? ',key.existingSecret=k' : ''}`,
          released.chart(name),
        ],
        { env },
      )
  })

  test('the raw manifests are what Helm makes of the charts', async () => {
    for (const one of renderings) {
      const path = layChart(one.chart, join(directory, 'laid'))
      const kept = readFileSync(join(manifests, `${one.name}.yaml`), 'utf8')
      assert.is(await rendered(helm, one, path), kept, 'node scripts/kubernetes/render.ts makes them anew')
      // And those of a release, with its version in them, what Helm makes of its packed chart.
      const all = released.read(`holdfast-${one.name}.yaml`)
      const own = all.filter(({ kind }) => kind !== 'Namespace' && kind !== 'CustomResourceDefinition')
      assert.equal(own, things(await rendered(helm, one, released.chart(one.chart))))
    }
  })

  test('values that can’t be meant are refused, and named', async () => {
    const cases: readonly (readonly [ChartName, string, RegExp])[] = [
      ['holdfast-hub', 'url=http://hub.example.org', /url.*does not match/],
      ['holdfast-hub', 'replicass=2', /additional properties 'replicass'/],
      ['holdfast-hub', 'service.type=ExternalName', /service\/type/],
      ['holdfast-hub', 'service.port=70000', /service\/port/],
      ['holdfast-hub', 'names[0]=a b', /names\/0/],
      ['holdfast-hub', 'cluster.name=Has_Case', /cluster\/name/],
      ['holdfast-hub', 'replicas=0', /replicas/],
      ['holdfast-hub', 'formerVolume=data', /replicas/],
      ['holdfast-hub', 'image.digest=sha256:12', /image\/digest/],
      ['holdfast-cluster', 'hub.url=', /hub\.url is needed/],
      ['holdfast-cluster', 'key.existingSecret=', /key\.existingSecret is needed/],
      ['holdfast-cluster', 'key.word=hfc1', /additional properties 'word'/],
      ['holdfast-agent', 'join.token=secret', /join\/token/],
      ['holdfast-agent', 'hub.url=', /hub\.url is needed/],
      ['holdfast-agent', 'setClock=perhaps', /setClock/],
      ['holdfast-agent', 'stateDir=var', /stateDir/],
      ['holdfast-agent', 'pods.from=http://10.0.0.1:8080', /pods\/from/],
    ]
    const url = `hub.url=${HUB_URL},`
    const needed = { 'holdfast-hub': '', 'holdfast-agent': url, 'holdfast-cluster': `${url}key.existingSecret=k,` }
    for (const [chart, set, said] of cases) {
      const words = ['template', 'x', released.chart(chart), '--set', `${needed[chart]}${set}`]
      const { code, stderr } = await attempt([helm, ...words], { env })
      assert.is.not(code, 0, set)
      assert.match(stderr.replaceAll('\n', ' '), said, set)
    }
  })

  for (const [name, setting, sign] of [
    ['holdfast-hub', 'cluster.nodeLabels=true', 'nodeLabels: true'],
    ['holdfast-cluster', 'nodeLabels=true', '--node-labels'],
  ] as const) {
    test(`only who asks ${name} for labels on Nodes gives it the right to patch them`, async () => {
      const needed = name === 'holdfast-hub' ? [] : ['--set', `hub.url=${HUB_URL}`, '--set', 'key.existingSecret=key']
      const made = async (...words: readonly string[]): Promise<string> =>
        await run([helm, 'template', 'x', released.chart(name), ...needed, ...words], { env })
      const rightOf = (text: string): readonly unknown[] =>
        things(text)
          .filter(({ kind }) => kind === 'ClusterRole')
          .filter((role) => JSON.stringify(role).includes('{"apiGroups":[""],"resources":["nodes"],"verbs":["patch"]}'))
      const [without, asked] = [await made(), await made('--set', setting)]
      assert.equal([rightOf(without).length, rightOf(asked).length], [0, 1])
      assert.equal(
        [without, asked].map((text) => text.includes(sign)),
        [false, true],
      )
    })
  }

  test('the agent takes the settings that a chart gives it', async () => {
    const values = { hub: { url: HUB_URL }, settings: { metered: true, interface: 'hf7' }, setClock: true }
    const words = ['template', 'x', released.chart('holdfast-agent'), '-f', '-']
    const made = things(await run([helm, ...words], { input: JSON.stringify(values), env }))
    const text = made.find(({ kind }) => kind === 'ConfigMap')?.data?.['agent.yaml'] ?? ''
    const settings = parseConfig(settingsSchema, text)
    assert.is(settings.interface, 'hf7')
    assert.is(settings.metered, true)
    assert.is(settings.setClock, true)
    assert.match(JSON.stringify(made.find(({ kind }) => kind === 'DaemonSet')), 'SYS_TIME')
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
