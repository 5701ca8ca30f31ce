// What `holdfast explain` says at a host, whatever its exit code.

import type { Host } from './host.ts'
import { expect } from './unmet.ts'

export async function expectExplained(host: Host, what: string, pattern: RegExp): Promise<void> {
  const { stderr, stdout } = await host.attempt(['holdfast', 'explain', what])
  expect(pattern.test(stdout), String(pattern), stdout + stderr)
}
