// The hub as a process of its own: killed in the middle of writes it forgets nothing that it confirmed and keeps no half
// of anything, and told to stop it says goodbye to its devices first.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { EnrolReply } from '../../shared/wire/enrol.ts'
import { topics } from '../../shared/wire/topics.ts'
import { dial, scratch, until } from '../broker/broker.fake.ts'
import { type Client, openClient } from '../cli/client.ts'
import type { RollOut } from '../hub.ts'
import { device, emptyPolicy, enrolRequest, resource } from '../hub-world.fake.ts'

const crash = suite('the hub as a process')
const directory = scratch('hf-crash-')
const main = fileURLToPath(new URL('../main.ts', import.meta.url))
let running: { readonly child: ChildProcess; readonly ended: Promise<string> } | undefined

async function start(): Promise<Client> {
  const words = ['serve', '--data', directory.path, '--listen', '127.0.0.1:0', '--mqtt', '127.0.0.1:0']
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<string>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? String(code))))
  running = { child, ended }
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (part: Buffer) => {
      said += part.toString()
      if (said.includes('hub is up')) resolve()
    })
    void ended.then((how) => reject(new HoldfastError('failed', `the hub ended (${how}): ${said}`)))
  })
  return openClient({ data: directory.path })
}

async function end(signal: NodeJS.Signals): Promise<string> {
  running?.child.kill(signal)
  return (await running?.ended) ?? 'not running'
}

async function newest(hub: Client): Promise<Version> {
  const { items } = await hub.get<{ items: RollOut[] }>('/api/v1/rollout')
  return items[0]?.version ?? { epoch: 0, revision: 0 }
}

async function names(hub: Client): Promise<ReadonlySet<string>> {
  const { items } = await hub.get<{ items: { metadata: { name: string } }[] }>('/api/v1/policies')
  return new Set(items.map(({ metadata }) => metadata.name))
}

crash.after(async () => {
  await end('SIGKILL')
  directory.remove()
})

/** Policies that stand or fall together. */
const BATCH = 8

/** Writes until the hub is gone; returns the batches that were begun and those that were confirmed. */
async function write(hub: Client, prefix: string, onConfirmed: () => void) {
  const begun: string[] = []
  const confirmed: string[] = []
  for (;;) {
    const name = `${prefix}-${begun.length}`
    begun.push(name)
    const documents = Array.from({ length: BATCH }, (_, i) =>
      JSON.stringify(resource('Policy', `${name}-${i}`, emptyPolicy)),
    )
    try {
      await hub.send('POST', '/api/v1/apply', documents.join('\n---\n'))
    } catch {
      return { begun, confirmed }
    }
    confirmed.push(name)
    onConfirmed()
  }
}

crash('kill -9 in the middle of writes: what was confirmed is there, and every write is whole or absent', async () => {
  let before: Version = { epoch: 0, revision: 0 }
  for (const [round, killAfter] of [3, 8, 15].entries()) {
    const hub = await start()
    let count = 0
    const onConfirmed = (): void => {
      count += 1
      if (count === killAfter) running?.child.kill('SIGKILL')
    }
    const writers = await Promise.all(['a', 'b', 'c'].map((writer) => write(hub, `${writer}${round}`, onConfirmed)))
    assert.is(await running?.ended, 'SIGKILL')
    // A start verifies that the stored set is what was signed, and refuses otherwise.
    const again = await start()
    const there = await names(again)
    for (const { begun, confirmed } of writers) {
      for (const name of begun) {
        const found = Array.from({ length: BATCH }, (_, i) => there.has(`${name}-${i}`)).filter(Boolean).length
        if (confirmed.includes(name)) assert.is(found, BATCH, `${name} was confirmed`)
        else assert.ok(found === 0 || found === BATCH, `${found} of ${BATCH} of ${name}`)
      }
    }
    const now = await newest(again)
    assert.ok(compareVersion(now, before) > 0, 'revisions only rise')
    before = now
    assert.is(await end('SIGTERM'), '0')
  }
})

crash(
  'SIGTERM while a device is connected: it hears the goodbye, the process ends well, the head stays the same',
  async () => {
    const hub = await start()
    const { token } = await hub.send<{ token: string }>('POST', '/api/v1/tokens', {})
    const reply = await hub.send<EnrolReply>('POST', '/api/v1/enrol', enrolRequest(token, device(1), 'alice'))
    if (reply.state !== 'enrolled') throw new HoldfastError('failed', reply.state)
    const { broker, network } = reply
    const tls = { authority: readFileSync(`${directory.path}/tls/authority.crt`, 'utf8') } as Parameters<typeof dial>[1]
    const { password, username, webSocketPath } = broker
    const connect = () => {
      const url = readFileSync(`${directory.path}/cli.url`, 'utf8').trim().replace('https', 'wss')
      return dial(url + webSocketPath, tls, { clientId: username, username, password })
    }
    const filters = [topics.head(network.id), topics.hub(network.id)]
    const agent = await connect()
    await agent.client.subscribeAsync(filters, { qos: 1 })
    await until(() => agent.received.length === 2)
    const head = agent.received.find(({ topic }) => topic === topics.head(network.id))?.payload
    const version = await newest(hub)
    assert.is(await end('SIGTERM'), '0')
    await agent.gone
    assert.match(agent.received.at(-1)?.payload ?? '', /"online":false/)

    const again = await start()
    assert.equal(await newest(again), version, 'a restart is no event')
    const back = await connect()
    await back.client.subscribeAsync(filters, { qos: 1 })
    await until(() => back.received.length === 2)
    assert.is(back.received.find(({ topic }) => topic === topics.head(network.id))?.payload, head)
    await back.client.endAsync()
    assert.is(await end('SIGINT'), '0')
  },
)

crash.run()
