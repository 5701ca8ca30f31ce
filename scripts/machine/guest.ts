// What runs inside a virtual machine before the command does: it finds the files of this machine, which it can read and not
// change, puts memory over them for what is written, and makes that the root of everything.

/** Kernel modules without which the files are not found. */
export const NEEDED_MODULES = ['9p', '9pnet_virtio', 'virtio_pci', 'virtio_console', 'overlay']
/** Names of the shared files (9p), and of the lines to the outside. */
export const MOUNT_TAG = 'files'
export const HOST_TAG = 'host'
export const LINES = ['out', 'err', 'code'] as const
/** Where the boot script is unpacked to, by the kernel. */
export const BOOT_PATH = 'boot'
/** Where the files of this machine are in a guest of another processor. */
export const HOST_MOUNT = '/host'

/**
 * The first process. It ends as the first process of the new root, by switch_root: the kernel starts programs of its own
 * (`modprobe`) where that has its root, and whoever enters its mount namespace, as each host of the lab does, would
 * find the files of the boot archive if the new root were not moved over them.
 */
export function guestInit(modules: readonly string[]): string {
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in ${modules.join(' ')}; do insmod /modules/$module; done
shared() { mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,ro,cache=loose "$1" "$2"; }
shared ${MOUNT_TAG} /lower || poweroff -f
mount -t tmpfs tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root
for directory in proc sys dev; do mount --move /$directory /root/$directory; done
mkdir -p /root/dev/pts /root/dev/shm
mount -t devpts devpts /root/dev/pts
mount -t tmpfs tmpfs /root/dev/shm
mount -t tmpfs -o mode=755 tmpfs /root/run
mkdir /root/run/lock /root/run/netns
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
mount -t bpf bpf /root/sys/fs/bpf
. /${BOOT_PATH}.settings
[ -z "$host" ] || { mkdir -p /root$host; shared ${HOST_TAG} /root$host; }
[ -z "$modules" ] || { mkdir -p /root/lib/modules; mount --bind "/root$modules" /root/lib/modules; }
cp /${BOOT_PATH} /root/run/${BOOT_PATH}
echo 0 > /root/proc/sys/kernel/printk
exec switch_root /root /bin/sh /run/${BOOT_PATH}
`
}

/** A word as a shell reads it: itself, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

export interface GuestCommand {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Kernel modules that are loaded before it, where the kernel has them. */
  readonly modules: readonly string[]
}

/** Its output goes out by the lines of that name, and at last its exit code; then the power goes off. */
export function bootScript({ argv, cwd, env, modules }: GuestCommand): string {
  const settings = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`)
  return `cd ${quoted(cwd)} || cd /
${settings.join('\n')}
hostname vm
ip link set lo up
for one in ${modules.join(' ')}; do modprobe -q "$one"; done
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do ln -sf "../\${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"; done
${argv.map(quoted).join(' ')} </dev/null >/dev/virtio-ports/out 2>/dev/virtio-ports/err
echo $? >/dev/virtio-ports/code
echo o >/proc/sysrq-trigger
while :; do sleep 60; done
`
}

/** Where the guest finds what is not in its own files; empty where that is so. */
export function bootSettings(settings: { readonly host: string; readonly modules: string }): string {
  return `host=${quoted(settings.host)}\nmodules=${quoted(settings.modules)}\n`
}
