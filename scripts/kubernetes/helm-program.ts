// Where a real Helm comes from: named by HELM, or built from its Go module once.

import { join } from 'node:path'
import { inPath } from './api-server-program.ts'
import { goProgram } from './go-program.ts'

const source = {
  name: 'helm',
  module: join(import.meta.dirname, 'helm'),
  files: ['go.mod', 'go.sum', 'tools.go'],
  package: 'helm.sh/helm/v4/cmd/helm',
}

/** Why there is no Helm to test with, as a sentence; undefined where there is one, or can be. @testonly */
export function whyNoHelm(): string | undefined {
  if (process.env['HELM'] !== undefined || inPath('go') !== undefined) return undefined
  return 'needs Helm: name one in HELM, or install Go 1.19 or newer to build it'
}

export async function helmProgram(): Promise<string> {
  return process.env['HELM'] ?? (await goProgram(source))
}
