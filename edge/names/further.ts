// Names that are not the mesh's own: those of zones that the network has name servers for, at sites, and where libc of this host
// asks us first, all others, of whom it asked before. For programs of this host alone, so nobody else can use it to ask, and
// no two name servers can lead each other in a circle.

import { isIP } from 'node:net'
import type { Clock } from '../../shared/effects.ts'
import { createAskOthers } from './ask-others.ts'
import type { NameAsker, NameServerAt } from './doors.ts'
import { withMapped } from './mapped.ts'
import type { Asked, Transport } from './question.ts'
import { addressedTo, createSiteCache } from './site-cache.ts'
import { type SiteZone, type SiteZones, siteZoneFor } from './site-zones.ts'
import { afterQuestions } from './times.ts'

const HEADER_BYTES = 12
const DNS_PORT = 53
const OPT_TYPE = 41
/** What fits into one packet of IPv6 everywhere: the flag day of 2020, RFC 9715. */
const UDP_BYTES_MAX = 1_232
const [RECURSION_DESIRED, CHECKING_DISABLED, RESPONSE] = [0x0100, 0x0010, 0x8000]
const RECURSION_AVAILABLE = 0x0080
const SERVFAIL = 2

export interface Further {
  /** Undefined: nobody is asked for that. `others`: whom to ask for names of no zone. */
  answer(
    question: Buffer,
    asked: Asked,
    transport: Transport,
    zones: SiteZones,
    others: readonly string[],
  ): Promise<Buffer | undefined>
}

/** The question alone: what else somebody says with it is between him and us, such as cookies (RFC 7873). */
function bareQuestion(question: Buffer, end: number, { opt }: Asked): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(RECURSION_DESIRED | (question.readUInt16BE(2) & CHECKING_DISABLED), 2)
  header.writeUInt16BE(1, 4)
  const asked = question.subarray(HEADER_BYTES, end)
  if (opt === undefined) return Buffer.concat([header, asked])
  header.writeUInt16BE(1, 10)
  const more = Buffer.alloc(11)
  more.writeUInt16BE(OPT_TYPE, 1)
  more.writeUInt16BE(Math.min(opt.size, UDP_BYTES_MAX), 3)
  more.writeUInt16BE(opt.signed ? 0x8000 : 0, 7)
  return Buffer.concat([header, asked, more])
}

/** Says that nobody could be asked, so that whoever has others asks them. */
function failure(question: Buffer, end: number): Buffer {
  const bytes = Buffer.from(question.subarray(0, end))
  const kept = bytes.readUInt16BE(2) & (RECURSION_DESIRED | CHECKING_DISABLED)
  bytes.writeUInt16BE(RESPONSE | RECURSION_AVAILABLE | kept | SERVFAIL, 2)
  bytes.writeUInt16BE(1, 4)
  bytes.fill(0, 6, HEADER_BYTES)
  return bytes
}

export function createFurther(ask: NameAsker, clock: Clock): Further {
  const askOthers = createAskOthers(ask, clock)
  const cache = createSiteCache(clock)

  const ofSite = async (
    question: Buffer,
    end: number,
    asked: Asked,
    transport: Transport,
    { mappings = [], port = DNS_PORT, servers }: SiteZone,
  ): Promise<Buffer | undefined> => {
    const bare = bareQuestion(question, end, asked)
    const key = `${transport} ${bare.toString('latin1').toLowerCase()}`
    const places = servers.map((host): NameServerAt => ({ host, port }))
    const answer = await cache.get(key, () => askOthers(places, bare, transport))
    return answer === undefined ? undefined : addressedTo(withMapped(answer, mappings), question)
  }

  return {
    async answer(question, asked, transport, zones, others) {
      const end = afterQuestions(question)
      const zone = siteZoneFor(zones, asked.name)
      if (end === undefined || (zone === undefined && others.length === 0)) return undefined
      // What libc is told stands in a file that anybody may have written.
      const places = others.flatMap((host) => (isIP(host) === 0 ? [] : [{ host, port: DNS_PORT }]))
      const answer =
        zone === undefined
          ? await askOthers(places, question, transport)
          : await ofSite(question, end, asked, transport, zone)
      return answer ?? failure(question, end)
    },
  }
}
