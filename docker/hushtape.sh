#!/bin/bash
# Starts one part of Hushtape (bridge, worker, scheduler), or the softphone, with the lab's
# configuration: for the one PBX that PBX names, or for all that there are.
#
# What a part logs goes to standard output, as JSON, and to a file beside it for the tour, which
# looks whether anybody's name is in it. That file, and what the bridge keeps of its PBX, have a limit:
# one that has grown large is begun anew with the part's next start.
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
logs=/var/log/hushtape
log=$part${PBX:+-$PBX}.log
large=50M # at its start it may have as much, and grow by as much
find "$logs" -type f \( -name "$log" -o -name "session.${PBX:-none}" \) -size "+$large" -delete
exec > >(tee --output-error=warn-nopipe >(exec stdbuf -o0 head -c "$large" >>"$logs/$log")) 2>&1
exec hushtape "$part" --json-logs "$@"
