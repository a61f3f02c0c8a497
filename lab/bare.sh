#!/bin/sh
# The inner half of lab/bare.py: runs as the first process of namespaces of its own (mounts, processes,
# network, …), turns a copy of this machine into one with an Asterisk, and becomes its systemd.
#
#   bare.sh FOLDER ASTERISK_ROOT REPOSITORY
#
# FOLDER: an empty one; what is written to the copy lies in memory and is gone with these namespaces.
# ASTERISK_ROOT: a Debian with an Asterisk and softphones. REPOSITORY: Hushtape's, to be read only.
set -eu
folder=$1 asterisk=$2 repository=$3
memory=2g
root=$folder/root

mount --make-rprivate /
mount -t tmpfs -o "size=$memory,mode=755" none "$folder"
copy_of() { # a folder, its copy's name
    mkdir -p "$folder/$2.new" "$folder/$2.work" "$folder/$2"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$folder/$2.new,workdir=$folder/$2.work" "$folder/$2"
}
copy_of / root
copy_of "$asterisk" pbx
copy_of "$asterisk" phones
mount -t tmpfs -o mode=1777 none "$root/tmp" # first: what follows may lie in it
mkdir -p "$root/$asterisk" "$root/$repository"
mount --move "$folder/phones" "$root/$asterisk"
mount --bind "$repository" "$root/$repository"
mount -o remount,bind,ro "$root/$repository"

# Whatever of the machine's own would be in the way.
rm -rf "$root/etc/hushtape" "$root/opt/hushtape" "$root/usr/local/bin/hushtape" "$root/etc/asterisk" \
    "$root/var/lib/hushtape" "$root/var/spool/hushtape" \
    "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.requires
cp -L /etc/resolv.conf "$root/etc/resolv.conf.new" && mv "$root/etc/resolv.conf.new" "$root/etc/resolv.conf"
cat /proc/sys/kernel/random/uuid | tr -d - >"$root/etc/machine-id"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 none "$root/sys/fs/cgroup"
for kind in . systemd unified; do
    [ -e "/sys/fs/cgroup/$kind/cgroup.procs" ] || continue
    mkdir -p "$root/sys/fs/cgroup/$kind"
    case $kind in
        systemd) mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd" ;;
        *) mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/$kind" ;;
    esac
done
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs -o mode=755 none "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 none "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# An Asterisk as Debian's package makes it, with somebody's own telephones, queues and numbers. It needs
# newer libraries than this machine has, so it lives in a folder of its own; to who looks from
# outside its files lie where they always do.
chroot "$root" useradd --system --user-group --home-dir /var/lib/asterisk asterisk
mkdir -p "$root/srv/pbx"
mount --move "$folder/pbx" "$root/srv/pbx"
pbx=$root/srv/pbx
cp "$repository"/lab/plain/*.conf "$pbx/etc/asterisk/"
for part in etc/asterisk var/lib/asterisk var/log/asterisk var/spool/asterisk; do
    mkdir -p "$root/$part"
    cp -a "$pbx/$part/." "$root/$part/"
    chroot "$root" chown -R asterisk:asterisk "/$part"
    mkdir -p "$pbx/$part"
done
chmod 750 "$root/var/spool/asterisk"
mkdir -p "$pbx/var/spool" "$pbx/run"
for part in etc/asterisk var/lib/asterisk var/log/asterisk var/spool run dev proc; do
    mount --rbind "$root/$part" "$pbx/$part"
done
cp "$root/etc/passwd" "$root/etc/group" "$root/etc/hosts" "$pbx/etc/"
printf '#!/bin/sh\nexec chroot /srv/pbx /usr/sbin/asterisk "$@"\n' >"$root/usr/sbin/asterisk"
chmod 755 "$root/usr/sbin/asterisk"
cat >"$root/etc/systemd/system/asterisk.service" <<'UNIT'
[Unit]
Description=Asterisk PBX
[Service]
ExecStart=/usr/sbin/asterisk -g -f -U asterisk -G asterisk
[Install]
WantedBy=multi-user.target
UNIT

ip link set lo up
# Asterisk takes a number of its own from a network card that has an address: any will do.
for kind in veth dummy bridge; do
    ip link add eth0 type $kind 2>/dev/null && ip address add 192.0.2.1/32 dev eth0 && break
done

cd "$root"
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd \
    --system --unit=basic.target --log-target=journal --show-status=0
