// A full disk stops the cache and nothing else: intent still arrives and is applied, and it is told.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ask, serve } from '../conversation.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite, resource } from '../shapes.ts'
import { expect } from '../unmet.ts'

const DIRECTORY = '/var/lib/holdfast'

/** Moves the state onto a small disk of its own. */
async function useSmallDisk({ host }: LabNode): Promise<void> {
  await host.exec(['mount', '-t', 'tmpfs', '-o', 'size=2m,mode=700', 'tmpfs', '/mnt'])
  await host.exec(['cp', '-a', `${DIRECTORY}/.`, '/mnt'])
  await host.exec(['mount', '--bind', '/mnt', DIRECTORY])
}

async function fillDisk({ host }: LabNode): Promise<void> {
  await host.attempt(['dd', 'if=/dev/zero', `of=${DIRECTORY}/fill`, 'bs=4k'])
}

function web(port: number): object {
  return resource('Policy', 'web', {
    subject: { nodeSelector: {} },
    ingress: [{ ports: [{ protocol: 'TCP', port }] }],
  })
}

export const scenario: Scenario = {
  name: 'full-disk',
  promise: 'a device whose disk is full still takes and applies intent, and says what is wrong',
  shape: oneSite,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    const full = (expected: boolean): Promise<unknown> =>
      fleet.sees(
        two,
        expected ? 'health says that the disk is full' : 'health says no more that the disk is full',
        (status) => status.health.some(({ code }) => code === 'disk-full') === expected,
      )
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('alpha-2’s state lies on a disk of 2 MB, which fills up', async () => {
      await two.end('SIGTERM')
      await useSmallDisk(two)
      await two.start()
      await fillDisk(two)
    })
    await serve(two.host, ['tcp', 80])
    await story.step('a changed policy arrives all the same, and is in force', async () => {
      await fleet.hub.apply(web(80))
      await fleet.acknowledged()
      const seen = await ask(one.host, 'tcp', await two.address(), 80)
      expect(seen !== undefined, 'TCP 80 is answered', 'silence')
    })
    await story.step('its health says that the disk is full', () => full(true))
    await story.step('its agent is killed and starts on the full disk; the mesh is whole', async () => {
      await two.end('SIGKILL')
      await two.start()
      await fleet.mesh()
      await fleet.acknowledged()
    })
    await story.step('space is freed and intent changes: stored again, and healthy', async () => {
      rmSync(join(two.state(), 'fill'))
      await fleet.hub.apply(web(81))
      await fleet.acknowledged()
      await full(false)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
