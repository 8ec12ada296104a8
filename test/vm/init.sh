#!/bin/busybox sh
# The guest's first process: makes an ordinary system of the initial ramdisk, runs /run-in-guest, powers off.
# What that prints goes to the second serial port; the last line there is its exit status.
if [ "$1" != mounted ]; then
  # Ordinary systems have their root mounted over the kernel's own; statmount and listmount take that for granted
  # (kernel fs/namespace.c, grab_requested_root). So this one has itself mounted over itself.
  /bin/busybox mkdir -p /over
  /bin/busybox mount --bind / /over
  cd /over || exit 1
  /bin/busybox mount --move . /
  exec /bin/busybox chroot . /init mounted
fi
/bin/busybox mkdir -p /busybox /proc /sys /dev /tmp /run /root /var/tmp
/bin/busybox --install -s /busybox
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/busybox HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
ln -sf /proc/self/fd /dev/fd
chmod 1777 /tmp /var/tmp
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
ip link set lo up
hostname guest

stty -F /dev/ttyS1 raw -echo
/bin/busybox sh /run-in-guest </dev/null >/dev/ttyS1 2>&1
printf '\n\036exit %d\n' $? >/dev/ttyS1
poweroff -f
