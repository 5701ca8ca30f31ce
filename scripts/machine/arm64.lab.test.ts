// The single file for arm64, run on this machine by an emulated processor: its self-test, the programs that it carries, and a
// real hub that it joins, whose intent it takes by real TLS and MQTT and plans. What it would start of its own is tried by hand.

import { type ExecFileException, execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openClient } from '../../cloud/cli/client.ts'
import { startServer } from '../../cloud/serve/server.ts'
import { resolveSettings } from '../../cloud/serve/settings.ts'
import type { AgentStatus } from '../../edge/agent.ts'
import { join as joinHub } from '../../edge/enrol/join.ts'
import { createLocalClient } from '../../edge/local/client.ts'
import { openStore } from '../../edge/store/sqlite.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { parseName } from '../../shared/ids.ts'
import { testInOwnNamespace } from '../laboratory/own-namespace.ts'
import { holds, waitFor } from '../laboratory/wait.ts'
import { foreignWords, whyNoForeign } from './foreign.ts'

const PROGRAM = resolve(import.meta.dirname, '../../build/release/holdfast-linux-arm64')
/** An emulated Node needs seconds to start, and this may be a busy machine. */
const PATIENCE_MS = 60_000
const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog() }

interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Verdict {
  readonly check: string
  readonly verdict: 'ok' | 'failed'
  readonly found: string
}

function defineTests(words: readonly string[]): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-arm64-'))
  // Where it lays the parts that it carries.
  const env = { ...process.env, STATE_DIRECTORY: join(directory, 'parts') }
  const call = (program: string, ...args: readonly string[]): Promise<Said> => {
    const [first = '', ...rest] = [...words, program, ...args]
    return new Promise((done) => {
      const end = (error: ExecFileException | null, stdout: string, stderr: string): void =>
        done({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      execFile(first, rest, { env, timeout: PATIENCE_MS }, end)
    })
  }
  test.before(() => void execFileSync('ip', ['link', 'set', 'lo', 'up']))
  test.after(() => rmSync(directory, { recursive: true }))

  test('its self-test: database, cryptography and planner', async () => {
    const { stdout } = await call(PROGRAM, 'self-test', '--json')
    const { results } = JSON.parse(stdout) as { results: readonly Verdict[] }
    const verdicts = new Map(results.map(({ check, found, verdict }) => [check, `${verdict}: ${found}`]))
    assert.match(verdicts.get('runtime') ?? '', /^ok: Node .* on arm64$/)
    for (const check of ['database', 'cryptography', 'planner']) assert.match(verdicts.get(check) ?? 'absent', /^ok/)
    // Whether the system starts programs of arm64 by itself is its own affair (binfmt_misc); that they are there is not.
    assert.equal([...verdicts.keys()].slice(4), ['holdfast-bpf', 'wireguard-go'])
  })

  test('the programs that it carries start', async () => {
    const partOf = (name: string): string => globSync(`parts/**/${name}`, { cwd: directory })[0] ?? 'not laid'
    assert.match((await call(join(directory, partOf('holdfast-bpf')))).stderr, /policy probe/)
    const { code, stdout } = await call(join(directory, partOf('wireguard-go')), '--version')
    assert.is(code, 0)
    assert.match(stdout, /wireguard-go/)
  })

  test('it joins a hub, takes its intent, and plans', async () => {
    const data = join(directory, 'hub')
    const settings = resolveSettings({}, { data, listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' }, false)
    const hub = await startServer(settings, effects)
    const client = openClient({ data })
    const { token } = await client.send<{ token: string }>('POST', '/api/v1/tokens', { uses: 2 })
    await joinHub({
      url: hub.url,
      token,
      name: parseName('shop'),
      labels: {},
      stateDir: join(directory, 'shop'),
      timeoutMs: PATIENCE_MS,
      clock: systemClock,
      openStore: (path) => openStore(path, effects).store,
      onProgress: () => undefined,
    })
    const state = join(directory, 'pi')
    const joined = await call(PROGRAM, 'join', hub.url, '--token', token, '--name', 'pi', '--state', state)
    assert.is(joined.code, 0, joined.stderr)
    const [first, ...rest] = [...words, PROGRAM, 'agent', '--state', state, '--lan', 'false']
    const agent = spawn(first, rest, { env, stdio: 'ignore' })
    const gone = new Promise((done) => agent.once('exit', done))
    try {
      const local = createLocalClient(join(state, 'agent.sock'))
      const sees = (what: string, check: (status: AgentStatus) => boolean): Promise<unknown> =>
        waitFor(
          what,
          async () => {
            const status = await local.status(false)
            return holds(check(status), `${status.mode}, holds ${status.revision.held.revision}`)
          },
          { timeoutMs: PATIENCE_MS },
        )
      await sees('it is online, and knows both nodes', ({ mode, peers }) => mode === 'online' && peers.length === 1)
      const before = (await local.status(false)).revision.held.revision
      const spec = { subject: { nodeSelector: {} }, ingress: [{ ports: [{ port: 443 }] }] }
      await client.send('PUT', '/api/v1/policies/web', {
        apiVersion: 'holdfast.dev/v1alpha1',
        kind: 'Policy',
        metadata: { name: 'web' },
        spec,
      })
      await sees('it holds what was applied since', ({ revision }) => revision.held.revision > before)
      const plan = await call(PROGRAM, 'plan', '--dry-run', '--state', state)
      assert.is(plan.code, 0, plan.stderr)
      assert.match(plan.stdout, /^wg set hf0 peer \S+ allowed-ips 100\.\S+/m)
      assert.match(plan.stdout, /^ip address add 100\.\S+\/32 dev hf0$/m)
    } finally {
      agent.kill('SIGTERM')
      await gone
      await hub.stop()
    }
  })
}

const absent = existsSync(PROGRAM) ? whyNoForeign() : 'needs build/release: run `npm run build`'
if (absent === undefined) {
  try {
    const words = await foreignWords()
    testInOwnNamespace('the single file for arm64', import.meta.url, () => defineTests(words))
  } catch (error) {
    if (!isHoldfastError(error, 'unreachable')) throw error
    process.stdout.write(`skip: ${error.message}\n`)
  }
} else process.stdout.write(`skip: ${absent}\n`)
