// Ports for tests: no two callers are given one, in this process or in another, and none where somebody listens.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ownPort } from './own-port.fake.ts'

test('each call gives another pair, as do processes that ask at the same time', async () => {
  const script = `
    const { ownPort } = await import(${JSON.stringify(import.meta.resolve('./own-port.fake.ts'))})
    const ports = [await ownPort(), await ownPort(), await ownPort()]
    console.log(JSON.stringify(ports))
    process.stdin.resume().on('end', () => process.exit())`
  const children = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  const said = children.map(async (child) => {
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    return JSON.parse(chunk.toString()) as number[]
  })
  const ours = await Promise.all([ownPort(), ownPort(), ownPort()])
  const all = [...ours, ...(await Promise.all(said)).flat()]
  const ends = children.map(async (child) => once(child, 'exit'))
  for (const child of children) child.stdin.end()
  await Promise.all(ends)
  assert.is(all.length, 12)
  assert.is(new Set(all.flatMap((port) => [port, port + 1])).size, 24)
})

test("where somebody listens is nobody else's port", async () => {
  const next = await ownPort()
  const server = createServer()
  server.listen(next + 2, '127.0.0.1')
  await Promise.race([once(server, 'listening'), once(server, 'error')])
  assert.is.not(await ownPort(), next + 2)
  server.close()
})

test.run()
