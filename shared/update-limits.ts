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
/** A manifest in base64, with what is said around it. */
export const orderBytesMax = 48 << 10
/** Releases that a hub keeps for its devices: the one in use, the next, and some to go back to; 200 MB each. */
export const releasesMax = 8
/** Devices that download at once: as many as a hub behind 100 Mbit/s serves without keeping the others waiting for MQTT. */
export const downloadsMax = 16
/** Waves of one roll-out: one device, some, a tenth, all; more are written by mistake. */
export const wavesMax = 32
