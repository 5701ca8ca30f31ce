// The starter as the shell runs it, held to its model in every state of the slots, and its guard.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { starter } from '../../build/starter.ts'
import { formatMark, type Mark, parseMark } from '../../edge/update/mark.ts'
import { type Slot, slots } from '../../edge/update/slot.ts'
import { type FakeHome, fakeHome, startFrom } from '../../edge/update/starter.fake.ts'

/** Says from which slot it was started and what it was told. */
const PROGRAM = '#!/bin/sh\necho "$0 $HOLDFAST_HOME $HOLDFAST_SLOT $*"\n'

async function withHome(home: FakeHome, program: string, run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-starter-'))
  try {
    writeFileSync(join(directory, 'start'), starter, { mode: 0o755 })
    for (const slot of home.whole) {
      mkdirSync(join(directory, 'versions', slot), { recursive: true })
      writeFileSync(join(directory, 'versions', slot, 'holdfast'), program, { mode: 0o755 })
    }
    symlinkSync(`versions/${home.current}`, join(directory, 'current'))
    const { mark } = home.kept
    if (mark !== undefined) writeFileSync(join(directory, 'versions/unconfirmed'), formatMark(mark))
    // Root writes everywhere, but not over a directory.
    if (!home.writable) for (const path of ['current.new', 'versions/unconfirmed.new']) mkdirSync(join(directory, path))
    await run(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function start(directory: string): Promise<string> {
  const child = spawn(join(directory, 'start'), ['agent', '--state', 'some where'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child, 'close')
  return said
}

function markIn(directory: string): Mark | undefined {
  const path = join(directory, 'versions/unconfirmed')
  return existsSync(path) ? parseMark(readFileSync(path, 'utf8')) : undefined
}

function homes(): readonly FakeHome[] {
  const marks = [undefined, ...slots.flatMap((slot) => [0, 4].map((starts) => ({ slot, starts })))]
  return slots.flatMap((current) =>
    marks.flatMap((given) =>
      [slots, [current], slots.filter((slot) => slot !== current)].flatMap((whole) =>
        [true, false].map((writable): FakeHome => {
          const mark = given === undefined ? undefined : { ...given, startsMax: 4, seconds: 60, late: false }
          return { ...fakeHome(), current, whole: new Set<Slot>(whole), writable, kept: { ...fakeHome().kept, mark } }
        }),
      ),
    ),
  )
}

test('starts what the model starts, counts as it does, and hands on every word', async () => {
  for (const home of homes()) {
    const shown = JSON.stringify({ ...home, whole: [...home.whole] })
    await withHome(home, PROGRAM, async (directory) => {
      const said = await start(directory)
      const slot = startFrom(home)
      const program = join(directory, 'versions', slot, 'holdfast')
      assert.is(said, `${program} ${directory} ${slot} agent --state some where\n`, shown)
      assert.is(readlinkSync(join(directory, 'current')), `versions/${home.current}`, shown)
      assert.equal(markIn(directory), home.kept.mark, shown)
    })
  }
})

test('a mark that is no mark trusts nobody', async () => {
  await withHome({ ...fakeHome(), current: 'b', whole: new Set(slots) }, PROGRAM, async (directory) => {
    writeFileSync(join(directory, 'versions/unconfirmed'), 'b x 4 60\n')
    assert.match(await start(directory), '/versions/a/holdfast')
  })
})

/** The program itself, as an agent that hangs. */
const HANGS = '#!/bin/sh\nexec sleep 60\n'

function marked(seconds: number): FakeHome {
  const mark: Mark = { slot: 'b', starts: 0, startsMax: 4, seconds, late: false }
  return { ...fakeHome(), current: 'b', whole: new Set(slots), kept: { ...fakeHome().kept, mark } }
}

test('what hangs is ended when its time is up, and not started again', async () => {
  await withHome(marked(1), HANGS, async (directory) => {
    const child = spawn(join(directory, 'start'), [], { stdio: 'ignore' })
    const [, signal] = await once(child, 'exit')
    assert.is(signal, 'SIGKILL')
    assert.equal(markIn(directory), { slot: 'b', starts: 4, startsMax: 4, seconds: 1, late: true })
    writeFileSync(join(directory, 'versions/a/holdfast'), PROGRAM)
    assert.match(await start(directory), '/versions/a/holdfast')
  })
})

test('what was proven in time is left alone', async () => {
  await withHome(
    marked(2),
    '#!/bin/sh\nrm "$HOLDFAST_HOME/versions/unconfirmed"\nexec sleep 3\n',
    async (directory) => {
      const child = spawn(join(directory, 'start'), [], { stdio: 'ignore' })
      assert.equal(await once(child, 'exit'), [0, null])
    },
  )
})

test.run()
