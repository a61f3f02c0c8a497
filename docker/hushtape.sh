#!/bin/bash
# Starts one part of Hushtape (bridge, worker, scheduler), or the softphone, with the lab's
# configuration: for the one PBX that PBX names, or for all that there are.
#
# What a part logs goes to standard output, as JSON, and to a file beside it for the tour, which
# looks whether anybody's name is in it.
set -eu
part=$1
shift
{
    cat /etc/hushtape/hushtape.toml
    for pbx in ${PBX:-asterisk${FREESWITCH_IMAGE:+ freeswitch}}; do
        printf '\n'
        cat "/etc/hushtape/$pbx.toml"
    done
} >"$HUSHTAPE_CONFIG"
if [ "$part" = softphone ]; then
    exec python3 -m lab.compose "$@"
fi
umask 077
exec > >(exec tee --append --output-error=warn "/var/log/hushtape/$part${PBX:+-$PBX}.log") 2>&1
exec hushtape "$part" --json-logs "$@"
