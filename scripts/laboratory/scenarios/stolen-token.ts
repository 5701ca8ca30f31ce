// Tokens that must not open the door: used up, expired, revoked, made up, of another hub, or under another's name.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../host.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite } from '../shapes.ts'
import { expect } from '../unmet.ts'

const topology = { ...oneSite.topology, internet: ['hub', 'thief'], bystanders: ['thief'] }

/** Tries to join from a clean state; throws unless it is refused with these words and leaves no identity behind. */
async function expectRefusal(thief: Host, url: string, token: string, words: RegExp, name = 'thief'): Promise<string> {
  await thief.exec(['rm', '-rf', '/var/lib/holdfast'])
  const argv = ['holdfast', 'join', url, '--token', token, '--name', name, '--timeout', '5s']
  const { code, stderr, stdout } = await thief.attempt(argv)
  const said = `${stderr}${stdout}`.trim()
  expect(code !== 0 && words.test(said), `join is refused with ${String(words)}`, `code ${code}: ${said}`)
  expect(!/^\s+at /m.test(said), 'words for people', `a stack trace: ${said}`)
  const left = await thief.attempt(['ls', '/var/lib/holdfast/identity.json'])
  expect(left.code !== 0, 'no identity is left behind', 'identity.json')
  return said.split('\n').at(-1) ?? ''
}

export const scenario: Scenario = {
  name: 'stolen-token',
  promise: 'a token that was used, expired, revoked or made up opens nothing, and the refusal says why',
  shape: { ...oneSite, topology },
  async play(fleet, story) {
    const { hub, net } = fleet
    const thief = net.host('thief')
    const refused = (what: string, token: () => Promise<string>, words: RegExp, name?: string): Promise<unknown> =>
      story.step(
        what,
        async () => expectRefusal(thief, hub.url, await token(), words, name),
        (said) => `“${said}”`,
      )
    const fresh = async (...words: readonly string[]): Promise<string> => (await hub.token(...words)).token

    const used = await fresh()
    await story.step('a one-time token is used, for a device that then leaves', async () => {
      await thief.exec(['holdfast', 'join', hub.url, '--token', used, '--name', 'visitor'])
      await thief.exec(['holdfast', 'leave', '--purge'])
    })
    await refused('stolen after use', async () => used, /used|spent|left/i)
    await refused(
      'expired',
      async () => {
        const token = await fresh('--ttl', '1s')
        await sleep(1_500)
        return token
      },
      /expired/i,
    )
    await refused(
      'revoked',
      async () => {
        const { id, token } = await hub.token()
        await hub.cli(['token', 'revoke', id])
        return token
      },
      /revoked/i,
    )
    await refused(
      'the secret is guessed',
      async () => {
        const token = await fresh()
        const [prefix, id, body = ''] = token.split('.')
        // The pin of the hub is the second half; the first half is the secret.
        return [prefix, id, `${body.startsWith('AAAA') ? 'BBBB' : 'AAAA'}${body.slice(4)}`].join('.')
      },
      /token/i,
    )
    await refused(
      'made by another hub',
      async () => {
        const token = await fresh()
        return `${token.slice(0, -8)}${token.endsWith('AAAAAAAA') ? 'BBBBBBBA' : 'AAAAAAAA'}`
      },
      /not the hub/i,
    )
    await refused('not a token at all', async () => 'open-sesame', /token/i)
    await refused('the name of a device that is in use', () => fresh(), /alpha-1/, 'alpha-1')
    await story.step('the fleet is what it was', async () => {
      await fleet.mesh()
      const { nodes } = await hub.rollOut()
      expect(nodes === 2, '2 devices', String(nodes))
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
