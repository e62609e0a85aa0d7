#!/bin/bash
# Runs in the box called $1: installs the package, then does each line that comes through one pipe, and says through another what
# came of it, then a line with its exit status. What the daemon logs goes through a third at once: the journal tells of a line up
# to 250 ms later.
for unit in spot-agent spot-coordinator; do
  mkdir -p "/etc/systemd/system/$unit.service.d"
  printf '[Service]\nStandardError=append:/box/out/%s.log\n' "$1" >"/etc/systemd/system/$unit.service.d/test.conf"
done
# The one who set the scene starts it.
systemctl mask --quiet --runtime spot-agent spot-coordinator
dpkg --install --no-triggers /box/package.deb >/run/dpkg 2>&1 || { cat /run/dpkg; exit 1; }
systemctl unmask --quiet --runtime spot-agent spot-coordinator
# A shutdown ends it last: until then somebody may ask.
trap '' TERM
exec 3<>"/box/out/$1.ask" 4<>"/box/out/$1.answer"
while IFS= read -r line <&3; do
  eval "$line" >/run/said 2>&1 </dev/null
  status=$?
  { cat /run/said; printf '\n\004%s\n' $status; } >&4
done
