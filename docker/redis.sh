#!/bin/sh
# Starts Redis with the password that the service "setup" has made.
set -eu
umask 027
conf=/run/redis/redis.conf
{ cat /usr/local/share/hushtape/redis.conf; printf 'requirepass %s\n' "$(cat /secrets/redis/redis)"; } >"$conf"
exec redis-server "$conf"
