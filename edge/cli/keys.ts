// The commands `keys …` on a device: its WireGuard key, and another one in its place.

import type { KeysReport } from '../agent.ts'
import { createLocalClient } from '../local/client.ts'
import { type Cli, type Command, writeJson } from './context.ts'

/** Names in one line; the rest is counted. */
const NAMED_MAX = 8

function some(names: readonly string[]): string {
  const more = names.length - NAMED_MAX
  return more > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more` : names.join(', ')
}

function hubText({ inIntent, online }: KeysReport): string {
  if (inIntent) return 'in intent'
  return online
    ? 'not in intent yet; the hub was told'
    : 'not in intent: the hub is away, and takes it when it is back; peers go by this device’s own word meanwhile'
}

/** How the key stands, in lines. */
export function keysText(report: KeysReport): string {
  const { awaiting, madeAt, met, node, peers, retired, serial, unmet, wgKey } = report
  const made = madeAt === undefined ? 'of enrolment' : `made ${new Date(madeAt).toISOString()}`
  return [
    `key      ${wgKey}`,
    `serial   ${serial}, ${made}`,
    `hub      ${hubText(report)}`,
    `peers    ${met} of ${peers} met under it${unmet.length === 0 ? '' : `; not yet: ${some(unmet)}`}`,
    `former   ${retired === 0 ? 'none kept' : `${retired} kept, for peers that were away; \`holdfast keys forget\` removes them`}`,
    ...(awaiting === undefined
      ? []
      : [
          `next     ${awaiting} awaits signatures: \`holdfast-hub lock sign ${node} --key FILE\`; compare the key there`,
        ]),
    '',
  ].join('\n')
}

function show(cli: Cli, report: KeysReport): number {
  if (cli.json) writeJson(cli, report)
  else cli.write(keysText(report))
  return 0
}

export const keysShowCommand: Command = async (cli) => show(cli, await createLocalClient(cli.files.socket).keys())

export const keysRotateCommand: Command = async (cli) =>
  show(cli, await createLocalClient(cli.files.socket).rotateKey())

export const keysForgetCommand: Command = async (cli) =>
  show(cli, await createLocalClient(cli.files.socket).forgetKeys())
