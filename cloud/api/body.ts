// Bodies of requests: bounded before they are read, parsed once, never trusted.

import type { Context } from 'hono'
import { HoldfastError } from '../../shared/errors.ts'
import type { AnyResource } from '../../shared/intent/resource.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'

export async function readJson(context: Context): Promise<unknown> {
  const text = await context.req.text()
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('invalid', 'the body is not JSON', { cause, remedy: 'Send one JSON object.' })
  }
}

/** YAML or JSON; JSON is read as the YAML it is, so that errors name the line in both. */
export async function readResources(context: Context): Promise<readonly AnyResource[]> {
  return parseDocuments(await context.req.text())
}

export async function readResource(context: Context): Promise<AnyResource> {
  const [resource, second] = await readResources(context)
  if (resource === undefined || second !== undefined) {
    throw new HoldfastError('invalid', 'the body is not exactly one resource', {
      remedy: 'Send several to /api/v1/apply.',
    })
  }
  return resource
}

export function isDryRun(context: Context): boolean {
  const value = context.req.query('dryRun')
  if (value === undefined || value === 'false') return false
  if (value === 'true' || value === '') return true
  throw new HoldfastError('invalid', `"${value.slice(0, 20)}" is neither true nor false`, { field: 'dryRun' })
}
