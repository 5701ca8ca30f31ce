// Bounds of updates of the program, each with its reason; all others are in limits.ts, which is long enough.

/** A build of the program as one file: a single executable with its runtime is some 120 MB, and twice that is room enough. */
export const updateFileBytesMax = 256 << 20
/** What comes out of a packed one: 6 MB today. Bounded apart from it, for a small file can unpack to anything. */
export const updateUnpackedBytesMax = 256 << 20
/** Files of one build: the program, what it loads, its units and licences. */
export const updateFilesMax = 64
/** Builds that were taken back, and are not taken again unless somebody insists. */
export const updateRefusedMax = 8
/** The manifest of a release: 300 bytes for each of its files. */
export const releaseManifestBytesMax = 32 << 10
/** Files of a release: programs, packages and images for each processor; 14 today. */
export const releaseFilesMax = 64
/** Keys that a device takes releases of: the one in use and the next, of a publisher or two. */
export const releaseKeysMax = 8
/** The file of these keys, with words for people. */
export const releaseKeysBytesMax = 16 << 10
