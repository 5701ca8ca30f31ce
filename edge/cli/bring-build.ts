// The first half of `holdfast update`: a file becomes a build in the slot that does not run.

import { arch } from 'node:process'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { bytesText } from '../../shared/cli/words.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { layBuild } from '../host/lay-build.ts'
import { lockBuilds } from '../host/lock-builds.ts'
import { homeFiles } from '../host/program-home.ts'
import { objectionTo, type Place } from '../update/candidate.ts'
import type { Build } from '../update/case.ts'
import type { Laid } from '../update/laid.ts'
import { otherSlot } from '../update/slot.ts'
import type { Cli } from './context.ts'
import { findRelease } from './release-proof.ts'

/** Where it goes, and what it must fit. */
export interface BuildPlace extends Place {
  readonly home: string
  readonly runs: Build
}

/** What the file must be; throws `usage`. */
export function digestOf(cli: Cli): string | undefined {
  const text = textFlag(cli.flags, 'sha256')?.toLowerCase()
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text
  throw new HoldfastError('usage', '--sha256 is not 64 hexadecimal digits', {
    remedy: 'As `sha256sum FILE` prints it.',
  })
}

/** Throws where the file has another digest than `--sha256` says. */
function checkDigest(found: string, wanted: string | undefined): void {
  if (wanted === undefined || found === wanted) return
  throw new HoldfastError('untrusted', `the file’s SHA-256 is ${found}, and not what --sha256 says`, {
    remedy: 'It was changed or cut short on its way here: bring it again, from where the digest is.',
  })
}

/** Lays it into the slot that does not run; throws where it may not be put there, and then nothing has changed. */
export async function bringBuild(
  cli: Cli,
  given: string,
  place: BuildPlace,
  wanted: string | undefined,
): Promise<Laid> {
  const force = switchFlag(cli.flags, 'force')
  const home = homeFiles(place.home)
  const lock = lockBuilds(home, cli.log)
  try {
    const { file, proof } = findRelease(cli, given, `linux-${arch}`)
    return await layBuild({
      file,
      home,
      slot: otherSlot(place.runs.slot),
      arch,
      run: cli.run,
      freeBytes: (path) => cli.probe.freeBytes(path),
      judgeFile({ bytes, file: sha256 }) {
        cli.note(`read ${bytesText(bytes)}, SHA-256 ${sha256}`)
        checkDigest(sha256, wanted)
        proof?.checkFile(sha256)
      },
      judge(candidate, { build }) {
        proof?.checkVersion(candidate.version)
        const objection = objectionTo(candidate, build, place, { again: force, downgrade: force })
        if (objection !== undefined) throw objection
        cli.note(`it starts here, and is version ${candidate.version}`)
      },
    })
  } finally {
    lock.release()
  }
}
