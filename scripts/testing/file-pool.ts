// Runs test files in processes that take one after another. A file that crashes or hangs takes its process with it, is told
// as the one that did, and the next file gets a new process.

import { join } from 'node:path'
import { systemClock } from '../../shared/host/clock.ts'
import { type ChildResult, keepOutput, type Program, type ProgramOptions, startProgram } from './child.ts'
import { splitAtEnd } from './files-protocol.ts'

/**
 * A process that has nothing more to do ends by itself, unless a test left something running in it. The first time it writes
 * down what it compiled.
 */
const CLOSE_MS = 20_000

interface Runner {
  readonly program: Program
  stdout: string
  stderr: string
  /** Told of each piece of output. */
  heard: () => void
}

export interface FilePool {
  run(path: string, timeoutMs: number): Promise<ChildResult>
  /** After the last file: how each process ended that is still there. */
  close(): Promise<readonly ChildResult[]>
}

export interface FilePoolOptions extends ProgramOptions {
  /** How long the end of a process is waited for. */
  readonly closeMs?: number
}

export function createFilePool(node: string, options: FilePoolOptions): FilePool {
  const { closeMs = CLOSE_MS } = options
  const idle: Runner[] = []

  const start = (): Runner => {
    const program = startProgram([node, join(import.meta.dirname, 'files-process.ts')], options)
    const runner: Runner = { program, stdout: '', stderr: '', heard: () => undefined }
    for (const stream of ['stdout', 'stderr'] as const) {
      program.onOutput(stream, (text) => {
        runner[stream] = keepOutput(runner[stream], text)
        runner.heard()
      })
    }
    return runner
  }

  return {
    async run(path, timeoutMs) {
      const runner = idle.pop() ?? start()
      const { program } = runner
      const startedAt = systemClock.monotonic()
      let timedOut = false
      const timer = setTimeout(() => {
        timedOut = true
        program.end()
      }, timeoutMs)
      const told = new Promise<Pick<ChildResult, 'code' | 'output'>>((resolve) => {
        runner.heard = () => {
          const [out, err] = [splitAtEnd(runner.stdout), splitAtEnd(runner.stderr)]
          if (out === undefined || err === undefined) return
          runner.stdout = out.after
          runner.stderr = err.after
          resolve({ code: out.code, output: out.before + err.before })
        }
      })
      program.write(path)
      const result = await Promise.race([told, program.ended])
      clearTimeout(timer)
      const elapsedMs = systemClock.monotonic() - startedAt
      if ('output' in result) {
        idle.push(runner)
        return { ...result, signal: undefined, timedOut, elapsedMs }
      }
      return { ...result, output: runner.stdout + runner.stderr, timedOut, elapsedMs }
    },
    close: () =>
      Promise.all(
        idle.splice(0).map(async (runner) => {
          const startedAt = systemClock.monotonic()
          let timedOut = false
          const timer = setTimeout(() => {
            timedOut = true
            runner.program.end()
          }, closeMs)
          runner.program.endInput()
          const result = await runner.program.ended
          clearTimeout(timer)
          const elapsedMs = systemClock.monotonic() - startedAt
          return { ...result, timedOut, output: runner.stdout + runner.stderr, elapsedMs }
        }),
      ),
  }
}
