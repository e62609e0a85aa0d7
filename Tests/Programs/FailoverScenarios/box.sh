#!/bin/bash
# Runs in the box called $1: does each line that comes through one pipe, and says through another what came of it, then a
# line with its exit status. What the daemons log goes through a third at once: the journal tells of a line up to 250 ms later.
cp /box/Systemd/* /etc/systemd/system/
for unit in spot-agent:$1 spot-coordinator:coordinator; do
  mkdir -p "/etc/systemd/system/${unit%:*}.service.d"
  printf '[Service]\nStandardError=append:/box/out/%s.log\n' "${unit#*:}" \
    >"/etc/systemd/system/${unit%:*}.service.d/test.conf"
done
systemctl daemon-reload
exec 3<>"/box/out/$1.ask" 4<>"/box/out/$1.answer"
while IFS= read -r line <&3; do
  eval "$line" >/run/said 2>&1 </dev/null
  status=$?
  { cat /run/said; printf '\n\004%s\n' $status; } >&4
done
