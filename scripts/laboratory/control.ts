// How other commands speak to a fleet that `up` keeps running: one line of JSON each way over a unix socket.

import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { findOpenRun } from './run-directory.ts'

type Answer = { readonly ok: string } | { readonly error: string }

/** Carries out the words of a command and says what came of it. */
export type Carrier = (words: readonly string[]) => Promise<string>

function socketOf(directory: string): string {
  return join(directory, 'control.sock')
}

async function answerTo(line: string, carry: Carrier): Promise<Answer> {
  try {
    const words: unknown = JSON.parse(line)
    if (!Array.isArray(words)) throw new HoldfastError('invalid', 'not a list of words')
    return { ok: await carry(words.map(String)) }
  } catch (error) {
    return { error: describeError(error) }
  }
}

/** Listens in the run's directory, which only root may enter, until the returned function is called. */
export async function serveControl(directory: string, carry: Carrier): Promise<() => void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    createInterface({ input: socket }).once('line', (line) => {
      void answerTo(line, carry).then((answer) => socket.end(`${JSON.stringify(answer)}\n`))
    })
  })
  await new Promise<void>((resolve) => server.listen(socketOf(directory), resolve))
  return () => void server.close()
}

/** Sends the words to the running fleet; returns its answer, or throws its error. */
export async function callControl(words: readonly string[]): Promise<string> {
  const directory = findOpenRun()
  if (directory === undefined) {
    throw new HoldfastError('not-found', 'no fleet runs here', {
      remedy: 'Start one in another terminal: ./scripts/up',
    })
  }
  const line = await new Promise<string>((resolve, reject) => {
    const socket = createConnection(socketOf(directory))
    socket.once('error', reject)
    createInterface({ input: socket })
      .once('line', resolve)
      .once('close', () => reject(new HoldfastError('failed', 'the fleet stopped')))
    socket.write(`${JSON.stringify(words)}\n`)
  })
  const answer = JSON.parse(line) as Answer
  if ('error' in answer) throw new HoldfastError('failed', answer.error)
  return answer.ok
}
