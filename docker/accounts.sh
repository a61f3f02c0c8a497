#!/bin/sh
# Makes the accounts and folders of the test lab, with the same numbers in every image: volumes are
# shared between containers, and a new one takes its owner and its mode from the image's folder.
#
# The spool: Asterisk (pbx) writes into it; bridge and workers (hushtape) read, overwrite and remove
# there. Both are members of the group "recordings"; the folder belongs to it and hands it on (the 2
# in 2770), and Asterisk's umask is 007. Nobody else may look into it.
set -eu

groupadd --gid 10000 recordings
while read -r number name; do
    groupadd --gid "$number" "$name"
    useradd --uid "$number" --gid "$number" --no-create-home --home-dir / --shell /usr/sbin/nologin "$name"
done <<END
10001 setup
10002 pbx
10003 hushtape
10004 redis
10005 visitor
END
usermod --append --groups recordings pbx
usermod --append --groups recordings hushtape
# It makes the secrets, and gives each its reader's group.
usermod --append --groups pbx,hushtape,redis,visitor setup

install -d -o setup -g setup -m 0755 /secrets
install -d -o pbx -g recordings -m 2770 /var/spool/hushtape /var/spool/hushtape-freeswitch
install -d -o pbx -g pbx -m 0750 /var/lib/freeswitch-lab
install -d -o hushtape -g hushtape -m 0750 /var/lib/hushtape /var/lib/hushtape/archive /var/log/hushtape
install -d -o redis -g redis -m 0750 /var/lib/redis /var/lib/hushtape/redis
install -d -o hushtape -g hushtape -m 0750 /var/lib/hushtape-heard
