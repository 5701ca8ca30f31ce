// The command line against a real hub on loopback: what people type, what they see, and what they are told when wrong.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { scratch, until } from '../broker/broker.fake.ts'
import { type Server, startServer } from '../serve/server.ts'
import { resolveSettings } from '../serve/settings.ts'
import { parseEvent } from './client.ts'
import { program } from './program.ts'
import { commands, run } from './run.ts'

const cli = suite('holdfast-hub')
const directory = scratch('hf-cli-')
const data = `${directory.path}/data`
const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog() }
let server: Server

const start = (path: string): Promise<Server> =>
  startServer(resolveSettings({}, { data: path, listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' }, false), effects)

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function say(words: string, options: { input?: string; env?: Record<string, string> } = {}): Promise<Said> {
  const said = { out: '', err: '' }
  const code = await run(words.split(' '), {
    env: { HOLDFAST_HUB_DATA: data, ...options.env },
    color: false,
    out: (text) => {
      said.out += text
    },
    err: (text) => {
      said.err += text
    },
    readInput: async () => options.input ?? '',
  })
  return { code, ...said }
}

async function good(words: string, input?: string): Promise<string> {
  const said = await say(words, input === undefined ? {} : { input })
  assert.is(said.code, 0, said.err)
  return said.out
}

const policy = (name: string, more = ''): string =>
  `apiVersion: holdfast.dev/v1alpha1\nkind: Policy\nmetadata:\n  name: ${name}\nspec:\n  subject:\n    nodeSelector: {}\n${more}`

cli.before(async () => {
  server = await start(data)
})
cli.after(async () => {
  await server.stop()
  directory.remove()
})

cli('every command of the table runs something, and nothing else does', () => {
  assert.equal(Object.keys(commands).sort(), program.commands.map(({ name }) => name).sort())
})

cli('the example applies and shows', async () => {
  const example = new URL('../../examples/fleet.yaml', import.meta.url).pathname
  assert.match(await good(`apply -f ${example} --dry-run`), /Policy\/web would be applied/)
  assert.not.match(await good('get policies'), /web/)
  assert.match(await good(`apply -f ${example}`), /Policy\/web applied/)
  assert.match(await good('get policies'), /web +default +Standard +Accept +Enforce +role=worker/)
  assert.match(await good('get routes'), /192\.168\.77\.0\/24 +site=alpha,role=gateway/)
})

cli('what get prints, apply takes back; an older copy is a conflict', async () => {
  const copy = await good('get policy web -o yaml')
  await good('apply -f -', copy)
  await good('apply -f -', copy.replace('port: 80\n', 'port: 81\n'))
  const late = await say('apply -f -', { input: copy.replace('port: 80\n', 'port: 82\n') })
  assert.is(late.code, 1)
  assert.match(late.err, /wrote|changed|version/i)
})

cli('a faulty file names file, line, field and remedy, and changes nothing', async () => {
  const file = `${directory.path}/bad.yaml`
  writeFileSync(file, `${policy('fine')}---\n${policy('faulty', '  colour: red\n')}`)
  const said = await say(`apply -f ${file}`)
  assert.is(said.code, 1)
  assert.match(said.err, /bad\.yaml: spec\.colour: is not a known field \(line 16\)\. Remove it/)
  assert.is((await say('get policy fine')).code, 1)
})

for (const [what, input, expected] of [
  ['the same name twice', `${policy('twice')}---\n${policy('twice')}`, /twice/],
  ['a wrong type', policy('x', '  priority: high\n'), /spec\.priority/],
  ['an unknown network', policy('x', '  network: nowhere\n'), /nowhere/],
  [
    'overlapping networks',
    'apiVersion: holdfast.dev/v1alpha1\nkind: Network\nmetadata: {name: other}\nspec: {cidr: 100.80.1.0/24}\n',
    /overlaps/,
  ],
  ['no YAML', 'a: [', /YAML/],
  [
    'a bomb',
    `a: &a [x,x]\n${Array.from({ length: 90 }, (_, i) => `k${i}: *a\n`).join('')}`,
    /alias|known field|apiVersion/i,
  ],
] as const) {
  cli(`apply refuses ${what}`, async () => {
    const said = await say('apply -f -', { input })
    assert.is(said.code, 1)
    assert.match(said.err, expected)
  })
}

cli('tokens: made with a hint, listed, revoked', async () => {
  const made = await good('token create --label site=alpha --uses 2 --ttl 2h')
  assert.match(made, /^holdfast join https:\/\/127\.0\.0\.1:\d+ --token hf1\./)
  const id = /id is (\w{8})/.exec(made)?.[1] ?? ''
  assert.match(await good('token list'), new RegExp(`${id} +default +good +2 .*site=alpha`))
  await good(`token revoke ${id}`)
  assert.match(await good('token list'), new RegExp(`${id} +default +revoked`))
  assert.is((await say('token create --label nolabel')).code, 2)
})

cli('a viewer from elsewhere sees and does not touch', async () => {
  const { token } = JSON.parse(await good('access create guest --role viewer --json')) as { token: string }
  const env = {
    HOLDFAST_HUB_DATA: '/nonexistent',
    HOLDFAST_HUB_URL: server.url,
    HOLDFAST_HUB_TOKEN: token,
    HOLDFAST_HUB_CA: `${server.paths.tls}/authority.crt`,
  }
  assert.is((await say('get networks', { env })).code, 0)
  const refused = await say('delete policy web', { env })
  assert.is(refused.code, 1)
  assert.match(refused.err, /needs the role operator/)
  const wrong = await say('get networks', { env: { ...env, HOLDFAST_HUB_TOKEN: 'hfa.aaaaaaaa.x' } })
  assert.match(wrong.err, /token is not valid/)
})

cli('a foreign hub is not trusted', async () => {
  const other = await start(`${directory.path}/other`)
  const env = { HOLDFAST_HUB_DATA: data, HOLDFAST_HUB_URL: other.url }
  const said = await say('status', { env })
  await other.stop()
  assert.is(said.code, 1)
  assert.match(said.err, /not issued by the pinned authority/)
})

cli('a hub that is not there, and one that is not known', async () => {
  assert.match((await say('status', { env: { HOLDFAST_HUB_URL: 'https://127.0.0.1:1' } })).err, /cannot reach/)
  assert.match((await say('status', { env: { HOLDFAST_HUB_DATA: '/nonexistent' } })).err, /HOLDFAST_HUB_URL/)
})

cli('wrong command lines exit with 2 and say what is meant', async () => {
  for (const words of [
    'token create --uses x',
    'token create --uses 0',
    'bogus',
    'get',
    'get colours',
    'apply',
    'token',
    'get nodes --colour',
    'completion csh',
  ]) {
    const said = await say(words)
    assert.is(said.code, 2, words)
    assert.match(said.err, /^holdfast-hub: /, words)
  }
})

cli('status, explain, graph, audit, man and completion print', async () => {
  assert.match(await good('status'), /default +\d+ +0\/0/)
  assert.match(await good('explain policy web'), /Subject +role=worker/)
  assert.is((await say('explain node nobody')).code, 1)
  assert.match(await good('graph'), /^graph mesh \{/)
  assert.match(await good('graph --format mermaid'), /^graph LR/)
  assert.match(await good('audit --limit 500'), /local-cli +create +policy\/web/)
  const { next } = JSON.parse(await good('audit --since 1h --limit 1 --json')) as { next: number }
  const [older] = (JSON.parse(await good(`audit --before ${next} --limit 1 --json`)) as { items: { id: number }[] })
    .items
  assert.ok(older !== undefined && older.id < next)
  assert.is((await say('audit --since yesterday')).code, 1)
  assert.match(await good('audit --limit 500'), /hub +create +access\/\w{8} +admin local-cli/)
  assert.match(await good('audit --limit 500'), /local-cli +create +access\/\w{8} +viewer guest/)
  assert.match(await good('man'), /^\.TH HOLDFAST-HUB 1/)
  assert.match(await good('completion bash'), /complete -o filenames/)
  assert.match(await good('version'), /^holdfast-hub /)
})

cli('a watch prints what changes, also over a restart of the hub', async () => {
  let seen = ''
  let aside = ''
  const end = new AbortController()
  const watching = run(['get', 'policies', '-w'], {
    env: { HOLDFAST_HUB_DATA: data },
    color: false,
    out: (text) => {
      seen += text
    },
    err: (text) => {
      aside += text
    },
    readInput: async () => '',
    signal: end.signal,
  })
  await until(() => seen.includes('web'))
  await good('apply -f -', policy('watched'))
  await until(() => /watched +default/.test(seen))
  await good('delete policy watched')
  await until(() => seen.includes('watched deleted'))
  await server.stop()
  await until(() => aside.includes('trying again'))
  server = await start(data)
  await good('apply -f -', policy('meanwhile'))
  await until(() => /meanwhile +default/.test(seen), 10_000)
  assert.equal(seen.match(/^web /gm)?.length, 1, 'what did not change is not said again')
  assert.match(aside, /the hub is back/)
  end.abort()
  assert.is(await watching, 0)
})

cli('get --json is get -o json', async () => {
  assert.equal(JSON.parse(await good('get policy web --json')), JSON.parse(await good('get policy web -o json')))
})

cli('nothing in the data directory is anybody else’s to read', () => {
  for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
    const { mode } = statSync(`${data}/${name}`)
    assert.is(mode & 0o077, 0, `${name} ${(mode & 0o777).toString(8)}`)
  }
})

cli('a backup of the running hub comes back elsewhere: same keys, same intent, a new epoch', async () => {
  const file = `${directory.path}/backup.tar`
  await good(`backup ${file}`)
  assert.is(statSync(file).mode & 0o777, 0o600)
  assert.is((await say(`backup ${file}`)).code, 1, 'nothing is overwritten')
  assert.match((await say('backup /nonexistent/b.tar')).err, /cannot write into \/nonexistent.*Choose a directory/)
  assert.match((await say(`restore ${file} --data ${data}`)).err, /not empty/)

  const copy = `${directory.path}/copy`
  await good(`restore ${file} --data ${copy}`)
  for (const name of ['root.key', 'signing.key', 'tls/authority.key']) {
    assert.is(readFileSync(`${copy}/${name}`, 'utf8'), readFileSync(`${data}/${name}`, 'utf8'), name)
    assert.is(statSync(`${copy}/${name}`).mode & 0o777, 0o600, name)
  }
  const restored = await start(copy)
  const env = { HOLDFAST_HUB_DATA: copy }
  assert.is(restored.firstToken, undefined)
  assert.match((await say('get policies', { env })).out, /web/)
  assert.match((await say('audit', { env })).out, /restore +restore +hub +a new epoch/)
  const state = JSON.parse((await say('status --json', { env })).out) as { networks: { version: { epoch: number } }[] }
  await restored.stop()
  assert.is(state.networks[0]?.version.epoch, 2)
})

cli('a damaged or foreign backup is refused and leaves nothing behind', async () => {
  const file = `${directory.path}/backup.tar`
  const bytes = readFileSync(file)
  const at = bytes.indexOf('root.key', 1_024) + 512
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(`${directory.path}/damaged.tar`, bytes)
  writeFileSync(`${directory.path}/foreign.tar`, 'not a tar file')
  writeFileSync(`${directory.path}/cut.tar`, bytes.subarray(0, Math.floor(bytes.length / 2)))
  writeFileSync(`${directory.path}/empty.tar`, '')
  for (const name of ['cut.tar', 'empty.tar', 'damaged.tar', 'foreign.tar', 'absent.tar']) {
    const said = await say(`restore ${directory.path}/${name} --data ${directory.path}/nothing`)
    assert.is(said.code, 1, name)
    assert.throws(() => statSync(`${directory.path}/nothing`), /ENOENT/, name)
  }
})

cli('events are read from their blocks', () => {
  assert.equal(parseEvent('id: a-1\nevent: put\ndata: {"x":1}'), { type: 'put', data: { x: 1 } })
  assert.is(parseEvent(': still here'), undefined)
})

cli.run()
