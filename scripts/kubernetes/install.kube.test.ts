// What people install by: charts by the real Helm, and manifests by kubectl, at a real API server with its PodSecurity; and what
// the accounts in them may do, the hub running as its own.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { charts } from '../../build/kubernetes/charts.ts'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { apiVersion } from '../../shared/intent/resource.ts'
import { attempt, run } from '../laboratory/command.ts'
import { startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { helmProgram, whyNoHelm } from './helm-program.ts'
import { type Body, until } from './hub-in-cluster.ts'
import { k3sDefinitions } from './k3s-definitions.ts'
import { mcsDefinitions, mcsGroup } from './mcs-definitions.ts'
import { releaseInto, type Thing } from './released.ts'

const root = resolve(import.meta.dirname, '../..')

interface Slice {
  readonly endpoints: readonly { readonly addresses: readonly string[]; readonly nodeName?: string }[]
  readonly ports: readonly { readonly name: string }[]
}

interface Ports {
  readonly spec: { readonly ports: readonly { readonly name: string }[] }
}

const namesOf = ({ spec }: Ports): readonly string[] => spec.ports.map(({ name }) => name)

const why = whyNoApiServer() ?? whyNoHelm()
if (why === undefined) {
  const directory = mkdtempSync(join(tmpdir(), 'hf-install-'))
  const [helm, api] = await Promise.all([helmProgram(), startApiServer()])
  const released = releaseInto(directory)
  const env = { PATH: process.env['PATH'] ?? '', HOME: directory, KUBECONFIG: api.kubeconfig }

  const kubectl = (words: readonly string[], input = ''): Promise<string> => run(['kubectl', ...words], { input, env })
  /** Of a pod made of the template in a workload: what the API server says of it. */
  const admitted = (workload: Thing | undefined, namespace: string): Promise<{ code: number; stderr: string }> => {
    const { metadata, spec } = workload?.spec.template ?? { metadata: {}, spec: {} }
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'tried' }, spec }
    const words = ['create', '--dry-run=server', '--validate=strict', '-n', namespace, '-f', '-']
    return attempt(['kubectl', ...words], { input: JSON.stringify(pod), env })
  }
  const workload = (name: string): Thing | undefined =>
    released.read(name).find(({ kind }) => /^(?:Deployment|DaemonSet)$/.test(kind))
  const mayDo = async (account: string, words: readonly string[]): Promise<boolean> => {
    const as = ['auth', 'can-i', '-q', '--as', `system:serviceaccount:${account}`]
    return (await attempt(['kubectl', ...as, ...words], { env })).code === 0
  }

  test.after(async () => {
    await api.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  test('Helm installs, upgrades and uninstalls a hub, and installs it again: the definitions stay', async () => {
    const place = ['-n', 'by-helm', '--kubeconfig', api.kubeconfig]
    await run([helm, 'install', 'holdfast-hub', released.chart('holdfast-hub'), ...place, '--create-namespace'], {
      env,
    })
    const set = ['--set', 'url=https://hub.example.org:8443,service.type=LoadBalancer,otlp.endpoint=http://otlp:4318']
    await run([helm, 'upgrade', 'holdfast-hub', released.chart('holdfast-hub'), ...place, ...set], { env })
    assert.match(await kubectl(['get', 'service', 'holdfast-hub', '-n', 'by-helm', '-o', 'yaml']), 'type: LoadBalancer')
    const known = await kubectl(['get', 'crds', '-o', 'json'])
    const specs = new Map((parse(known) as { items: readonly Thing[] }).items.map((one) => [one.metadata.name, one]))
    for (const one of customResourceDefinitions() as unknown as readonly Thing[]) {
      const there = specs.get(one.metadata.name)
      assert.is(there?.metadata.annotations?.['helm.sh/resource-policy'], 'keep')
      assert.is(there?.metadata.labels?.['app.kubernetes.io/name'], 'holdfast-hub')
    }
    await run([helm, 'uninstall', 'holdfast-hub', ...place], { env })
    assert.match(await kubectl(['get', 'crds', '-o', 'name']), 'policies.holdfast.dev')
    const left = await kubectl(['get', 'all,lease,secret,sa,cm,pdb,netpol', '-n', 'by-helm', '-o', 'name'])
    assert.not.match(left, 'holdfast')
    assert.is((await attempt(['kubectl', 'get', 'clusterrole', 'holdfast-hub'], { env })).code, 1)
    await run([helm, 'install', 'holdfast-hub', released.chart('holdfast-hub'), ...place], { env })
    await run([helm, 'uninstall', 'holdfast-hub', ...place], { env })
  })

  test('kubectl applies the raw manifests, strictly, and the second time changes nothing', async () => {
    for (const name of ['hub', 'agent', 'kubeedge', 'cluster']) {
      const words = [
        'apply',
        '--server-side',
        '--force-conflicts',
        '--validate=strict',
        '-f',
        released.path(`holdfast-${name}.yaml`),
      ]
      await kubectl(words)
      const versions = async (): Promise<string> =>
        kubectl([
          'get',
          '-f',
          released.path(`holdfast-${name}.yaml`),
          '-o',
          'jsonpath={.items[*].metadata.resourceVersion}',
        ])
      await until('the API server has looked at it', async () => {
        const before = await versions()
        await kubectl(words)
        return (await versions()) === before ? true : undefined
      })
    }
  })

  test('every object says whose it is', () => {
    for (const name of ['hub', 'agent', 'kubeedge', 'cluster']) {
      for (const { kind, metadata } of released.read(`holdfast-${name}.yaml`)) {
        if (kind === 'CustomResourceDefinition') continue
        assert.is(metadata.labels?.['app.kubernetes.io/part-of'], 'holdfast', `${kind} ${metadata.name}`)
      }
    }
  })

  test('k3s takes the charts as files: the very bytes, by its own definition', async () => {
    for (const text of await k3sDefinitions()) await kubectl(['apply', '--server-side', '-f', '-'], text)
    for (const chart of charts) {
      const file = released.path(`${chart}-k3s.yaml`)
      await until('the kind is served', async () =>
        (
          await attempt(['kubectl', 'apply', '--server-side', '--force-conflicts', '--validate=strict', '-f', file], {
            env,
          })
        ).code === 0
          ? true
          : undefined,
      )
      const content =
        released.read(`${chart}-k3s.yaml`).find(({ kind }) => kind === 'HelmChart')?.spec.chartContent ?? ''
      assert.equal(Buffer.from(content, 'base64'), readFileSync(released.chart(chart)))
    }
  })

  test('the values that the docs give a k3s site are taken, by k3s and by the chart', async () => {
    const doc = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8')
    const example = /^```\n(apiVersion: helm\.cattle\.io\/v1\n[^`]+)^```/m.exec(doc)?.[1] ?? ''
    await kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], example)
    const { spec } = parse(example) as { readonly spec: { readonly valuesContent: string } }
    const words = ['template', 'holdfast-agent', released.chart('holdfast-agent'), '-f', '-']
    assert.match(await run([helm, ...words], { input: spec.valuesContent, env }), 'site=north')
  })

  test('pods of hub and cluster are let in by the strictest profile; the agent’s only by the widest, and what it asks for is known', async () => {
    const hub = await admitted(workload('holdfast-hub.yaml'), 'holdfast')
    assert.is(hub.code, 0, hub.stderr)
    assert.not.match(hub.stderr, 'Warning')
    const cluster = await admitted(workload('holdfast-cluster.yaml'), 'holdfast-cluster')
    assert.equal([cluster.code, /Warning/.test(cluster.stderr)], [0, false], cluster.stderr)
    for (const name of ['agent', 'kubeedge']) {
      const agent = workload(`holdfast-${name}.yaml`)
      assert.is((await admitted(agent, 'holdfast-agent')).code, 0)
      await kubectl(['label', '--overwrite', 'namespace', 'by-helm', 'pod-security.kubernetes.io/enforce=baseline'])
      const { code, stderr } = await admitted(agent, 'by-helm')
      assert.is(code, 1)
      assert.match(stderr, /host namespaces/)
      assert.match(stderr, /hostPath volumes/)
      assert.match(stderr, /non-default capabilities/)
      assert.not.match(stderr, /privileged/)
    }
  })

  test('accounts may do what they need, and nothing else', async () => {
    // A right is asked for by the name of a kind that is served.
    for (const one of mcsDefinitions) await kubectl(['apply', '-f', '-'], JSON.stringify(one))
    const kinds = ['serviceexports', 'serviceimports'].map((kind) => `crd/${kind}.${mcsGroup}`)
    await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...kinds])
    const [hub, cluster] = ['holdfast:holdfast-hub', 'holdfast-cluster:holdfast-cluster']
    const cases: readonly (readonly [string, string, boolean])[] = [
      [hub, 'list policies.holdfast.dev', true],
      [hub, 'watch nodes.holdfast.dev', true],
      [hub, 'patch networks.holdfast.dev --subresource=status', true],
      [hub, 'watch networkpolicies.networking.k8s.io -A', true],
      [hub, 'update policies.holdfast.dev', false],
      [hub, 'delete nodes.holdfast.dev', false],
      [hub, 'patch nodes', false],
      [hub, 'create serviceimports.multicluster.x-k8s.io -n default', true],
      [hub, 'patch serviceimports.multicluster.x-k8s.io --subresource=status -n default', true],
      [hub, 'update serviceexports.multicluster.x-k8s.io -n default', false],
      [hub, 'delete namespaces', false],
      [hub, 'delete networkpolicies.networking.k8s.io -A', false],
      [hub, 'update leases/holdfast-hub -n holdfast', true],
      [hub, 'update leases/another -n holdfast', false],
      [hub, 'update leases/holdfast-hub -n kube-system', false],
      [hub, 'delete secrets -n holdfast', true],
      [hub, 'patch endpointslices/holdfast-hub-leader -n holdfast', true],
      [hub, 'patch endpointslices/another -n holdfast', false],
      [hub, 'get secrets -A', false],
      [hub, 'get secrets -n kube-system', false],
      [hub, 'create pods -n holdfast', false],
      [hub, 'create pods --subresource=exec -n holdfast', false],
      [hub, 'create serviceaccounts --subresource=token -n holdfast', false],
      [hub, 'escalate clusterroles', false],
      [hub, 'impersonate users', false],
      ['holdfast-agent:holdfast-agent', 'watch pods -A', true],
      ['holdfast-agent:holdfast-agent', 'delete pods -A', false],
      ['holdfast-agent:holdfast-agent', 'list secrets -A', false],
      ['holdfast-agent:holdfast-agent', 'create pods -n holdfast-agent', false],
      ['holdfast-agent:holdfast-agent', 'list policies.holdfast.dev', false],
      ['holdfast-agent:holdfast-agent', 'watch pods -A', true],
      ['holdfast-agent:holdfast-agent', 'list namespaces', true],
      ['holdfast-agent:holdfast-agent', 'get nodes', false],
      ['holdfast-agent:holdfast-edge', 'list pods -A', false],
      ['holdfast-agent:default', 'list pods', false],
      [cluster, 'patch policies.holdfast.dev --subresource=status', true],
      [cluster, 'get namespaces/kube-system', true],
      [cluster, 'get namespaces/default', false],
      [cluster, 'get secrets -n holdfast-cluster', false],
      [cluster, 'patch serviceimports.multicluster.x-k8s.io --subresource=status', true],
      [cluster, 'delete serviceimports.multicluster.x-k8s.io -n default', true],
      [cluster, 'delete serviceexports.multicluster.x-k8s.io -n default', false],
      [cluster, 'watch namespaces', true],
      [cluster, 'patch namespaces', false],
      [cluster, 'patch nodes', false],
      [cluster, 'delete nodes.holdfast.dev', false],
    ]
    for (const [account, words, expected] of cases)
      assert.is(await mayDo(account, words.split(' ')), expected, `${account}: ${words}`)
  })

  test('the hub runs as its account, by the settings of its ConfigMap', async () => {
    const token = (await kubectl(['create', 'token', 'holdfast-hub', '-n', 'holdfast'])).trim()
    const place = join(directory, 'hub')
    mkdirSync(place)
    const config = parse(readFileSync(api.hubKubeconfig, 'utf8')) as { users: readonly object[] }
    const kubeconfig = join(place, 'kubeconfig')
    writeFileSync(kubeconfig, JSON.stringify({ ...config, users: [{ name: 'admin', user: { token } }] }), {
      mode: 0o600,
    })
    const settings = await kubectl([
      'get',
      'configmap',
      'holdfast-hub',
      '-n',
      'holdfast',
      '-o',
      'jsonpath={.data.hub\\.yaml}',
    ])
    writeFileSync(join(place, 'hub.yaml'), settings)
    const ports = ['--listen', '127.0.0.1:0', '--mqtt', '127.0.0.1:0']
    const words = ['serve', '--config', join(place, 'hub.yaml'), '--data', join(place, 'data'), ...ports]
    const pod = {
      POD_NAME: 'holdfast-hub-0',
      POD_NAMESPACE: 'holdfast',
      POD_IP: '10.244.1.5',
      NODE_NAME: 'worker-1',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
    }
    const child = spawn(process.execPath, [join(root, 'cloud/main.ts'), ...words], {
      env: { ...env, ...pod, KUBECONFIG: kubeconfig },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    const ended = new Promise((over) => child.once('exit', over))
    try {
      await until('the hub takes the first network', async () => {
        const { body, status } = await api.ask('GET', `/apis/${apiVersion}/networks/default`)
        const conditions = status === 200 ? (body as Body).status?.conditions : undefined
        if (child.exitCode !== null) throw new Error(said)
        return conditions?.some(({ type, status: is }) => type === 'Accepted' && is === 'True') === true
          ? true
          : undefined
      })
      const slices = '/apis/discovery.k8s.io/v1/namespaces/holdfast/endpointslices'
      const leads = await until('the Service leads to it', async () => {
        const { body, status } = await api.ask('GET', `${slices}/holdfast-hub-leader`)
        return status === 200 ? (body as Slice) : undefined
      })
      assert.equal(
        leads.endpoints.map(({ addresses, nodeName }) => [addresses, nodeName]),
        [[['10.244.1.5'], 'worker-1']],
      )
      const service = parse(await kubectl(['get', 'service', 'holdfast-hub', '-n', 'holdfast', '-o', 'json']))
      assert.equal(new Set(leads.ports.map(({ name }) => name)), new Set(namesOf(service as Ports)))
    } finally {
      child.kill('SIGTERM')
      await ended
    }
    assert.not.match(said, 'forbidden')
    assert.not.match(said, 'shown only this once', 'no token is left in a log')
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
