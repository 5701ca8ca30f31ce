// A policy as text that a person edits: written from what the hub holds, checked as the hub would check it, and made ready to be
// sent. Nothing of what was typed is ever changed but where somebody asks for it.

import { parseDocument, stringify } from 'yaml'
import { HoldfastError } from '../../../shared/errors.ts'
import { type AnyResource, apiVersion } from '../../../shared/intent/resource.ts'
import { parseDocuments } from '../../../shared/intent/yaml.ts'

export interface HeldPolicy {
  readonly metadata: { readonly name: string; readonly resourceVersion: string; readonly labels?: unknown }
  readonly spec: object & { readonly mode?: string; readonly tier?: string }
  readonly status: { readonly programmed?: string }
}

export const newPolicyText = [
  `apiVersion: ${apiVersion}`,
  'kind: Policy',
  'metadata:',
  '  name: allow-https-to-gateways',
  'spec:',
  '  subject:',
  '    nodeSelector:',
  '      matchLabels: { role: gateway }',
  '  ingress:',
  '    - name: https',
  '      ports:',
  '        - { protocol: TCP, port: 443 }',
  '',
].join('\n')

/** Where the hub has it. */
export function pathOf(name: string): string {
  return `/api/v1/policies/${encodeURIComponent(name)}`
}

/** Without what the hub adds. */
export function policyText({ metadata, spec }: HeldPolicy): string {
  const { resourceVersion: _, ...rest } = metadata
  return stringify(
    { apiVersion, kind: 'Policy', metadata: rest, spec },
    { lineWidth: 100, aliasDuplicateObjects: false },
  )
}

export interface Checked {
  readonly resource?: AnyResource
  readonly error?: HoldfastError
}

/** One Policy, as the hub would read it. */
export function checkPolicy(text: string): Checked {
  try {
    const [resource, second] = parseDocuments(text)
    if (resource?.kind === 'Policy' && second === undefined) return { resource }
    const message = resource === undefined ? 'there is nothing in it' : 'it is not exactly one Policy'
    return { error: new HoldfastError('invalid', message, { remedy: 'Edit one Policy at a time.' }) }
  } catch (error) {
    if (error instanceof HoldfastError) return { error }
    return { error: new HoldfastError('invalid', 'it cannot be read', { cause: error }) }
  }
}

/** Written only if nobody wrote in between; `resourceVersion` undefined: whatever is there. */
export function textToSend(text: string, resourceVersion: string | undefined): string {
  const document = parseDocument(text)
  if (resourceVersion === undefined) document.deleteIn(['metadata', 'resourceVersion'])
  else document.setIn(['metadata', 'resourceVersion'], resourceVersion)
  return document.toString()
}

export interface CanaryWish {
  readonly percent: number
  /** Seconds; absent where people decide. */
  readonly finishAfterS?: number
}

/** The policy and who goes first with it, to be applied together. */
export function withCanary(text: string, network: string, wish: CanaryWish): string {
  const canary = { apiVersion, kind: 'Canary', metadata: { name: 'canary' }, spec: { network, ...wish } }
  return `${stringify(canary)}---\n${text}`
}
