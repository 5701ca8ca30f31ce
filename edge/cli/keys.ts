// The commands `keys …` on a device: its WireGuard key and its device key, and others in their place.

import { switchFlag } from '../../shared/cli/parse.ts'
import type { KeysReport } from '../agent.ts'
import { createLocalClient } from '../local/client.ts'
import { type Cli, type Command, writeJson } from './context.ts'

/** Names in one line; the rest is counted. */
const NAMED_MAX = 8

function some(names: readonly string[]): string {
  const more = names.length - NAMED_MAX
  return more > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more` : names.join(', ')
}

function hubText({ inIntent, online }: Pick<KeysReport, 'inIntent' | 'online'>): string {
  if (inIntent) return 'in intent'
  return online
    ? 'not in intent yet; the hub was told'
    : 'not in intent: the hub is away, and takes it when it is back; peers go by this device’s own word meanwhile'
}

function serialText({ madeAt, serial }: Pick<KeysReport, 'madeAt' | 'serial'>): string {
  return `${serial}, ${madeAt === undefined ? 'of enrolment' : `made ${new Date(madeAt).toISOString()}`}`
}

/** How the keys stand, in lines. */
export function keysText(report: KeysReport): string {
  const { awaiting, device, met, node, online, peers, retired, unmet, wgKey } = report
  return [
    `key      ${wgKey}`,
    `serial   ${serialText(report)}`,
    `hub      ${hubText(report)}`,
    `peers    ${met} of ${peers} met under it${unmet.length === 0 ? '' : `; not yet: ${some(unmet)}`}`,
    `former   ${retired === 0 ? 'none kept' : `${retired} kept, for peers that were away; \`holdfast keys forget\` removes them`}`,
    ...(awaiting === undefined
      ? []
      : [
          `next     ${awaiting} awaits signatures: \`holdfast-hub lock sign ${node} --key FILE\`; compare the key there`,
        ]),
    '',
    `device   ${device.key}`,
    `serial   ${serialText(device)}`,
    `hub      ${hubText({ inIntent: device.inIntent, online })}`,
    ...(device.awaiting === undefined
      ? []
      : [
          `next     ${device.awaiting} awaits signatures: \`holdfast-hub lock sign ${node} --key FILE\`; compare it there`,
        ]),
    ...(device.formerKept
      ? [`former   kept until the hub has had the new one for an hour, for relays that go by it`]
      : []),
    '',
  ].join('\n')
}

function show(cli: Cli, report: KeysReport): number {
  if (cli.json) writeJson(cli, report)
  else cli.write(keysText(report))
  return 0
}

export const keysShowCommand: Command = async (cli) => show(cli, await createLocalClient(cli.files.socket).keys())

export const keysRotateCommand: Command = async (cli) => {
  const agent = createLocalClient(cli.files.socket)
  return show(cli, await (switchFlag(cli.flags, 'device') ? agent.rotateDeviceKey() : agent.rotateKey()))
}

export const keysForgetCommand: Command = async (cli) =>
  show(cli, await createLocalClient(cli.files.socket).forgetKeys())
