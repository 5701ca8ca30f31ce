// What the manifest of a release says of a file that is to become the program. Pure; the manifest was verified by then.

import { HoldfastError } from '../../shared/errors.ts'
import { fileOfDigest, type Manifest } from '../../shared/release/manifest.ts'

export interface ReleaseProof {
  /** Throws `untrusted` for a file that the release does not have, `unsupported` for one that is for another device. */
  checkFile(sha256: string): void
  /** Throws `untrusted` where the file calls itself another version than the manifest does. */
  checkVersion(version: string): void
}

export function proofOf(manifest: Manifest, target: string): ReleaseProof {
  const { version } = manifest
  return {
    checkFile(sha256) {
      const file = fileOfDigest(manifest, sha256)
      if (file === undefined) {
        throw new HoldfastError('untrusted', `the file, SHA-256 ${sha256}, is not one of release ${version}`, {
          remedy: 'It was changed or cut short on its way here, or is of another release: bring it again.',
        })
      }
      if (file.kind === 'agent' && file.target === target) return
      throw new HoldfastError(
        'unsupported',
        `${file.name} is the ${file.kind} for ${file.target}, not the agent for ${target}`,
        {
          remedy: `Take the build of the agent for ${target}.`,
        },
      )
    },
    checkVersion(said) {
      if (said === version) return
      throw new HoldfastError('untrusted', `the file calls itself ${said}, and its manifest says ${version}`, {
        remedy: 'The release was put together wrongly: ask its publisher.',
      })
    },
  }
}
