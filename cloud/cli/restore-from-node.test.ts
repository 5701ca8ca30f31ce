// `keys export` and `restore --from-node` as people type them: a hub that is gone with its disk comes back from a small file of
// keys and a file of a device; and everything from which it must not come back.

import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { encodeSnapshot } from '../../shared/record/delta.ts'
import { encodeCarried } from '../../shared/wire/carried.ts'
import { scratch } from '../broker/broker.fake.ts'
import { testEnrolment } from '../serve/enrolment.fake.ts'
import { startServer } from '../serve/server.ts'
import { resolveSettings } from '../serve/settings.ts'
import { openHubStore } from '../store/sqlite.ts'
import { run } from './run.ts'

const cli = suite('restore from devices')
const directory = scratch('hf-restore-')
const at = (name: string): string => `${directory.path}/${name}`
const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog() }

const start = (data: string) =>
  startServer(resolveSettings({}, { data, listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' }, false), effects)

async function say(words: string, data = at('hub')) {
  const said = { out: '', err: '' }
  const code = await run(words.split(' '), {
    env: { HOLDFAST_HUB_DATA: data },
    color: false,
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    readInput: async () => '',
  })
  return { code, ...said }
}

/** What a device that holds the hub's newest set would export. */
function exported(data: string, change: (frame: Uint8Array) => Uint8Array = (frame) => frame): Uint8Array {
  const store = openHubStore(`${data}/hub.db`, memoryLog())
  const published = store.published(store.networks()[0]?.id ?? ('' as never))
  store.close()
  if (published === undefined) throw new Error('nothing published')
  const frame = change(encodeSnapshot(published.records, published.head))
  return encodeCarried([{ type: 'snapshot', deflated: deflate(frame) }])
}

/** A hub with one device, its keys and the device's file; then it is gone. */
async function lose(name: string): Promise<void> {
  const server = await start(at(name))
  await testEnrolment(server)
  assert.is((await say(`keys export ${at(`${name}.keys`)}`, at(name))).code, 0)
  writeFileSync(at(`${name}-early`), exported(at(name)))
  await testEnrolment(server)
  writeFileSync(at(`${name}.intent`), exported(at(name)))
  await server.stop()
}

cli.before(async () => {
  await lose('hub')
  await lose('other')
})
cli.after(() => directory.remove())

cli('the file of keys is for its owner alone, names its worth, and overwrites nothing', async () => {
  assert.is(statSync(at('hub.keys')).mode & 0o777, 0o600)
  const said = await say(`keys export ${at('again.keys')}`)
  assert.match(said.out, /Whoever has it can be this hub/)
  assert.match((await say(`keys export ${at('again.keys')}`)).err, /is there already/)
  assert.match((await say(`keys export ${at('x')}`, at('nowhere'))).err, /there is no/)
})

cli(
  'keys and a device’s file bring the hub back: the same records, the next epoch, and a token for its people',
  async () => {
    const target = at('back')
    const said = await say(`restore --from-node ${at('hub.intent')} --keys ${at('hub.keys')}`, target)
    assert.is(said.code, 0, said.err)
    assert.match(
      said.out,
      /Network default as of revision \d+: 0 canaries, 0 agentupdates, 2 nodes, 0 policies, .* epoch 2\.\n/,
    )
    assert.match(said.out, /disabled or not approved.*removed since then is a member again/s)
    for (const name of ['root.key', 'signing.key', 'signing.crt', 'tls/authority.key', 'tls/authority.crt']) {
      assert.is(readFileSync(`${target}/${name}`, 'utf8'), readFileSync(`${at('hub')}/${name}`, 'utf8'), name)
      assert.is(statSync(`${target}/${name}`).mode & 0o077, 0, name)
    }
    const restored = await start(target)
    assert.ok(restored.firstToken)
    const state = JSON.parse((await say('status --json', target)).out) as {
      nodes: number
      networks: { version: object }[]
    }
    assert.equal([state.nodes, state.networks[0]?.version], [2, { epoch: 2, revision: 1 }])
    await restored.stop()
  },
)

cli(
  'the keys of a data directory do as well; of several files the newest counts, and one that is no use is named',
  async () => {
    writeFileSync(at('torn'), readFileSync(at('hub.intent')).subarray(0, 200))
    const files = ['torn', 'hub-early', 'hub.intent'].map((name) => `--from-node ${at(name)}`).join(' ')
    const said = await say(`restore ${files} --keys ${at('hub')}`, at('newest'))
    assert.is(said.code, 0, said.err)
    assert.match(said.out, /2 nodes/)
    assert.match(said.err, /torn was no use: the file of intent is cut off/)
  },
)

cli('of the root key alone another signing key and TLS authority are made, and both are named', async () => {
  const { files, ...rest } = JSON.parse(readFileSync(at('hub.keys'), 'utf8')) as { files: Record<string, string> }
  writeFileSync(at('root-only.keys'), JSON.stringify({ ...rest, files: { 'root.key': files['root.key'] } }))
  const target = at('resigned')
  const said = await say(`restore --from-node ${at('hub.intent')} --keys ${at('root-only.keys')}`, target)
  assert.is(said.code, 0, said.err)
  assert.match(said.out, /vouches for what is new: signing key and TLS authority/)
  for (const name of ['signing.key', 'tls/authority.key', 'tls/authority.crt'])
    assert.is.not(readFileSync(`${target}/${name}`, 'utf8'), readFileSync(`${at('hub')}/${name}`, 'utf8'), name)
  await (await start(target)).stop()
})

cli(
  'keys that were rotated since the device’s file are used; keys of before a rotation that it knows are replaced',
  async () => {
    const data = at('rotated')
    cpSync(at('hub'), data, { recursive: true })
    const before = readFileSync(`${data}/signing.key`, 'utf8')
    assert.is((await say('keys rotate', data)).code, 0)
    const after = readFileSync(`${data}/signing.key`, 'utf8')
    assert.is((await say(`restore --from-node ${at('hub.intent')} --keys ${data}`, at('ahead'))).code, 0)
    assert.is(readFileSync(`${at('ahead')}/signing.key`, 'utf8'), after)
    await (await start(data)).stop()
    writeFileSync(at('rotated.intent'), exported(data))
    const said = await say(`restore --from-node ${at('rotated.intent')} --keys ${at('hub.keys')}`, at('behind'))
    assert.match(said.out, /vouches for what is new: signing key\./)
    assert.is([before, after].includes(readFileSync(`${at('behind')}/signing.key`, 'utf8')), false)
    for (const name of ['ahead', 'behind']) await (await start(at(name))).stop()
  },
)

cli(
  'a backup from before a rotation of the root key comes back with the keys from after it, and with no others',
  async () => {
    const data = at('rooted')
    cpSync(at('hub'), data, { recursive: true })
    assert.is((await say(`backup ${at('rooted.tar')}`, data)).code, 0)
    const shown = async (from: string) =>
      JSON.parse((await say('keys show --json', from)).out) as {
        rootKey: { key: string; serial: number }
        chain: object[]
      }
    const before = await shown(data)
    const said = await say('keys rotate --root', data)
    assert.match(said.out, /Restart the hub.*`keys export` and `backup` anew/s)
    const after = await shown(data)
    assert.equal([before.rootKey.serial, after.rootKey.serial, after.chain.length], [0, 1, 1])
    assert.match(
      (await say('keys show', data)).out,
      new RegExp(`^root +${after.rootKey.key}, number 1\n +1: .* follows`),
    )
    await (await start(data)).stop()
    writeFileSync(at('rooted.intent'), exported(data))
    assert.is((await say(`keys export ${at('rooted.keys')}`, data)).code, 0)
    const target = at('rooted-back')
    const restored = await say(`restore ${at('rooted.tar')} --keys ${at('rooted.keys')}`, target)
    assert.is(restored.code, 0, restored.err)
    assert.equal(await shown(target), after)
    const running = await start(target)
    assert.match((await say('audit', target)).out, new RegExp(`rotate +root/1 +${after.rootKey.key} follows`))
    await running.stop()
    assert.match(
      (await say(`restore ${at('rooted.tar')} --keys ${at('other.keys')}`, at('nothing'))).err,
      /does not follow from the one of the backup/,
    )
    // A device that was away has a set from before; keys from before are none for a set from after.
    assert.is((await say(`restore --from-node ${at('hub.intent')} --keys ${at('rooted.keys')}`, at('late'))).code, 0)
    assert.match(
      (await say(`restore --from-node ${at('rooted.intent')} --keys ${at('hub.keys')}`, at('nothing'))).err,
      /exported after the last rotation/,
    )
    assert.is((await say(`backup ${at('after.tar')}`, target)).code, 0)
    assert.is((await say(`restore ${at('after.tar')}`, at('after'))).code, 0)
    assert.equal(await shown(at('after')), after)
  },
)

cli('nothing comes back from what is not whole, not of this hub, or not signed; nothing is left behind', async () => {
  const intent = readFileSync(at('hub.intent'))
  writeFileSync(at('cut'), intent.subarray(0, intent.length - 7))
  writeFileSync(at('text'), 'not a file of intent')
  writeFileSync(at('empty'), '')
  writeFileSync(at('hollow'), encodeCarried([]))
  writeFileSync(at('bomb'), encodeCarried([{ type: 'snapshot', deflated: utf8('not deflated') }]))
  const forge = (frame: Uint8Array): Uint8Array => {
    const forged = frame.slice()
    const mark = Buffer.from(forged).indexOf('"name":"default"') + 9
    forged[mark] = (forged[mark] ?? 0) ^ 1
    return forged
  }
  writeFileSync(at('forged'), exported(at('hub'), forge))
  const keys = JSON.parse(readFileSync(at('hub.keys'), 'utf8')) as { files: Record<string, string> }
  const other = JSON.parse(readFileSync(at('other.keys'), 'utf8')) as typeof keys
  const without = (name: string) => ({ ...keys, files: { ...keys.files, [name]: undefined } })
  writeFileSync(at('rootless.keys'), JSON.stringify(without('root.key')))
  writeFileSync(
    at('mixed.keys'),
    JSON.stringify({ ...keys, files: { ...keys.files, 'root.key': other.files['root.key'] } }),
  )
  writeFileSync(at('cut.keys'), readFileSync(at('hub.keys')).subarray(0, 300))
  const target = at('nothing')
  for (const [file, kept, pattern] of [
    ['cut', 'hub.keys', /cut: the file of intent is cut off.*export/s],
    ['text', 'hub.keys', /no file of intent/],
    ['empty', 'hub.keys', /no file of intent/],
    ['hollow', 'hub.keys', /no whole set/],
    ['bomb', 'hub.keys', /not deflated/],
    ['forged', 'hub.keys', /not those that its head was signed over/],
    ['absent', 'hub.keys', /cannot read/],
    ['hub.intent', 'other.keys', /not signed under this root key.*keys of the hub that the device joined/s],
    ['other.intent', 'hub.keys', /not signed under this root key/],
    ['hub.intent', 'rootless.keys', /root\.key/],
    ['hub.intent', 'mixed.keys', /cannot be used/],
    ['hub.intent', 'cut.keys', /no file of a hub’s keys/],
    ['hub.intent', 'hub.intent', /no file of a hub’s keys/],
    ['hub.intent', 'absent.keys', /there is no/],
  ] as const) {
    const said = await say(`restore --from-node ${at(file)} --keys ${at(kept)}`, target)
    assert.is(said.code, 1, `${file} ${kept}`)
    assert.match(said.err, pattern)
    assert.is(existsSync(target) || existsSync(`${target}.restoring`), false, `${file} ${kept}`)
  }
})

cli(
  'a directory that holds something is left as it is; flags that contradict each other are a matter of usage',
  async () => {
    assert.match((await say(`restore --from-node ${at('hub.intent')} --keys ${at('hub.keys')}`)).err, /is not empty/)
    for (const words of [
      'restore',
      `restore backup.tar --from-node ${at('hub.intent')} --keys ${at('hub.keys')}`,
      `restore --from-node ${at('hub.intent')}`,
    ])
      assert.is((await say(words, at('nothing'))).code, 2, words)
  },
)

cli('two hubs that signed for one network are not mixed up in silence', async () => {
  // The hub is brought back twice, and both copies go on by themselves.
  for (const name of ['one', 'two']) {
    rmSync(at(name), { recursive: true, force: true })
    await say(`restore --from-node ${at('hub.intent')} --keys ${at('hub.keys')}`, at(name))
    const server = await start(at(name))
    await testEnrolment(server)
    await server.stop()
    writeFileSync(at(`${name}.intent`), exported(at(name)))
  }
  const files = `--from-node ${at('one.intent')} --from-node ${at('two.intent')}`
  assert.match(
    (await say(`restore ${files} --keys ${at('hub.keys')}`, at('nothing'))).err,
    /differ, and both are revision 2\./,
  )
})

cli.run()
