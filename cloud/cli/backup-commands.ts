// backup, restore and keys: what is kept against the loss of the hub, and how it comes back.

import { fromBase64 } from '../../shared/bytes.ts'
import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { createLog } from '../../shared/host/log.ts'
import { memberKinds, plural } from '../../shared/intent/resource.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { formatVersion } from '../../shared/record/head.ts'
import { version } from '../../shared/version.ts'
import { writeBackup } from '../backup/backup.ts'
import { exportKeys, readKeys } from '../backup/keys.ts'
import { restoreBackup } from '../backup/restore.ts'
import { type FromNodes, restoreFromNodes } from '../backup/restore-from-nodes.ts'
import { dataPaths } from '../serve/data-directory.ts'
import { rotateRootKey } from '../tls/rotate-root-key.ts'
import { rotateSigningKey } from '../tls/rotate-signing-key.ts'
import { dataDefault } from './client.ts'
import { argument, type Command, type Context, outputOf, printJson } from './context.ts'

const dataOf = ({ flags }: Context): string => textFlag(flags, 'data') ?? dataDefault

export const backup: Command = async (context) => {
  const file = argument(context, 0)
  await writeBackup(dataPaths(dataOf(context)), file, context.clock.now(), version)
  context.out(`Wrote ${file}. Keep it secret: it holds the keys of the network.\n`)
}

export const keysExport: Command = async (context) => {
  const file = argument(context, 0)
  exportKeys(dataOf(context), file, context.clock.now())
  context.out(
    [
      `Wrote ${file}. Whoever has it can be this hub: take it off this machine, to two places without a network.`,
      'With it and `holdfast export` of any device, `holdfast-hub restore --from-node` brings the hub back.',
      '',
    ].join('\n'),
  )
}

function rotateRoot(context: Context): void {
  const { after, before, serial, shortened } = rotateRootKey(dataOf(context), context.clock.now())
  const short = [
    `The chain holds ${rootLinksMax} rotations at most, and its oldest was dropped: devices and tokens from before it must join anew.`,
  ]
  context.out(
    [
      `The root key is ${after} now, number ${serial}, in place of ${before}; both have signed that it follows.`,
      'Restart the hub: devices follow with the first revision that it signs, from the hub, from peers or from a file, also those',
      'that are away; tokens that were made before still count. Agents that do not know of root rotation yet stay with what they hold.',
      ...(shortened ? short : []),
      'Copies of the keys from before are worth nothing to devices that have followed: make `keys export` and `backup` anew, now.',
      '',
    ].join('\n'),
  )
}

export const keysShow: Command = async (context) => {
  const { root, roots, signing } = readKeys(dataOf(context))
  const idOf = (key: Uint8Array): string => keyIdOf(key, sha256)
  const chain = roots.map(({ link }) => ({
    serial: link.serial,
    root: idOf(fromBase64(link.root)),
    next: idOf(fromBase64(link.next)),
    issuedAt: link.issuedAt,
  }))
  const serial = chain.at(-1)?.serial ?? 0
  const signingKey = signing && { key: idOf(signing.signer.publicKey), issuedAt: signing.issuedAt }
  if (outputOf(context) === 'json') {
    printJson(context, { rootKey: { key: idOf(root.publicKey), serial }, ...(signingKey && { signingKey }), chain })
    return
  }
  const dayOf = (ms: number): string => new Date(ms).toISOString()
  const rows = chain.map((one) => `          ${one.serial}: ${one.next} follows ${one.root}, ${dayOf(one.issuedAt)}`)
  const signed = signingKey && `signing   ${signingKey.key}, certified ${dayOf(signingKey.issuedAt)}`
  const made = signed ?? 'signing   none that counts: the hub makes one at its next start'
  context.out(`${[`root      ${idOf(root.publicKey)}, number ${serial}`, ...rows, made].join('\n')}\n`)
}

export const keysRotate: Command = async (context) => {
  if (switchFlag(context.flags, 'root')) return rotateRoot(context)
  const directory = dataOf(context)
  const { after, before } = rotateSigningKey(directory, context.clock.now())
  context.out(
    [
      `The signing key is ${after} now, in place of ${before}. Restart the hub: it signs anew with it, and devices follow.`,
      'Copies of the keys from before (`keys export`, `backup`) hold the old one: make new ones.',
      '',
    ].join('\n'),
  )
}

/** What no device could know, and what follows from that. */
const LOST = [
  'Devices did not know, and so it is gone: devices that were disabled or not approved yet, Nodes that nobody had joined as yet,',
  'join tokens, API tokens, the audit log, labels and annotations of resources themselves, and whatever was changed later:',
  'who was removed since then is a member again. Look through `holdfast-hub get nodes` and delete them anew.',
]

function tell({ err, out }: Context, { networks, refused, remade }: FromNodes, directory: string): void {
  for (const { file, why } of refused) err(`holdfast-hub: ${file} was no use: ${why}\n`)
  for (const { count, epoch, from, network } of networks) {
    const there = memberKinds.map((kind) => `${count.get(kind) ?? 0} ${plural[kind]}`).join(', ')
    out(`Network ${network} as of revision ${formatVersion(from)}: ${there}. It goes on as epoch ${epoch}.\n`)
  }
  if (remade.length > 0) out(`The root key vouches for what is new: ${remade.join(' and ')}.\n`)
  out(`${LOST.join('\n')}\n`)
  out(`Start it at the address that devices know: \`holdfast-hub serve --data ${directory} --url …\`.\n`)
  out('Devices come back by themselves within minutes.\n')
}

export const restore: Command = async (context) => {
  const directory = dataOf(context)
  const { args, clock, entropy, flags } = context
  const log = createLog({ level: 'warn', format: 'text', now: () => clock.now() })
  const files = listFlag(flags, 'from-node')
  const keys = textFlag(flags, 'keys')
  if (args.length + files.length === 0 || (args.length > 0 && files.length > 0)) {
    throw new HoldfastError('usage', 'restore needs a backup, or --from-node with files of devices', {
      remedy: 'holdfast-hub restore FILE, or holdfast-hub restore --from-node FILE --keys FILE.',
    })
  }
  if (files.length > 0 && keys === undefined) {
    throw new HoldfastError('usage', '--from-node needs --keys', {
      remedy: 'A backup brings its keys along; for devices’ files give what `holdfast-hub keys export` wrote.',
    })
  }
  if (keys !== undefined && files.length > 0) {
    tell(context, restoreFromNodes({ files, keys, directory, clock, entropy, log }), directory)
    return
  }
  restoreBackup(argument(context, 0), directory, clock.now(), log, keys)
  context.out(`Restored into ${directory}, in a new epoch. Start it with \`holdfast-hub serve --data ${directory}\`.\n`)
}
