// The two ways of enforcing policy as one, in a real kernel: programs where they can, nft wherever they can't, never neither, and
// nothing that remains; by tcx and, as on older kernels, by clsact.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { createPolicy, type Policy } from '../../edge/drivers/policy.ts'
import type { Enforcement } from '../../edge/plan/enforcement.ts'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import { inward, self, TCP, web, worldAt } from './policy-ends.fake.ts'
import { meshPort, type PolicyRig, withPolicy } from './policy-rig.fake.ts'

const NAME = 'hf0'
const sh = (script: string): string => execFileSync('sh', ['-c', script], { encoding: 'utf8' })
const addInterface = (): string => sh(`ip tuntap add ${NAME} mode tun && ip link set ${NAME} up`)

function enforcementAt(port: number): Enforcement {
  const { table } = compileTable(worldAt(port), 'a')
  return { interface: NAME, meshPort, self, phases: [{ table }], forwards: [] }
}

/** One that ends by the time of day. */
function brief(): Enforcement {
  const [last, now] = [enforcementAt(80).phases, enforcementAt(8_080).phases]
  return { ...enforcementAt(80), phases: [...now.map((phase) => ({ ...phase, untilS: 4_000_000_000 })), ...last] }
}

/** What stands in the kernel. */
function standing(): readonly string[] {
  const pins = readdirSync('/sys/fs/bpf').some((one) => one.startsWith('hf_policy_'))
  const filters = sh(`tc filter show dev ${NAME} ingress 2>/dev/null || true`)
  return [
    ...(sh('nft list tables').includes('holdfast_policy') ? ['nft'] : []),
    ...(pins ? ['pins'] : []),
    ...(filters.includes('hf_policy_in') ? ['clsact'] : []),
  ]
}

function defineTests(rig: PolicyRig, how: 'clsact' | 'tcx'): void {
  const test = suite(how)
  const directory = mkdtempSync(join(tmpdir(), 'hf-policy-'))
  const program = join(directory, 'holdfast-bpf')
  const said: LogLine[] = []
  const log = memoryLog(said)
  const byPrograms = how === 'tcx' ? ['pins'] : ['pins', 'clsact']
  let policy: Policy
  const begin = (by: 'auto' | 'nft' = 'auto'): Policy =>
    createPolicy({ run: createRunner(log), log, interface: NAME, by, program })
  /** The loader as it is, but for one verb. */
  const wrap = (verb: string, instead: string): void =>
    writeFileSync(program, `#!/bin/sh\n[ "$2" = ${verb} ] && { ${instead}; }\nexec '${rig.program}' "$@"\n`, {
      mode: 0o755,
    })
  const asUsual = (): void => (how === 'tcx' ? wrap('-', 'exit') : wrap('attach', 'echo clsact; exit'))
  const flows = (): number => rig.bpf(['flows']).split('\n').length - 1

  test.before(asUsual)
  test.after(() => rmSync(directory, { recursive: true }))

  test('without an interface nft stands guard; a new one has the programs at once', async () => {
    policy = begin()
    const wanted = enforcementAt(80)
    await policy.load(wanted)
    assert.ok(standing().includes('nft'))
    assert.is(await policy.read(), wanted)
    addInterface()
    await policy.linked()
    assert.equal(standing(), byPrograms)
    assert.is(await policy.read(), wanted)
  })

  test('the next process adopts what stands, flows and all', async () => {
    rig.ask([inward(web, self, TCP(1_000, 80))])
    const before = flows()
    assert.ok(before > 0)
    policy = begin()
    assert.is(await policy.read(), undefined)
    const wanted = enforcementAt(80)
    await policy.load(wanted)
    assert.is(await policy.read(), wanted)
    assert.equal(standing(), byPrograms)
    assert.is(flows(), before)
  })

  test('what ends by the time of day is for nft, and then programs take over again', async () => {
    const wanted = brief()
    await policy.load(wanted)
    assert.equal(standing(), ['nft'])
    assert.is(await policy.read(), wanted)
    await policy.load(enforcementAt(80))
    assert.equal(standing(), byPrograms)
  })

  test('an interface that is taken away in the middle is waited for, and programs hang at the next one', async () => {
    await policy.load(brief())
    const wanted = enforcementAt(80)
    wrap('attach', `ip link delete ${NAME}; echo "${NAME}: No such device" >&2; exit 1`)
    await policy.load(wanted)
    assert.ok(standing().includes('nft'))
    asUsual()
    addInterface()
    await policy.linked()
    assert.equal(standing(), byPrograms)
    assert.is(await policy.read(), wanted)
  })

  test('nft does not judge a connection by windows from when it was tracked last', async () => {
    const ends = `-p tcp -s ${web} -d ${self} --sport 1000 --dport 80`
    rig.ask([inward(web, self, TCP(1_000, 80))])
    // That may be long ago: nothing tracks while no rule asks for it.
    sh(`conntrack -D ${ends} 2>&1; conntrack -I ${ends} --state ESTABLISHED -u SEEN_REPLY,ASSURED -t 9999 2>&1`)
    await policy.load(brief())
    // The windows are not printed; the time goes with them.
    const [, leftS = ''] = /tcp +6 (\d+) /.exec(sh(`conntrack -L ${ends} 2>/dev/null`)) ?? []
    assert.ok(Number(leftS) <= 300, `${leftS} s`)
    assert.ok(Number(leftS) > 0)
    await policy.load(enforcementAt(80))
    assert.equal(standing(), byPrograms)
  })

  test('a process that ended while both stood is followed by one', async () => {
    await begin('nft').load(enforcementAt(80))
    assert.equal(standing(), ['nft'])
    // Programs look on, and no more.
    rig.bpf(['start', '65536'])
    rig.put(worldAt(80))
    rig.bpf(['look-on'])
    if (how === 'tcx') rig.bpf(['attach', NAME])
    assert.equal(standing(), ['nft', 'pins'])
    policy = begin()
    await policy.load(enforcementAt(80))
    assert.equal(standing(), byPrograms)
    assert.ok((await policy.read()) !== undefined)
  })

  test('somebody who takes them away is seen, and so is an interface that came anew', async () => {
    const wanted = enforcementAt(80)
    await policy.load(wanted)
    const mark = policy.mark()
    sh('rm -r /sys/fs/bpf/hf_policy_*')
    assert.is.not(policy.mark(), mark)
    assert.is(await policy.read(), undefined)
    await policy.load(wanted)
    assert.is(await policy.read(), wanted)
    sh(`ip link delete ${NAME}`)
    addInterface()
    assert.is(await policy.read(), undefined)
    await policy.linked()
    assert.is(await policy.read(), wanted)
    assert.equal(standing(), byPrograms)
  })

  test('where the kernel refuses, nft does it, and nobody asks again', async () => {
    wrap('table', 'echo too large >&2; exit 1')
    const wanted = enforcementAt(8_080)
    await policy.load(wanted)
    assert.equal(standing(), ['nft'])
    assert.is(await policy.read(), wanted)
    assert.ok(said.some(({ message }) => message.includes('not by programs')))
    asUsual()
    await policy.load(enforcementAt(80))
    assert.equal(standing(), ['nft'])
  })

  test('removing leaves nothing, whoever put it there', async () => {
    await begin().load(enforcementAt(80))
    assert.equal(standing(), byPrograms)
    await begin('nft').remove()
    assert.equal(standing(), [])
    assert.not.match(sh('tc qdisc show'), /clsact/)
    sh(`ip link delete ${NAME}`)
  })

  test.run()
}

await withPolicy(fileURLToPath(import.meta.url), (rig) => {
  defineTests(rig, 'tcx')
  defineTests(rig, 'clsact')
})
