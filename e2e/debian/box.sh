#!/bin/sh
# The first process of a box; see doc.go. It is started in namespaces of its own.
#
#   box.sh MOUNTPOINT PACKAGES systemd|plain NAME
#
# PACKAGES is a folder that the box sees as /mnt. NAME is that of its control group. "ready" is
# printed when the box can be entered.
set -eu
mountpoint=$1 packages=$2 kind=$3 name=$4
machine=$mountpoint/machine

# Control groups: the box sees only what is below its own.
enter_group() {
	for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		[ -e "$hierarchy/cgroup.procs" ] || continue
		mkdir -p "$hierarchy/$name"
		echo 0 >"$hierarchy/$name/cgroup.procs"
	done
}

mount_files() {
	mount --make-rprivate /
	mount -t tmpfs -o mode=0755 tmpfs "$mountpoint"
	cd "$mountpoint" # the options of overlay cannot hold every path
	mkdir upper work machine
	mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay machine
	mount --bind "$packages" "$machine/mnt"
	mount -t tmpfs -o mode=0755 tmpfs "$machine/run"
	mount -t tmpfs -o mode=1777 tmpfs "$machine/tmp"
	mkdir -p "$machine/run/lock"
}

# The kernel's own settings are the host's: they can be read only.
mount_kernel() {
	mount -t proc proc "$machine/proc"
	mount --bind "$machine/proc/sys" "$machine/proc/sys"
	mount -o remount,bind,ro "$machine/proc/sys"
	mount -t sysfs -o ro sysfs "$machine/sys"
	mount -t tmpfs -o mode=0755 tmpfs "$machine/dev"
	for device in null zero full random urandom tty; do
		cp -a "/dev/$device" "$machine/dev/"
	done
	mkdir "$machine/dev/pts" "$machine/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$machine/dev/pts"
	ln -s pts/ptmx "$machine/dev/ptmx"
	mount -t tmpfs tmpfs "$machine/dev/shm"
}

mount_groups() {
	groups=$machine/sys/fs/cgroup
	if [ -e /sys/fs/cgroup/cgroup.procs ]; then
		mount -t cgroup2 cgroup2 "$groups"
		return
	fi
	mount -t tmpfs -o mode=0755 tmpfs "$groups"
	mkdir "$groups/unified" "$groups/systemd"
	mount -t cgroup2 cgroup2 "$groups/unified"
	mount -t cgroup -o none,name=systemd cgroup "$groups/systemd"
}

# The host's files are out of sight from here on.
move_in() {
	cd "$machine"
	pivot_root . .
	umount -l .
	rm -f usr/sbin/policy-rc.d
}

# Packages may start their services here; those of the host are not started.
case $kind in
plain)
	mount_files
	mount_kernel
	move_in
	# shellcheck disable=SC2016 # for the inner shell
	exec chroot . /bin/sh -c 'echo ready; exec sleep infinity'
	;;
systemd)
	enter_group
	exec unshare --cgroup "$0" "$mountpoint" "$packages" grouped "$name"
	;;
grouped)
	mount_files
	mount_kernel
	mount_groups
	move_in
	exec chroot . /usr/bin/env -i container=gatepost-e2e PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/bin/sh -c 'echo ready; exec /lib/systemd/systemd --unit=basic.target'
	;;
esac
