// What `holdfast-bpf relay standing` and `relay hang` say of the short cut at XDP, device by device.

import { HoldfastError } from '../../shared/errors.ts'

/** Why a device has not the faster program; undefined of `xdp`, which has it. */
const REASONS = {
  xdp: undefined,
  unknown: 'the kernel does not say what its driver can (6.3 and later do)',
  'no-driver': 'its driver runs no XDP',
  taken: "another's program is at XDP",
  'no-frames': 'nothing takes frames there (of a veth, the other end does with GRO on)',
  vain: 'no way out takes frames',
  refused: 'its driver refused the program',
  free: 'no session needs it there, or the driver refused it',
} as const

export type XdpState = keyof typeof REASONS
/** By device. */
export type XdpStanding = ReadonlyMap<string, XdpState>

function isState(word: string): word is XdpState {
  return Object.hasOwn(REASONS, word)
}

export function readXdp(text: string): XdpStanding {
  return new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [device = '', state = ''] = line.split(' ')
        if (isState(state)) return [device, state] as const
        throw new HoldfastError(
          'unsupported',
          `holdfast-bpf says of a device what is not known: ${line.slice(0, 80)}`,
          {
            remedy: 'Install holdfast and holdfast-bpf of one version.',
          },
        )
      }),
  )
}

export function whyNoXdp(state: XdpState | undefined): string | undefined {
  return state === undefined ? 'its link header is not that of Ethernet' : REASONS[state]
}

/** As `by XDP at eth0, by BPF at eth1, else by nft; no XDP at eth1: …`. `devices` have the program at tc. */
export function carriersText(devices: readonly string[], standing: XdpStanding | undefined): string {
  const [quick, rest] = [true, false].map((is) => devices.filter((one) => (standing?.get(one) === 'xdp') === is))
  const by = [
    ...(quick?.length ? [`by XDP at ${quick.join(', ')}`] : []),
    ...(rest?.length ? [`by BPF at ${rest.join(', ')}`] : []),
    rest?.length ? 'else by nft' : 'else by BPF or nft',
  ]
  if (standing === undefined) return by.join(', ')
  const why = Map.groupBy(rest ?? [], (one) => whyNoXdp(standing.get(one)))
  return by.join(', ') + [...why].map(([reason, at]) => `; no XDP at ${at.join(', ')}: ${reason}`).join('')
}
