// Asking between hosts with real packets: is this port reached, and whom does the other side see?

import { join } from 'node:path'
import type { Host } from './host.ts'
import { patient } from './patience.ts'
import { expect } from './unmet.ts'

const PROGRAM = join(import.meta.dirname, 'talk.ts')
/** A dropped packet is no answer; a second is an age on a wire of the lab, even when it is repeated once by TCP. */
const PATIENCE_MS = 1_500

export type Protocol = 'tcp' | 'udp'

/** Serves on these ports until the host is switched off. */
export async function serve(host: Host, ...ports: readonly (readonly [Protocol, number])[]): Promise<void> {
  await Promise.all(
    ports.map(([protocol, port]) =>
      host.spawn([process.execPath, PROGRAM, 'serve', protocol, String(port)], 'talk').said(/serving/),
    ),
  )
}

/** The words of a question, for whoever asks from elsewhere than from a host itself; the answer is as of `endpointSeen`. */
export function asking(protocol: Protocol, address: string, port: number, fromPort = 0): readonly string[] {
  const words = ['ask', protocol, address, String(port), String(fromPort), String(patient(PATIENCE_MS))]
  return [process.execPath, PROGRAM, ...words]
}

/** The endpoint that the server saw, as `address port`, or undefined where nothing came back. */
export async function endpointSeen(
  host: Host,
  protocol: Protocol,
  address: string,
  port: number,
  fromPort = 0,
): Promise<string | undefined> {
  const { code, stdout } = await host.attempt(asking(protocol, address, port, fromPort))
  return code === 0 ? stdout.trim() : undefined
}

/** The address that the server saw, or undefined where nothing came back. */
export async function ask(host: Host, protocol: Protocol, address: string, port: number): Promise<string | undefined> {
  return (await endpointSeen(host, protocol, address, port))?.split(' ')[0]
}

export interface Question {
  readonly from: Host
  readonly protocol: Protocol
  readonly to: string
  readonly port: number
  readonly passes: boolean
}

/** All at once; throws at the first that is not as it says. */
export async function expectAll(questions: readonly Question[]): Promise<number> {
  const answers = await Promise.all(
    questions.map(async (question) => ({
      question,
      answer: await ask(question.from, question.protocol, question.to, question.port),
    })),
  )
  for (const { answer, question } of answers) {
    const what = `${question.protocol} from ${question.from.name} to ${question.to} port ${question.port}`
    const expected = `${what} ${question.passes ? 'is answered' : 'is dropped'}`
    expect((answer !== undefined) === question.passes, expected, answer === undefined ? 'silence' : 'an answer')
  }
  return questions.length
}

/** What the resolver at that endpoint knows of a name or an address, or why it says nothing. */
export async function lookUp(host: Host, server: string, name: string): Promise<string> {
  const { code, stderr, stdout } = await host.attempt([process.execPath, PROGRAM, 'look-up', server, name])
  return code === 0 ? stdout.trim() : stderr.trim()
}
