// Bodies of requests: bounded before they are read, parsed once, never trusted.

import type { Context } from 'hono'
import { concat, fromUtf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { AnyResource } from '../../shared/intent/resource.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'
import type { Call } from './route.ts'

/** Throws before anything is read where the length is announced, and at the first byte too many where it is not. */
async function readText({ bodyMax, context }: Call): Promise<string> {
  const tooLarge = new HoldfastError('too-large', `the body is larger than ${bodyMax} bytes`, {
    remedy: 'Split it into several requests.',
  })
  if (Number(context.req.header('content-length') ?? 0) > bodyMax) throw tooLarge
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (context.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > bodyMax) throw tooLarge
    parts.push(part)
  }
  try {
    return fromUtf8(concat(...parts))
  } catch (cause) {
    throw new HoldfastError('invalid', 'the body is not UTF-8 text', {
      cause,
      remedy: 'Send it as UTF-8 and without content-encoding.',
    })
  }
}

export async function readJson(call: Call): Promise<unknown> {
  const text = await readText(call)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('invalid', 'the body is not JSON', { cause, remedy: 'Send one JSON object.' })
  }
}

/** YAML or JSON; JSON is read as the YAML it is, so that errors name the line in both. */
export async function readResources(call: Call): Promise<readonly AnyResource[]> {
  return parseDocuments(await readText(call))
}

export async function readResource(call: Call): Promise<AnyResource> {
  const [resource, second] = await readResources(call)
  if (resource === undefined || second !== undefined) {
    throw new HoldfastError('invalid', 'the body is not exactly one resource', {
      remedy: 'Send several to /api/v1/apply.',
    })
  }
  return resource
}

/** A parameter that is a yes or a no. */
export function isSet(context: Context, parameter: 'dryRun' | 'replace'): boolean {
  const value = context.req.query(parameter)
  if (value === undefined || value === 'false') return false
  if (value === 'true' || value === '') return true
  throw new HoldfastError('invalid', `"${value.slice(0, 20)}" is neither true nor false`, {
    field: parameter,
    remedy: 'Use true or false.',
  })
}
