// Runs test files one after another in one process, as their names come in on standard input. Starting Node and loading what
// every test loads costs more than most tests do.
//
// uvu's own command line runs many files at once the same way; here each file ends before the next is loaded, so that what
// is printed, and what crashes, belongs to one.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { endOfFile } from './files-protocol.ts'

/** What uvu keeps between loading a file and running it. */
const shared = globalThis as { UVU_DEFER?: number; UVU_INDEX?: number; UVU_QUEUE?: unknown[][] }
shared.UVU_DEFER = 1
const queue: unknown[][] = []
shared.UVU_QUEUE = queue
const { exec } = await import('uvu')

async function runFile(path: string): Promise<number> {
  process.exitCode = 0
  // No name: uvu would print it, and the caller knows it.
  queue.splice(0, queue.length, [null])
  shared.UVU_INDEX = 0
  try {
    await import(pathToFileURL(path).href)
    await exec()
  } catch (error) {
    process.stderr.write(`${inspect(error)}\n`)
    return 1
  }
  // `exec` says what it found by the exit code alone.
  return process.exitCode
}

for await (const path of createInterface({ input: process.stdin })) {
  const line = endOfFile(await runFile(path))
  process.exitCode = 0
  process.stderr.write(line)
  process.stdout.write(line)
}

// Now nothing keeps this process. What does is a test's, and is told by its kind.
const tell = (): unknown => process.stderr.write(`still open: ${process.getActiveResourcesInfo().join(', ')}\n`)
setTimeout(tell, 500).unref()
